// Constructors of slab caches.
#include "compile.h"
#include "sense/constructors.h"

#include <doctest/doctest.h>

using namespace klp;

namespace {

std::vector<std::string> constructors(const std::string& code, const std::vector<std::string>& changed,
                                      const std::string& flags = {}) {
    const test::ScratchDirectory scratch;
    const elf::Object unit = elf::Object::open(test::compile_unit(
        scratch, "unit",
        "struct args { unsigned align; void (*ctor)(void *); };\n"
        "extern void *kmem_cache_create(const char *, unsigned, unsigned, unsigned, void (*)(void *));\n"
        "extern void *__kmem_cache_create_args(const char *, unsigned, struct args *, unsigned);\n"
        "extern void *other(const char *, unsigned, unsigned, unsigned, void (*)(void *));\n"
        "__attribute__((noinline)) static void once(void *x) { *(long *)x = 5; }\n" +
            code,
        "-ffunction-sections " + flags));
    std::vector<std::string> names;
    for (const report::Finding& finding : sense::find_constructors("fs/x.c", unit, changed)) {
        CHECK(finding.code == "sense.constructor-changed");
        names.push_back(finding.function);
    }
    return names;
}

} // namespace

TEST_CASE("the function that a cache is made with is its constructor, in every form of the call") {
    const std::string argument = "void *make(void) { return kmem_cache_create(\"x\", 8, 0, 0, once); }\n";
    const std::string structure = "void *make(void) { struct args args = { .ctor = once }; "
                                  "return __kmem_cache_create_args(\"x\", 8, &args, 0); }\n";
    for (const std::string& code : {argument, structure}) {
        CAPTURE(code);
        CHECK(constructors(code, {"once"}) == std::vector<std::string>{"once"});
        CHECK(constructors(code, {"make"}).empty());
        CHECK(constructors(code, {}).empty());
    }
    CHECK(constructors("void *make(void) { return other(\"x\", 8, 0, 0, once); }\n", {"once"}).empty());
    // It is called, and given to nobody.
    CHECK(constructors("void *make(void *x) { once(x); return kmem_cache_create(\"x\", 8, 0, 0, 0); }\n", {"once"})
              .empty());
}

TEST_CASE("a cache calls no work item, thread or shrinker") {
    const std::string code =
        "struct work { int x; };\n"
        "__attribute__((noinline)) static void work(struct work *w) { w->x = 5; }\n"
        "__attribute__((noinline)) static int thread(void *x) { return *(int *)x; }\n"
        "extern void run(void (*)(struct work *), int (*)(void *));\n"
        "void *make(void) { run(work, thread); return kmem_cache_create(\"x\", 8, 0, 0, once); }\n";
    CHECK(constructors(code, {"work", "thread", "once"}, "-g") == std::vector<std::string>{"once"});
    // Nothing else tells.
    CHECK(constructors(code, {"work", "thread", "once"}, "-g0").size() == 3);
}
