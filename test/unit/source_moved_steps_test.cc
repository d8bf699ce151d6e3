// Steps of an object's life that a patch moves from one function to another.
#include "source_texts.h"

#include "source/moved_steps.h"

#include <doctest/doctest.h>

using namespace klp::source;
using Kind = MovedStep::Kind;

namespace {

std::vector<MovedStep> compare(const std::string& before, const std::string& after) {
    return klp::test::compare_texts(compare_steps, before, after);
}

MovedStep only(const std::string& before, const std::string& after) {
    const std::vector<MovedStep> found = compare(before, after);
    REQUIRE(found.size() == 1);
    return found.front();
}

// Who makes an object, uses it, shuts it down and takes it back: each by itself a callback.
struct Driver {
    std::string make{}, use{}, shut{}, release{};
    std::string more{}; // other functions
    std::string text() const {
        return more + "int make(struct file *f) { struct ctx *c; c = kzalloc(sizeof(*c), GFP_KERNEL); " + make +
               " return 0; }\nint use(struct ctx *c) { " + use + " return 0; }\nvoid shut(struct ctx *c) { " + shut +
               " }\nvoid release(struct box *b) { struct ctx *c = b->ctx; " + release + " }\n";
    }
};

} // namespace

TEST_CASE("made ready by the maker in place of the user") {
    const std::string init = "INIT_WORK(&c->end, end);", go = "queue_work(wq, &c->end);";
    const Driver before{.use = init + go};
    const MovedStep found = only(before.text(), Driver{.make = init, .use = go}.text());
    CHECK(found.kind == Kind::readied_by_maker);
    CHECK(found.to == "make");
    CHECK(found.from == "use");
    CHECK(found.what == "->end");
    CHECK(found.by == "INIT_WORK");
    // The maker of one object makes a member of another ready, which is as old.
    CHECK(only("int open(struct sock *s) { spin_lock_init(&s->lock); return 0; }\nint shut(struct sock *s) { " + init +
                   go + " }\n",
               "int open(struct sock *s, struct ctx *c) { spin_lock_init(&s->lock); " + init +
                   " return 0; }\nint shut(struct sock *s, struct ctx *c) { " + go + " }\n")
              .kind == Kind::readied_by_maker);
    // By a new helper.
    CHECK(only(before.text(),
               Driver{.make = "set(c);", .use = go, .more = "static void set(struct ctx *c) { " + init + " }\n"}.text())
              .to == "make");
    // The user still does so, or makes it as well, or did so on behalf of the maker; or the other one's is another.
    CHECK(compare(before.text(), Driver{.make = init, .use = init + go}.text()).empty());
    const std::string alloc = "c = kzalloc(sizeof(*c), GFP_KERNEL);";
    CHECK(compare(Driver{.use = alloc + init + go}.text(), Driver{.make = init, .use = alloc + go}.text()).empty());
    CHECK(
        compare(Driver{.make = "use(c);", .use = init + go}.text(), Driver{.make = init + "use(c);", .use = go}.text())
            .empty());
    CHECK(compare(before.text(), Driver{.make = "INIT_WORK(&c->begin, f);", .use = go}.text()).empty());
    CHECK(compare(before.text(), Driver{.make = "struct box *b = c->box; INIT_WORK(&b->end, end);", .use = go}.text())
              .empty());
}

TEST_CASE("made ready by the maker, and who uses it is not only called behind that") {
    const std::string init = "INIT_WORK(&c->exit, end);";
    const auto ring = [&](const std::string& make, const std::string& exit, const std::string& more) {
        return "static struct ctx *make(void) { struct ctx *c = kzalloc(sizeof(*c), GFP_KERNEL); " + make +
               " return c; }\nstatic void leave(struct ctx *c) { " + exit +
               " queue_work(wq, &c->exit); }\nint create(void) { struct ctx *c = make(); if (bad(c)) leave(c); "
               "return 0; }\n" +
               more;
    };
    const std::string release = "int release(struct file *f) { leave(f->private_data); return 0; }\n";
    CHECK(only(ring("", init, release), ring(init, "", release)).kind == Kind::readied_by_maker);
    CHECK(compare(ring("", init, ""), ring(init, "", "")).empty());
}

TEST_CASE("made ready by the user in place of the maker, or by neither") {
    const std::string init = "mutex_init(&c->lock);";
    const MovedStep found = only(Driver{.make = init}.text(), Driver{.use = init}.text());
    CHECK(found.kind == Kind::readied_by_user);
    CHECK(found.to == "use");
    CHECK(only(Driver{.use = init}.text(), Driver{.shut = init}.text()).kind == Kind::readied);
    // In one that only the maker calls; in one that runs once.
    const auto helped = [](const std::string& make, const std::string& help) {
        return Driver{.make = make + "help(c);", .more = "static void help(struct ctx *c) { " + help + " }\n"}.text();
    };
    CHECK(compare(helped(init, ""), helped("", init)).empty());
    const auto once = [](const std::string& start) {
        return "static int __init start(struct ctx *c) { " + start + " return 0; }\n";
    };
    CHECK(compare(once(init) + Driver{}.text(), once("") + Driver{.use = init}.text()).empty());
}

TEST_CASE("given back by another function") {
    const MovedStep found = only(Driver{.shut = "kfree(c->name);"}.text(), Driver{.release = "kfree(c->name);"}.text());
    CHECK(found.kind == Kind::given_back);
    CHECK(found.from == "shut");
    CHECK(found.to == "release");
    CHECK(found.what == "->name");
    // What a variable was read from, and what it points to.
    CHECK(
        only(Driver{.shut = "struct ctx *n = c->next; kfree(n);"}.text(), Driver{.release = "kvfree(c->next);"}.text())
            .what == "->next");
    CHECK(only(Driver{.shut = "kfree(c);"}.text(), Driver{.release = "kfree(c);"}.text()).what == "c");
    // A reference; one of two.
    CHECK(only(Driver{.shut = "sock_put(c->sk);"}.text(), Driver{.release = "sock_put(c->sk);"}.text()).by ==
          "sock_put");
    CHECK(only(Driver{.shut = "if (x) sock_put(c->sk); else sock_put(c->sk);"}.text(),
               Driver{.shut = "if (x) sock_put(c->sk);", .release = "sock_put(c->sk);"}.text())
              .from == "shut");
    CHECK(only(Driver{.use = "sock_hold(c->sk);"}.text(),
               Driver{.make = "prepare();", .shut = "sock_hold(c->sk);"}.text())
              .kind == Kind::taken);
}

TEST_CASE("no move of what is given back") {
    const std::string name = "kfree(c->name);";
    // One calls the other, or both are called by one.
    CHECK(compare(Driver{.shut = name, .release = "shut(c);"}.text(), Driver{.release = "shut(c); " + name}.text())
              .empty());
    const std::string both = "void both(struct ctx *c) { shut(c); release(c->box); }\n";
    CHECK(compare(Driver{.shut = name, .more = both}.text(), Driver{.release = name, .more = both}.text()).empty());
    // By way of another.
    const std::string between = "static void help(struct ctx *c) { shut(c); }\n";
    const auto hidden = [&](std::string text) { return text.replace(text.find("void shut"), 4, "static void"); };
    CHECK(compare(hidden(Driver{.shut = name, .release = "help(c);", .more = between}.text()),
                  hidden(Driver{.release = "help(c);" + name, .more = between}.text()))
              .empty());
    // The function's own, on both sides or one; another object, another member, a second place.
    const std::string own = "char *p = kstrdup(c->x, GFP_KERNEL);";
    CHECK(compare(Driver{.use = own + "kfree(p);", .shut = own}.text(),
                  Driver{.use = own, .shut = own + "kfree(p);"}.text())
              .empty());
    CHECK(compare(Driver{.make = name}.text(), Driver{.release = name}.text()).empty());
    CHECK(compare(Driver{.shut = name}.text(), Driver{.release = "kfree(b->name);"}.text()).empty());
    CHECK(compare(Driver{.shut = name}.text(), Driver{.release = "kfree(c->other);"}.text()).empty());
    CHECK(compare(Driver{.shut = name}.text(), Driver{.shut = name, .release = name}.text()).empty());
    // One of several ways out, as two of them become one.
    CHECK(compare(Driver{.use = "if (x) kfree(c->name); if (y) kfree(c->name); if (z) kfree(c->name);"}.text(),
                  Driver{.use = "if (x || y || z) kfree(c->name);", .release = name}.text())
              .empty());
    // Taken and given back together.
    const std::string pair = "sock_hold(c->sk); work(); sock_put(c->sk);";
    CHECK(compare(Driver{.use = pair}.text(), Driver{.shut = pair}.text()).empty());
    // A helper of both that a third now uses.
    CHECK(
        compare(
            Driver{.shut = name, .release = name}.text(),
            Driver{.shut = "end(c);", .release = "end(c);", .more = "static void end(struct ctx *c) { " + name + " }\n"}
                .text())
            .empty());
}

TEST_CASE("taken out of a list by another function") {
    const MovedStep found =
        only(Driver{.shut = "rb_erase(&c->node, &root);"}.text(), Driver{.use = "rb_erase(&c->node, &root);"}.text());
    CHECK(found.kind == Kind::removed);
    CHECK(found.to == "use");
    CHECK(found.what == "->node");
    CHECK(only(Driver{.shut = "list_del(&c->list);"}.text(), Driver{.release = "list_del_init(&c->list);"}.text()).by ==
          "list_del_init");
    // From a table of the file.
    const std::string table = "static DEFINE_IDR(all);\n";
    CHECK(only(Driver{.shut = "idr_remove(&all, c->id);", .more = table}.text(),
               Driver{.release = "idr_remove(&all, c->id);", .more = table}.text())
              .what == "all");
    // Another list; a list of the function's own.
    CHECK(
        compare(Driver{.shut = "list_del(&c->list);"}.text(), Driver{.release = "list_del(&c->link);"}.text()).empty());
    CHECK(compare(Driver{.shut = "list_del(&list);"}.text(), Driver{.release = "list_del(&list);"}.text()).empty());
}
