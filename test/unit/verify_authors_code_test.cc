// What a patch's author writes for the livepatch core: shadow variables and callbacks.
#include "compile.h"
#include "verify/groups.h"
#include "verify/shadow_variables.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace klp;
using namespace klp::verify;
using Codes = std::multiset<std::string>;

namespace {

const std::string declarations =
    "typedef int (*ctor_t)(void *, void *, void *);\n"
    "extern void *klp_shadow_get_or_alloc(void *, unsigned long, unsigned long, unsigned, ctor_t, void *);\n"
    "extern void *klp_shadow_get(void *, unsigned long);\n"
    "extern void klp_shadow_free(void *, unsigned long, void *), klp_shadow_free_all(unsigned long, void *);\n"
    "extern void mutex_lock(void *), _printk(const char *, ...), *__kmalloc(unsigned long, unsigned);\n"
    "extern int register_module_notifier(void *);\nint state;\n"
    "#define ALLOC(size, ctor) klp_shadow_get_or_alloc(x, 0x5601, size, 0xcc0, ctor, 0)\n"
    "#define FREE klp_shadow_free(x, 0x5601, 0)\n#define FREE_ALL klp_shadow_free_all(0x5601, 0)\n";

elf::Object unit(const test::ScratchDirectory& scratch, const std::string& code) {
    return elf::Object::open(test::compile_unit(scratch, "unit", declarations + code, "-ffunction-sections"));
}

Codes codes_of(Verdict& verdict) {
    Codes codes;
    for (const report::Finding& finding : verdict.take())
        codes.insert(finding.code);
    return codes;
}

Codes shadow_codes(const std::string& code) {
    const test::ScratchDirectory scratch;
    const elf::Object object = unit(scratch, code);
    Verdict verdict("unit");
    check_shadow_variables(ModuleCode(object), verdict);
    return codes_of(verdict);
}

// A patch with one callback of each kind named, all of them the function f; one after unpatching is `undo`, if there is
// one.
Codes callback_codes(const std::string& code, std::initializer_list<elf::CallbackKind> kinds,
                     std::optional<elf::Runtime> runtime = elf::Runtime::kernel) {
    const test::ScratchDirectory scratch;
    const elf::Object object = unit(scratch, code);
    const ModuleCode module(object);
    const auto f = std::ranges::find(module.functions(), "f", &ModuleFunction::name);
    REQUIRE(f != module.functions().end());
    Subject subject(object);
    subject.runtime = runtime;
    const auto undo = std::ranges::find(module.functions(), "undo", &ModuleFunction::name);
    for (elf::CallbackKind kind : kinds) {
        const bool is_undo = kind == elf::CallbackKind::post_unpatch && undo != module.functions().end();
        subject.patch.callbacks.push_back({"vmlinux", kind, is_undo ? undo->start : f->start});
    }
    Verdict verdict("unit");
    check_callbacks(subject, module, verdict);
    return codes_of(verdict);
}

} // namespace

TEST_CASE("what a module does with its shadow variables") {
    const test::ScratchDirectory scratch;
    const elf::Object object = unit(scratch, "static int make(void *a, void *b, void *c) { return state; }\n"
                                             "void *f(void *x) { return ALLOC(24, make); }\n"
                                             "void g(void *x) { if (klp_shadow_get(x, 7)) FREE; }\n"
                                             "void h(void *x) { FREE_ALL; }\n");
    const ShadowVariables found = read_shadow_variables(ModuleCode(object));
    REQUIRE(found.by_id.size() == 1);
    const ShadowUse& use = found.by_id.at(0x5601);
    CHECK(use.allocated_by == "f");
    CHECK(use.sizes == std::set<uint64_t>{24});
    CHECK(use.constructors.size() == 1);
    CHECK(use.is_freed);
    CHECK(use.is_all_freed);
}

TEST_CASE("shadow variables that stay, and ids with two meanings") {
    const std::string alloc = "void *f(void *x) { return ALLOC(8, 0); }\n", free = "void g(void *x) { FREE; }\n",
                      free_all = "void h(void *x) { FREE_ALL; }\n";
    CHECK(shadow_codes(alloc + free + free_all).empty());
    CHECK(shadow_codes(alloc + free) == Codes{"sense.shadow-leak"});
    CHECK(shadow_codes(alloc + free_all) == Codes{"sense.shadow-leak"});
    CHECK(shadow_codes(free + free_all).empty());
    CHECK(shadow_codes(alloc + "void g(void *x, unsigned long id) { klp_shadow_free(x, id, 0); }\n").empty());
    CHECK(shadow_codes(alloc + free + free_all + "void *i(void *x) { return ALLOC(16, 0); }\n") ==
          Codes{"sense.shadow-size"});
    CHECK(shadow_codes(alloc + free + free_all + "void *i(void *x) { return ALLOC(8, 0); }\n").empty());
}

TEST_CASE("a constructor that sleeps") {
    const std::string rest = "void *f(void *x) { return ALLOC(8, make); }\nvoid g(void *x) { FREE; FREE_ALL; }\n";
    const auto with = [&](const std::string& body) {
        return shadow_codes("__attribute__((noinline)) static void deep(void *d) { mutex_lock(d); }\n"
                            "static int make(void *a, void *b, void *c) { " +
                            body + " return 0; }\n" + rest);
    };
    CHECK(with("*(int *)b = 1;").empty());
    CHECK(with("mutex_lock(c);") == Codes{"sense.shadow-constructor"});
    CHECK(with("deep(c); *(int *)b = 1;") == Codes{"sense.shadow-constructor"});
    CHECK(with("*(void (**)(void *))b = deep;").empty());                                    // runs later
    CHECK(with("*(void **)b = __kmalloc(64, 0xcc0);") == Codes{"sense.shadow-constructor"}); // GFP_KERNEL
    CHECK(with("*(void **)b = __kmalloc(64, 0x820);").empty());                              // GFP_ATOMIC
}

TEST_CASE("what a callback changes is taken back by another") {
    using enum elf::CallbackKind;
    const std::string changes = "int f(void *o) { state = 3; return 0; }\n";
    CHECK(callback_codes(changes, {pre_patch}) == Codes{"sense.callback-undo"});
    CHECK(callback_codes(changes, {post_patch}) == Codes{"sense.callback-undo"});
    CHECK(callback_codes(changes, {pre_patch, post_unpatch}).empty());
    CHECK(callback_codes(changes, {post_unpatch}).empty());
    CHECK(callback_codes("int f(void *o) { _printk(\"soon\"); return state; }\n", {pre_patch}).empty());
    CHECK(callback_codes("__attribute__((noinline)) static void deep(void) { state = 3; }\n"
                         "int f(void *o) { deep(); return 0; }\n",
                         {pre_patch}) == Codes{"sense.callback-undo"});
    // What is empty, or only speaks, takes nothing back.
    CHECK(callback_codes(changes + "void undo(void *o) { }\n", {pre_patch, post_unpatch}) ==
          Codes{"sense.callback-undo"});
    CHECK(callback_codes(changes + "void undo(void *o) { _printk(\"gone\"); }\n", {pre_patch, post_unpatch}) ==
          Codes{"sense.callback-undo"});
    CHECK(callback_codes(changes + "void undo(void *o) { state = 0; }\n", {pre_patch, post_unpatch}).empty());
}

TEST_CASE("a callback that becomes a module notifier waits for itself in our own core") {
    using enum elf::CallbackKind;
    const std::string code = "int f(void *o) { return register_module_notifier(o); }\n";
    CHECK(callback_codes(code, {pre_patch, post_unpatch}).empty());
    CHECK(callback_codes(code, {post_unpatch}, elf::Runtime::core) == Codes{"sense.callback-notifier"});
}
