// What a patch takes for granted of objects that the old code made and stored.

#include "source_texts.h"

#include <doctest/doctest.h>

using namespace klp::source;
using Kind = ObjectChange::Kind;

namespace {

constexpr auto compare = klp::test::object_changes;
constexpr auto only = klp::test::only_object_change;

// A driver: a function that makes its objects, one that uses them, one that takes them back.
std::string driver(const std::string& make, const std::string& use, const std::string& release = "kfree(c);") {
    return "static int make(struct file *f) { struct ctx *c; " + make +
           " f->private_data = c; return 0; }\n"
           "static int use(struct file *f, struct ctx *c) { " +
           use + " return 0; }\nstatic void release(struct ctx *c) { " + release + " }\n";
}

const std::string alloc = "c = kzalloc(sizeof(*c), GFP_KERNEL); ";

} // namespace

TEST_CASE("objects of another size") {
    const ObjectChange found =
        only(driver(alloc, ""), driver("c = kzalloc(sizeof(*c) + sizeof(u64), GFP_KERNEL);", "read((u64 *)(c + 1));"));
    CHECK(found.kind == Kind::size);
    CHECK(found.function == "make");
    CHECK(found.what == "c");
    // Other spellings and other flags are no other size.
    CHECK(compare(driver(alloc, ""), driver("c = kzalloc(sizeof(struct ctx), GFP_ATOMIC);", "")).empty());
    CHECK(compare(driver("c = kzalloc(n * sizeof(*c), GFP_KERNEL);", ""),
                  driver("c = kcalloc(n, sizeof(*c), GFP_KERNEL);", ""))
              .empty());
    CHECK(compare("int f(struct c *c) { c->list = kcalloc(c->n, sizeof(struct e), GFP_KERNEL); return 0; }",
                  "int f(struct c *c) { c->list = kzalloc_objs(*c->list, c->n); return 0; }")
              .empty());
    // The same size by way of a variable, and of a member whose type is not known.
    CHECK(compare(
              "int f(struct c *c) { struct e *e; int len; e = c->end; len = c->n * sizeof(*e); c->list = kzalloc(len, "
              "GFP_KERNEL); return 0; }",
              "int f(struct c *c) { struct e *e; c->list = kcalloc(c->n, sizeof(*c->list), GFP_KERNEL); return 0; }")
              .empty());
    CHECK(only("int f(struct c *c) { int len = c->n; c->list = kzalloc(len, GFP_KERNEL); return 0; }",
               "int f(struct c *c) { int len = c->n + 4; c->list = kzalloc(len, GFP_KERNEL); return 0; }")
              .kind == Kind::size);
    // A buffer that goes when the function ends.
    CHECK(compare("int f(void) { char *b; b = kmalloc(n, GFP_KERNEL); fill(b, n); kfree(b); return 0; }",
                  "int f(void) { char *b; b = kmalloc(n + 1, GFP_KERNEL); fill(b, n); kfree(b); return 0; }")
              .empty());
    // One that a member leads to, or that is handed out.
    CHECK(only("int f(struct ctx *c) { c->buf = kmalloc(c->n, GFP_KERNEL); return 0; }",
               "int f(struct ctx *c) { c->buf = kmalloc(c->n + 1, GFP_KERNEL); return 0; }")
              .what == "->buf");
    CHECK(only("char *f(void) { char *b; b = kmalloc(n, GFP_KERNEL); return b; }",
               "char *f(void) { char *b; b = kmalloc(n + 1, GFP_KERNEL); return b; }")
              .kind == Kind::size);
}

TEST_CASE("another number of references at first") {
    const ObjectChange found = only(driver(alloc + "kref_init(&c->ref);", ""),
                                    driver(alloc + "refcount_set(&c->ref.refcount, 2);", "put(c);"));
    CHECK(found.kind == Kind::count);
    CHECK(found.was == "1");
    CHECK(found.is == "2");
    CHECK(compare(driver(alloc + "kref_init(&c->ref);", ""), driver(alloc + "refcount_set(&c->ref.refcount, 1);", ""))
              .empty());
}

TEST_CASE("first values that old objects never got, and code that goes by them") {
    const std::string type = "struct ctx { struct list_head list; int state; };\n";
    const ObjectChange list =
        only(type + driver(alloc, ""), type + driver(alloc + "INIT_LIST_HEAD(&c->list);", "list_del_init(&c->list);"));
    CHECK(list.kind == Kind::first_value);
    CHECK(list.function == "make");
    CHECK(list.other == "use");
    CHECK(list.what == "->list");
    CHECK(only(type + driver(alloc, ""), type + driver(alloc + "c->state = 1;", "if (!c->state) return 1;")).what ==
          "->state");
    // Other spellings: a call that stores, a bit, the whole object, a helper on either side.
    const std::string use = "if (!c->state) return 1;";
    for (const std::string store :
         {"WRITE_ONCE(c->state, 1);", "set_bit(3, (unsigned long *)&c->state);", "*c = (struct ctx){ .state = 1 };"}) {
        CAPTURE(store);
        CHECK(only(type + driver(alloc, ""), type + driver(alloc + store, use)).what == "->state");
    }
    CHECK(
        only(type + driver(alloc, ""),
             type +
                 "static void mark(struct ctx *it) { it->state = 1; }\nstatic bool is_marked(struct ctx *it) { return "
                 "it->state; }\n" +
                 driver(alloc + "mark(c);", "if (is_marked(c)) return 1;"))
            .what == "->state");
    // Who makes it may have it from the core.
    const auto queue = [&](const std::string& make, const std::string& go) {
        return type + "static int fq_init(struct Qdisc *s) { struct ctx *c = qdisc_priv(s); " + make +
               " return 0; }\n" + "static int go(struct ctx *c) { " + go + " return 0; }\n";
    };
    CHECK(only(queue("", ""), queue("c->state = 7;", use)).function == "fq_init");
    CHECK(only(type + driver("struct sock *s = sk_alloc(n); c = ctx_of(s);", ""),
               type + driver("struct sock *s = sk_alloc(n); c = ctx_of(s); c->state = 1;", use))
              .what == "->state");
    // Another value, with which others now compare.
    const ObjectChange value = only(queue("c->state = 1;", "if (!c->state) return 1;"),
                                    queue("c->state = 3;", "if (c->state != 3) return 1;"));
    CHECK(value.kind == Kind::value);
    CHECK(value.was == "1");
    CHECK(value.is == "3");
    CHECK(compare(queue("c->state = 1;", use), queue("c->state = 3;", use)).empty());
    // Nobody goes by it, or everybody did before.
    CHECK(compare(type + driver(alloc, ""), type + driver(alloc + "c->state = 1;", "")).empty());
    CHECK(compare(type + driver(alloc, "list_del(&c->list);"),
                  type + driver(alloc + "INIT_LIST_HEAD(&c->list);", "list_del(&c->list);"))
              .empty());
    // It has only moved; or the other one's is of another type.
    CHECK(compare(type + "static void set(struct ctx *c) { INIT_LIST_HEAD(&c->list); }\n" + driver(alloc, ""),
                  type + driver(alloc + "INIT_LIST_HEAD(&c->list);", "list_del_init(&c->list);"))
              .empty());
    CHECK(compare(type + driver(alloc, "struct box *b = f->box;"),
                  type + driver(alloc + "c->state = 1;", "struct box *b = f->box; if (!b->state) return 1;"))
              .empty());
    // A new member is a matter of the type, also where another structure has one of that name.
    CHECK(compare(type + "struct box { int more; };\n" + driver(alloc, ""),
                  "struct ctx { struct list_head list; int state; int more; };\nstruct box { int more; };\n" +
                      driver(alloc + "c->more = 1;", "if (!c->more) return 1;"))
              .empty());
    CHECK(compare(driver(alloc, ""), driver(alloc + "c->more = 1;", "if (!c->more) return 1;")).empty());
}

TEST_CASE("a new flag of what is made, and code that goes by it") {
    const ObjectChange found =
        only(driver(alloc + "c->flags = CTX_OPEN;", ""),
             driver(alloc + "c->flags = CTX_OPEN | CTX_LISTED;", "if (c->flags & CTX_LISTED) return 1;"));
    CHECK(found.kind == Kind::flag);
    CHECK(found.is == "CTX_LISTED");
    CHECK(compare(driver(alloc, ""), driver(alloc + "c->flags = CTX_LISTED;", "")).empty());
    // By functions for it, under a condition.
    CHECK(only(driver(alloc, ""),
               driver(alloc + "if (new) ctx_flag_set(c, CTX_LISTED, true);", "if (!ctx_flag(c, CTX_LISTED)) return 1;"))
              .is == "CTX_LISTED");
    CHECK(only(driver(alloc, ""), driver(alloc + "if (new) set_bit(CTX_LISTED, &c->flags);",
                                         "if (test_bit(CTX_LISTED, &c->flags)) return 1;"))
              .is == "CTX_LISTED");
    // What is beside the object, what is only asked for, macros with parameters.
    CHECK(compare(driver(alloc, ""), driver(alloc + "klp_shadow_alloc(c, CTX_ID, 8, GFP_KERNEL, NULL, NULL);",
                                            "klp_shadow_get(c, CTX_ID);"))
              .empty());
    CHECK(compare(driver(alloc, ""), driver(alloc + "if (f(c, CTX_MORE)) c->x = 1;", "if (f(c, CTX_MORE)) return 1;"))
              .empty());
    CHECK(compare(driver(alloc, ""), driver(alloc + "c->x = CTX_OF(f);", "if (g(c, CTX_OF(f))) return 1;")).empty());
}

TEST_CASE("made and given back by another pair of functions") {
    const ObjectChange found = only(driver(alloc, ""), driver("c = vzalloc(sizeof(*c));", "", "vfree(c);"));
    CHECK(found.kind == Kind::allocator);
    CHECK(found.function == "release");
    CHECK(found.other == "make");
    CHECK(found.was == "kfree");
    CHECK(found.is == "vfree");
    // kvfree() takes what exists, but the old kfree() does not take what is new.
    CHECK(only(driver(alloc, ""), driver("c = kvzalloc(sizeof(*c), GFP_KERNEL);", "", "kvfree(c);")).kind ==
          Kind::new_allocator);
    CHECK(compare(driver(alloc, "", "kvfree(c);"), driver("c = kvzalloc(sizeof(*c), GFP_KERNEL);", "", "kvfree(c);"))
              .empty());
    CHECK(compare(driver(alloc, ""), driver(alloc + "prepare();", "", "kvfree(c);")).empty());
    CHECK(only("int make(struct c *c) { c->page = (char *)get_zeroed_page(GFP_KERNEL); return 0; }\n"
               "void end(struct c *c) { free_page((unsigned long)c->page); }\n",
               "int make(struct c *c) { c->page = kzalloc(PAGE_SIZE, GFP_KERNEL); return 0; }\n"
               "void end(struct c *c) { kfree(c->page); }\n")
              .kind == Kind::allocator);
    // Who only puts right what was wrong makes as before.
    CHECK(compare(driver("c = vzalloc(sizeof(*c));", ""), driver("c = vzalloc(sizeof(*c));", "", "vfree(c);")).empty());
}

TEST_CASE("what goes with its device, and does not any more") {
    const auto devices = [](const std::string& make, const std::string& end) {
        return "int probe(struct dev *d) { struct ctx *c; " + make + " return 0; }\n" +
               "void remove(struct dev *d) { struct ctx *c = d->priv; " + end + " }\n";
    };
    const std::string managed = devices("c = devm_kzalloc(d, sizeof(*c), GFP_KERNEL);", "stop(c);");
    const std::string own = devices("c = kzalloc(sizeof(*c), GFP_KERNEL);", "stop(c); kfree(c);");
    CHECK(only(managed, own).kind == Kind::managed);
    CHECK(only(own, managed).kind == Kind::now_managed);
    CHECK(
        compare(managed, devices("c = devm_kzalloc(d, sizeof(*c), GFP_KERNEL);", "stop(c); kfree(d->name);")).empty());
}

TEST_CASE("what belonged to somebody else") {
    const auto boxes = [](const std::string& fill, const std::string& end) {
        return "int make(struct box *b, const struct ops *ops) { " + fill + " return 0; }\n" +
               "void end(struct box *b) { " + end + " kfree(b); }\n";
    };
    const std::string handed = boxes("rcu_assign_pointer(b->ops, ops);", "");
    const std::string copied = boxes("ops = kmemdup(ops, sizeof(*ops), GFP_KERNEL); rcu_assign_pointer(b->ops, ops);",
                                     "kfree(rcu_access_pointer(b->ops));");
    const ObjectChange found = only(handed, copied);
    CHECK(found.kind == Kind::owner);
    CHECK(found.function == "end");
    CHECK(found.other == "make");
    CHECK(found.what == "->ops");
    CHECK(only(boxes("b->name = \"x\";", ""), boxes("b->name = kstrdup(\"x\", GFP_KERNEL);", "kfree(b->name);")).kind ==
          Kind::owner);
    // A leak that ends; a copy that nobody gives back.
    CHECK(compare(boxes("b->name = kstrdup(name, GFP_KERNEL);", ""),
                  boxes("b->name = kstrdup(name, GFP_NOFS);", "kfree(b->name);"))
              .empty());
    CHECK(compare(handed, boxes("ops = kmemdup(ops, sizeof(*ops), GFP_KERNEL); rcu_assign_pointer(b->ops, ops);", ""))
              .empty());
}

TEST_CASE("another type behind a pointer") {
    const ObjectChange found = only(driver(alloc, "struct ctx *mine = f->private_data;"),
                                    driver(alloc, "struct box *mine = f->private_data;"));
    CHECK(found.kind == Kind::pointer);
    CHECK(found.what == "->private_data");
    CHECK(found.was == "ctx");
    CHECK(found.is == "box");
    CHECK(only("void f(struct work *w) { struct a *p = container_of(w, struct a, work); }",
               "void f(struct work *w) { struct b *p = container_of(w, struct b, work); }")
              .is == "b");
    CHECK(only("void f(struct s *s) { struct a *p; list_for_each_entry(p, &s->list, link) use(p); }",
               "void f(struct s *s) { struct b *p; list_for_each_entry(p, &s->list, link) use(p); }")
              .what == "the list ->list");
    CHECK(only("void f(struct net_device *d) { struct a *p = netdev_priv(d); }",
               "void f(struct net_device *d) { struct b *p = netdev_priv(d); }")
              .what == "netdev_priv(d)");
    // Elsewhere it is still taken for the old type.
    CHECK(only("void f(struct file *f) { struct a *p = f->private_data; }\nvoid g(struct file *f) { struct a *p = "
               "f->private_data; }",
               "void f(struct file *f) { struct a *p = f->private_data; }\nvoid g(struct file *f) { struct b *p = "
               "f->private_data; }")
              .function == "g");
    // A second type beside the first, a new name for the same type, a variable that now leads elsewhere.
    CHECK(compare("void f(struct file *f) { struct a *p = f->private_data; }\nvoid g(struct file *f) { }",
                  "void f(struct file *f) { struct a *p = f->private_data; }\nvoid g(struct file *f) { struct b *p = "
                  "f->private_data; }")
              .empty());
    CHECK(compare("struct a { int x; };\nvoid f(struct file *f) { struct a *p = f->private_data; }",
                  "struct b { int x; };\nvoid f(struct file *f) { struct b *p = f->private_data; }")
              .empty());
    CHECK(compare("void f(struct file *f) { struct a *p = f->private_data; }",
                  "void f(struct file *f) { void *v = f->private_data; struct a *p = v; }")
              .empty());
    CHECK(compare("void f(struct file *f) { struct a *p = f->private_data; }",
                  "void f(struct file *f) { struct b *p = f->f_op; }")
              .empty());
}

TEST_CASE("another type of what a callback is given") {
    const std::string give = "int start(struct a *a) { return request_irq(a->irq, f, 0, \"a\", a); }\n";
    const ObjectChange found =
        only(give + "static irqreturn_t f(int irq, void *data) { struct a *p = data; return 0; }",
             give + "static irqreturn_t f(int irq, void *data) { struct b *p = data; return 0; }");
    CHECK(found.kind == Kind::cookie);
    CHECK(found.what == "data");
    CHECK(found.was == "a");
    CHECK(found.is == "b");
    CHECK(only(give + "void f(unsigned long data) { struct a *p = (struct a *)data; }",
               give + "void f(unsigned long data) { struct b *p = (struct b *)data; }")
              .kind == Kind::cookie);
    // Only code that the patch has calls it; what a comparison is given comes from the one who sorts.
    CHECK(compare("static int f(void *data) { struct a *p = data; return 0; }\nint g(void) { return f(x); }",
                  "static int f(void *data) { struct b *p = data; return 0; }\nint g(void) { return f(y); }")
              .empty());
    CHECK(compare("int cmp(const void *x) { const struct a *p = x; return 0; }\nvoid g(void) { sort(t, n, cmp); }",
                  "int cmp(const void *x) { const struct b *p = x; return 0; }\nvoid g(void) { sort(t, n, cmp); }")
              .empty());
    // What a socket leads to, also where it is returned.
    CHECK(only("struct a *of(struct sock *sk) { return rcu_dereference_sk_user_data(sk); }",
               "struct a *of(struct sock *sk) { struct list_head *l = rcu_dereference_sk_user_data(sk); return "
               "entry(l); }")
              .kind == Kind::pointer);
}

TEST_CASE("another way to hash") {
    const ObjectChange found = only("int f(struct k *k) { return jhash2(k->words, 4, k->seed); }",
                                    "int f(struct k *k) { return jhash2(k->words, 4, k->seed + 1); }");
    CHECK(found.kind == Kind::hash);
    CHECK(found.function == "f");
    CHECK(only("#define uid_hashfn(uid) ((uid >> 3) & MASK)\n", "#define uid_hashfn(uid) ((uid >> 4) & MASK)\n").kind ==
          Kind::hash);
    CHECK(compare("int f(struct k *k) { return jhash2(k->words, 4, 0); }",
                  "int f(struct k *key) { lock(); return jhash2(key->words, 4, 0); }")
              .empty());
}

TEST_CASE("the same hash and order in other words") {
    CHECK(compare(
              "int f(struct q *q, struct sock *sk) { return hash_ptr(sk, q->log); }",
              "int f(struct q *q, struct sock *sk) { struct sock *key = sk; return hash_ptr(key, READ_ONCE(q->log)); }")
              .empty());
    CHECK(only("int f(struct q *q, int a) { int key = a; return hash_32(key, q->log); }",
               "int f(struct q *q, int a) { int key = a * 2 + 1; return hash_32(key, q->log); }")
              .is == "hash_32(a * 2 + 1, ->log)");
    CHECK(compare("void f(int key) { if (n->key > key) p = n->rb_left; else p = n->rb_right; }",
                  "void f(int key) { if (key < n->key) p = n->rb_left; else p = n->rb_right; }")
              .empty());
    CHECK(only("void f(int key) { if (n->key > key) p = n->rb_left; else p = n->rb_right; }",
               "void f(int key) { if (key <= n->key) p = n->rb_left; else p = n->rb_right; }")
              .kind == Kind::order);
}

TEST_CASE("a number of a list that is made in another way") {
    const std::string user = "struct e *find(struct t *t, u32 key) { return first(&t->lists[key_hashfn(key)]); }\n";
    CHECK(only("static u32 key_hashfn(u32 key) { return key & MASK; }\n" + user,
               "static u32 key_hashfn(u32 key) { return (key >> 7) & MASK; }\n" + user)
              .kind == Kind::hash);
    // Nobody finds anything by it.
    CHECK(compare("static u32 key_hashfn(u32 key) { return key & MASK; }",
                  "static u32 key_hashfn(u32 key) { return key; }")
              .empty());
}

TEST_CASE("another order of a sorted tree") {
    const std::string walk = "void add(struct n *n, int key) { while (*p) { if (key < n->key) p = &(*p)->rb_left; "
                             "else p = &(*p)->rb_right; } }\n";
    const auto changed = [](std::string text, const std::string& from, const std::string& to) {
        return text.replace(text.find(from), from.size(), to);
    };
    CHECK(only(walk, changed(walk, "key <", "key >")).kind == Kind::order);
    CHECK(compare(walk, changed(walk, "while", "lock(); while")).empty());

    const std::string search =
        "struct n *find(int key) { if (cmp(key, n) < 0) p = p->rb_left; else p = p->rb_right; }\n";
    const std::string cmp =
        "static int cmp(int key, struct n *n) { return key > n->key ? +1 : key < n->key ? -1 : 0; }\n";
    const ObjectChange found = only(cmp + search, changed(cmp, "key > n", "n->more > n") + search);
    CHECK(found.kind == Kind::order);
    CHECK(found.other == "find");
    CHECK(compare(cmp + search, "static int cmp(int key, struct n *n) { if (key > n->key) return 1; if (key < n->key) "
                                "return -1; return 0; }\n" +
                                    search)
              .empty());
    // No tree goes by it.
    CHECK(compare(cmp, changed(cmp, "key > n", "n->more > n")).empty());
}
