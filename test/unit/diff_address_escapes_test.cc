// Addresses of what only the live patch has, where they outlive it.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

const std::string head = "struct object { void *list[2]; void (*call)(void); const void *data; const char *name; };\n"
                         "struct table { int (*open)(int); int (*read)(int); };\n"
                         "extern struct object *find(int); extern void arm(struct object *, void (*)(void));\n"
                         "extern void lock(int *), print(const char *, ...), publish(const void *), sink(void *);\n"
                         "extern struct object global;\n";
const std::string before = head + "void f(struct object *o, int x) { print(\"f\"); o->list[0] = find(x); }\n";

std::string body(const std::string& text) {
    return "void f(struct object *o, int x) { print(\"f\"); o->list[0] = find(x); " + text + " }\n";
}

const std::string fresh = "static __attribute__((noinline)) void fresh(void) { print(\"fresh\"); }\n";

bool warns(const std::string& after, const Compiler& compiler = gcc_x86, const std::string& flags = {}) {
    UnitPair pair(compiler);
    Outcome outcome = pair.run(before, head + after, flags);
    CHECK(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
    return outcome.has_finding("diff.address-escapes");
}

} // namespace

TEST_CASE("escapes: a new function in somebody's object, on every machine") {
    with_compilers([&](const Compiler& compiler) {
        CHECK(warns(fresh + body("o->call = fresh;"), compiler));
        CHECK(warns(fresh + body("arm(o, fresh);"), compiler));
        CHECK(warns(fresh + "extern void none(void);\n" + body("o->call = x ? fresh : none;"), compiler));
        CHECK_FALSE(warns(fresh + body("fresh();"), compiler));
    });
}

TEST_CASE("escapes: variables, tables and strings in memory that is not the patch's") {
    CHECK(warns(fresh + body("global.call = fresh;")));
    CHECK(warns("static int number; " + body("o->data = &number; number += x;")));
    CHECK(warns(body("o->name = \"new\";")));
    const std::string table = "static int open(int x) { return x; }\nstatic const struct table table = { open, 0 };\n";
    CHECK(warns(table + body("o->data = &table;")));
    CHECK(warns(table + body("publish(&table);")));
}

TEST_CASE("escapes: a name that the kernel keeps, and one that it only reads") {
    const std::string keeper = "extern void *__request_region(void *, long, long, const char *, int);\n"
                               "extern void *__lookup_region(void *, long, long, const char *, int);\n";
    with_compilers([&](const Compiler& compiler) {
        CHECK(warns(keeper + body("__request_region(o, x, 8, \"serial\", 0);"), compiler));
        CHECK_FALSE(warns(keeper + body("__lookup_region(o, x, 8, \"serial\", 0);"), compiler));
        CHECK_FALSE(warns(keeper + body("__request_region(o, x, 8, o->name, 0); print(\"serial\");"), compiler));
    });
}

TEST_CASE("escapes: what stays in the patch or on the stack is none of them") {
    CHECK_FALSE(warns("static struct object own; " + fresh + body("own.call = fresh; sink(0); if (x) own.call();")));
    CHECK_FALSE(warns(fresh + body("struct object here; here.call = fresh; sink(&here);")));
    CHECK_FALSE(warns("static int number; " + body("lock(&number); number += x;")));
    CHECK_FALSE(warns("static long own[2]; " + body("own[0] = 0; own[1] = x; sink(0); print(\"\", own[x]);")));
    CHECK_FALSE(warns("extern void *klp_shadow_get_or_alloc(void *, void (*)(void)); " + fresh +
                      body("klp_shadow_get_or_alloc(o, fresh);")));
    CHECK_FALSE(warns(body("print(\"%d\", x);")));
    CHECK_FALSE(warns(body("switch (x) { case 0: find(9); break; case 1: find(5); break; case 2: find(7); break; "
                           "case 3: find(11); break; case 4: find(1); break; case 5: find(2); }")));
}

TEST_CASE("escapes: what code of the patch gives a function to is as good as that function") {
    const std::string work = fresh + "static struct object work;\nextern int queue_work_on(int, void *, void *);\n";
    with_compilers([&](const Compiler& compiler) {
        CHECK(warns(
            work + body("work.list[0] = work.list[1] = &work.list; work.call = fresh; queue_work_on(x, o, &work);"),
            compiler));
        CHECK_FALSE(warns("static struct object work;\nextern int queue_work_on(int, void *, void *);\n" +
                              body("work.list[0] = work.list[1] = &work.list; queue_work_on(x, o, &work);"),
                          compiler));
    });
}

TEST_CASE("escapes: who ends a use keeps nothing of it") {
    const std::string work = fresh + "static struct object work = { .call = fresh };\n"
                                     "extern void queue_work(void *), cancel_work_sync(void *);\n"
                                     "extern void register_notifier(void *), unregister_notifier(void *);\n";
    CHECK(warns(work + body("queue_work(&work);")));
    CHECK_FALSE(warns(work + body("cancel_work_sync(&work);")));
    CHECK(warns(work + body("register_notifier(&work);")));
    CHECK_FALSE(warns(work + body("unregister_notifier(&work);")));
}

TEST_CASE("escapes: a function that the kernel has already may be passed on") {
    UnitPair pair;
    const std::string old = "void old(void) { print(\"old\"); }\n";
    Outcome outcome = pair.run(before + old, head + old + body("arm(o, old);"));
    CHECK(outcome.codes.empty());
    CHECK_FALSE(outcome.has_finding("diff.address-escapes"));
}

TEST_CASE("address escapes: a new table of the kernel's own functions is the module's all the same") {
    UnitPair pair;
    const std::string unit =
        "extern void keep(const void*);\nextern int one(int);\nstruct ops { int (*run)(int); };\nint f(int "
        "x) { return one(x); }\n";
    const std::string table = "static const struct ops fresh = {one};\nint f(int x) { keep(&fresh); return one(x); }\n";
    CHECK(
        pair.run(unit, replaced(unit, "int f(int x) { return one(x); }\n", table)).has_finding("diff.address-escapes"));
}

TEST_CASE("escapes: whatever instruction puts the address into memory") {
    const std::string two = fresh + "static __attribute__((noinline)) void other(void) { print(\"other\"); }\n"
                                    "struct pair { void (*a)(void), (*b)(void); };\nextern void (*calls[])(void);\n"
                                    "extern void (*hook)(void);\n";
    with_compilers([&](const Compiler& compiler) {
        CHECK(warns(two + body("struct pair *p = find(9); p->a = fresh; p->b = other;"), compiler));
        CHECK(warns(two + body("calls[x] = fresh;"), compiler));
        CHECK(warns(two + body("hook = fresh;"), compiler));
        CHECK(warns(two + body("__atomic_exchange_n(&o->call, fresh, __ATOMIC_SEQ_CST);"), compiler));
        CHECK(warns(two + body("for (int i = 0; i < x; i++) calls[i] = i & 1 ? fresh : other;"), compiler));
    });
}

TEST_CASE("escapes: returned to a caller of the kernel") {
    const std::string unit = "extern int one(int);\nstruct ops { int (*run)(int); };\n"
                             "const struct ops *f(int x) { return one(x) ? (void *)0 : (void *)4096; }\n";
    const std::string table = "static int fresh(int x) { return one(x) + 1; }\n"
                              "static const struct ops own = {fresh};\n";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        CHECK(pair.run(unit, replaced(unit, "const struct ops *f(int x) { return one(x) ? (void *)0",
                                      table + "const struct ops *f(int x) { return one(x) ? &own"))
                  .has_finding("diff.address-escapes"));
        CHECK_FALSE(pair.run(unit, replaced(unit, "const struct ops *f(int x) { return one(x) ? (void *)0",
                                            table + "const struct ops *f(int x) { return own.run(x) ? (void *)0"))
                        .has_finding("diff.address-escapes"));
    });
}

TEST_CASE("escapes: what is left in a register of an argument is no argument") {
    const std::string two = fresh + "static __attribute__((noinline)) void other(void) { print(\"other\"); }\n"
                                    "struct pair { void (*a)(void), (*b)(void); };\n";
    with_compilers([&](const Compiler& compiler) {
        CHECK_FALSE(warns(two + body("static struct pair own; own.a = fresh; own.b = other; sink(0); own.a();"),
                          compiler, "-g"));
        CHECK_FALSE(
            warns(two + body("struct pair here; here.a = fresh; here.b = other; sink(&here);"), compiler, "-g"));
        CHECK(warns(two + body("struct pair here; here.a = fresh; here.b = other; sink(other);"), compiler, "-g"));
    });
}
