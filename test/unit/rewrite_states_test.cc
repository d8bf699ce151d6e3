// New members for which zero is no state are never read before something made them ready.
#include "rewrite_units.h"

#include <doctest/doctest.h>

using namespace klp;
using namespace klp::test;

namespace {

using Codes = std::multiset<std::string>;

const std::string kernel = "int list_empty(const struct list_head *);\n"
                           "typedef unsigned long size_t;\n"
                           "struct rb_node { unsigned long parent; };\n"
                           "#define RB_CLEAR_NODE(node) ((node)->parent = (unsigned long)(node))\n"
                           "struct percpu_ref { unsigned long count; void *data; };\n"
                           "int percpu_ref_init(struct percpu_ref *, int);\n"
                           "int percpu_ref_is_zero(const struct percpu_ref *);\n"
                           "struct hlist_head { void *first; };\n"
                           "#define INIT_HLIST_HEAD(h) ((h)->first = 0)\n"
                           "int hlist_empty(const struct hlist_head *);\n"
                           "#define ATOMIC_INIT(i) { (i) }\n"
                           "void atomic_set(atomic_t *, int);\n"
                           "#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))\n"
                           "struct handle { void *data; };\n"
                           "void handle_open(struct handle *, int);\n"
                           "int handle_is_open(const struct handle *);\n";

// A structure with a new member that make() sets up, put() ends and show() looks at.
std::string unit(const std::string& member, const std::string& set_up, const std::string& look,
                 const std::string& object = "struct ctx *c") {
    return kernel + "struct ctx {\n\tint lock;\n\t" + member +
           " // new\n};\n"
           "struct ctx *make(int how)\n{\n\tstruct ctx *c;\n\n\tc = kzalloc(sizeof(*c), GFP_KERNEL);\n" +
           (set_up.empty() ? "" : "\t" + set_up + " // new\n") +
           "\treturn c;\n}\nvoid put(struct ctx *c)\n{\n\tkfree(c);\n}\nvoid show(" + object +
           ", int i)\n{\n\tuse(c->lock);\n\t" + look + " // new\n}\n";
}

const std::string made = "klp_ctx_get_or_alloc(c, GFP_ATOMIC | __GFP_MEMALLOC)";

} // namespace

TEST_CASE("rewrite: who only looks at a list finds one that was made ready") {
    for (const char* object : {"struct ctx *c", "const struct ctx *c"}) {
        const rewrite::Result result = rewritten(unit("struct list_head l;", "INIT_LIST_HEAD(&c->l);",
                                                      "if (!list_empty(&c->l)) use((long)c->l.next->prev);", object));
        CHECK(codes_of(result) == Codes{});
        CHECK(contains(text_of(result), "\tif (!list_empty(&" + made + "->l)) use((long)" + made + "->l.next->prev);"));
        CHECK(contains(text_of(result), "\tINIT_LIST_HEAD(&new->l);\n"));
        CHECK_FALSE(contains(text_of(result), "klp_ctx_get("));
    }
}

TEST_CASE("rewrite: so does who looks at a member of a list beside others, which are read as they are") {
    const std::string text = text_of(
        rewritten(unit("struct list_head l; long n;", "INIT_LIST_HEAD(&c->l);", "use((long)c->l.next + c->n);")));
    CHECK(contains(text, "use((long)" + made + "->l.next + klp_ctx_get(c)->n);"));
}

TEST_CASE("rewrite: a type is known by what zero means to it, not by who reads it") {
    const std::string node = text_of(rewritten(unit("struct rb_node n;", "", "use(c->n.parent);")));
    CHECK(contains(node, "use(" + made + "->n.parent);"));
    CHECK(contains(node, "\tRB_CLEAR_NODE(&new->n);\n"));
    const std::string head =
        text_of(rewritten(unit("struct hlist_head h;", "INIT_HLIST_HEAD(&c->h);", "use(hlist_empty(&c->h));")));
    CHECK(contains(head, "use(hlist_empty(&klp_ctx_get(c)->h));"));
}

TEST_CASE("rewrite: every part of a member is made ready") {
    const std::string member = "struct { struct list_head l; struct mutex m; } sub;";
    const rewrite::Result shown =
        rewritten(unit(member, "INIT_LIST_HEAD(&c->sub.l); mutex_init(&c->sub.m);", "use((long)c->sub.l.next);"));
    CHECK(codes_of(shown) == Codes{});
    CHECK(contains(text_of(shown), "\tINIT_LIST_HEAD(&new->sub.l);\n"));
    CHECK(contains(text_of(shown), "\tmutex_init(&new->sub.m);\n"));
    const rewrite::Result half = rewritten(unit(member, "mutex_init(&c->sub.m);", "use((long)c->sub.l.next);"));
    CHECK(codes_of(half) == Codes{});
    CHECK(contains(text_of(half), "\tINIT_LIST_HEAD(&new->sub.l);\n"));
    // A structure with a name has a way of its own.
    const std::string named = "struct sub { struct list_head l; struct mutex m; };\n";
    CHECK(codes_of(rewritten(named + unit("struct sub sub;", "mutex_init(&c->sub.m);", "use((long)c->sub.l.next);"))) ==
          Codes{"rewrite.no-initialiser"});
    CHECK(codes_of(rewritten(named + unit("struct sub sub;", "mutex_init(&c->sub.m); INIT_LIST_HEAD(&c->sub.l);",
                                          "use((long)c->sub.l.next);"))) == Codes{});
}

TEST_CASE("rewrite: so is every element of an array") {
    const std::string loop = "for (int i = 0; i < 4; i++) INIT_LIST_HEAD(&c->l[i]);";
    for (const std::string& set_up : {loop, std::string("INIT_LIST_HEAD(&c->l[0]);")}) {
        const rewrite::Result result = rewritten(unit("struct list_head l[4];", set_up, "use(list_empty(&c->l[i]));"));
        CHECK(codes_of(result) == Codes{});
        CHECK(contains(text_of(result), "\tfor (size_t at = 0; at < ARRAY_SIZE(new->l); at++)\n"
                                        "\t\tINIT_LIST_HEAD(&new->l[at]);\n"));
        CHECK(contains(text_of(result), "use(list_empty(&" + made + "->l[i]));"));
    }
    CHECK(codes_of(rewritten(unit("struct list_head l[4][2];", "", "use(list_empty(&c->l[i][i]));"))) ==
          Codes{"rewrite.no-initialiser"});
}

TEST_CASE("rewrite: what only the maker can make ready is a question") {
    CHECK(codes_of(rewritten(unit("struct percpu_ref r;", "percpu_ref_init(&c->r, 0);",
                                  "use(percpu_ref_is_zero(&c->r));"))) == Codes{"rewrite.no-initialiser"});
    // A function that nobody knows, and what has pointers.
    CHECK(codes_of(rewritten(unit("struct handle h;", "handle_open(&c->h, 1);", "use(handle_is_open(&c->h));"))) ==
          Codes{"rewrite.no-initialiser"});
    CHECK(codes_of(rewritten(unit("struct handle h;", "", "use(handle_is_open(&c->h));"))) == Codes{});
}

TEST_CASE("rewrite: a count that new objects begin with is what old ones read as") {
    const std::string look = "use(atomic_read(&c->n));";
    const std::string text = text_of(rewritten(unit("atomic_t n;", "atomic_set(&c->n, 7);", look)));
    CHECK(contains(text, "\t.n = ATOMIC_INIT(7),\n"));
    CHECK(contains(text, "use(atomic_read(&klp_ctx_get(c)->n));"));
    CHECK_FALSE(contains(text_of(rewritten(unit("atomic_t n;", "atomic_set(&c->n, 0);", look))), ".n = "));
    CHECK(rewritten(unit("atomic_t n;", "atomic_set(&c->n, how);", look)).remarks.size() == 1);
    const rewrite::Result some = rewritten(unit("atomic_t n;", "if (how) atomic_set(&c->n, 7);", look));
    CHECK(some.remarks.size() == 1);
    CHECK_FALSE(contains(text_of(some), ".n = "));
    // What another function stores is no beginning.
    CHECK_FALSE(contains(text_of(rewritten(unit("atomic_t n;", "", "atomic_set(&c->n, 7);"))), ".n = "));
}

TEST_CASE("rewrite: a constant is given to that part of a member which new objects have it in") {
    const auto text = [](const std::string& member, const std::string& set_up, const std::string& look) {
        return text_of(rewritten(unit(member, set_up, look)));
    };
    CHECK(contains(text("struct { int a, b; } n;", "c->n.b = 7;", "use(c->n.b);"), "\t.n.b = 7,\n"));
    CHECK(contains(text("int n[4];", "c->n[2] = 7;", "use(c->n[i]);"), "\t.n[2] = 7,\n"));
    CHECK(rewritten(unit("long n;", "c->n = sizeof(*c);", "use(c->n);")).remarks.size() == 1);
    const rewrite::Result loop =
        rewritten(unit("int n[4];", "for (int i = 0; i < 4; i++) c->n[i] = 7;", "use(c->n[i]);"));
    CHECK_FALSE(contains(text_of(loop), "= 7,"));
    CHECK(loop.remarks.size() == 1);
    CHECK(rewritten(unit("int n[4];", "for (int i = 0; i < 4; i++) c->n[i] = 0;", "use(c->n[i]);")).remarks.empty());
    CHECK(codes_of(rewritten(unit("void *n[4];", "for (int i = 0; i < 4; i++) c->n[i] = kzalloc(8, 1u);",
                                  "use((long)c->n[i]);"))) == Codes{"rewrite.old-value"});
}

TEST_CASE("rewrite: what a function does to new objects only is how they begin") {
    const auto text = [](const std::string& more) {
        return text_of(
            rewritten("struct ctx;\nstatic void begin(struct ctx *c);\n" + unit("long n;", "begin(c);", "use(c->n);") +
                      "static void begin(struct ctx *made)\n{\n\tuse(made->lock);\n\tmade->n = 7; // new\n}\n" + more));
    };
    CHECK(contains(text(""), "\t.n = 7,\n"));
    CHECK_FALSE(contains(text("void again(struct ctx *c)\n{\n\tbegin(c);\n}\n"), ".n = 7"));
    CHECK_FALSE(contains(text("void (*kept)(struct ctx *) = begin;\n"), ".n = 7"));
}

TEST_CASE("rewrite: a union is made ready by who knows what it is") {
    CHECK(codes_of(rewritten(unit("union { struct list_head l; long n; } u;", "", "use((long)c->u.l.next);"))) ==
          Codes{"rewrite.no-initialiser"});
    CHECK(codes_of(rewritten(unit("union { struct list_head l; long n; } u;", "INIT_LIST_HEAD(&c->u.l);",
                                  "use((long)c->u.l.next);"))) == Codes{});
}

TEST_CASE("rewrite: what others link to is never in memory that is lost") {
    const std::string text = text_of(rewritten("struct node { struct node *next; };\nvoid hang(struct node *);\n" +
                                               unit("struct node n; long count;", "", "hang(&c->n); c->count++;")));
    CHECK(contains(text, "hang(&" + made + "->n); klp_ctx_get_or_alloc(c, GFP_ATOMIC)->count++;"));
    CHECK(contains(text, "WARN_ONCE("));
    CHECK_FALSE(contains(text, "lost = klp_ctx_default"));
    CHECK_FALSE(contains(text, "is_ready"));
}
