// Why a function counts as changed: each cause, told for the change that makes it.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

// The cause that is told for `name`, "" if it is not among the items.
std::string cause(const std::string& before, const std::string& after, const char* name, const char* extra = "") {
    UnitPair pair;
    pair.options.explain = true;
    Outcome outcome = pair.run(before, after, std::string("-mpreferred-stack-boundary=3 ") + extra);
    CHECK(outcome.codes == std::vector<std::string>{});
    const diff::Item* item = outcome.item(name);
    return item ? item->cause : std::string();
}

std::string cause_of_change(const std::string& unit, const char* from, const char* to, const char* extra = "") {
    return cause(unit, replaced(unit, from, to), "f", extra);
}

} // namespace

TEST_CASE("cause: a constant, a string, data, own code") {
    const std::string unit = "extern int printk(const char *, ...); extern int one[], two[];\n"
                             "int f(int x) { printk(\"old %d\", x + 100); return one[x] * 3; }\n";
    CHECK(cause_of_change(unit, "x + 100", "x + 101") == "only a constant");
    CHECK(cause_of_change(unit, "old", "new") == "only a string");
    CHECK(cause_of_change(unit, "one[x]", "two[x]") == "only data it points to");
    CHECK(cause_of_change(unit, "* 3", "/ 3 + x") == "own code");
}

TEST_CASE("cause: an inlined callee, where debug data tells") {
    CHECK(cause_of_change("static inline int twice(int x) { return x * 2; }\nint f(int x) { return twice(x) + 1; }\n",
                          "x * 2", "(x ^ 5) * 2", "-g") == "inlined callee twice");
}

TEST_CASE("cause: another callee, called or jumped to") {
    const std::string call = "extern int one(int), two(int); int f(int x) { return one(x) + 1; }\n";
    CHECK(cause_of_change(call, "return one", "return two") == "calls two instead of one");
    const std::string jump = "extern int one(int), two(int); int f(int x) { return one(x); }\n";
    CHECK(cause_of_change(jump, "return one", "return two") == "calls two instead of one");
}

TEST_CASE("cause: a callee that the compiler cloned otherwise") {
    const std::string unit = "int helper(int x) __asm__(\"helper.isra.0\");\n"
                             "__attribute__((noinline)) int helper(int x) { return x * 77; }\n"
                             "int f(int x) { return helper(x) + 1; }\n";
    CHECK(cause_of_change(unit, "isra", "constprop") ==
          "callee helper was cloned differently (helper.isra.0 is now helper.constprop.0)");
}

TEST_CASE("cause: a callee of the same name that is another function") {
    const std::string here =
        "extern int use(int);\n__attribute__((noinline)) int helper(int x) { return use(x) * 77; }\n"
        "int f(int x) { return helper(x) + 1; }\n";
    const std::string elsewhere = "extern int helper(int);\nint f(int x) { return helper(x) + 1; }\n";
    CHECK(cause(here, elsewhere, "f") == "callee helper is another unit's now");
    CHECK(cause(elsewhere, here, "f") == "callee helper is this unit's now");
    const std::string renamed =
        replaced(replaced(here, "int helper(", "int other("), "return helper(", "return other(");
    CHECK(cause(here, renamed, "f") == "calls other instead of helper");
}

TEST_CASE("cause: a jump to nameless code, which leads back to another place, is no callee") {
    const std::string unit =
        "extern int use(int);\nint f(int x) { asm goto(\"jmp 6f\\n"
        ".pushsection .altinstr_aux,\\\"ax\\\"\\n6: testb $1, flags(%%rip)\\n jnz %l[yes]\\n jmp %l[no]\\n"
        ".popsection\" : : : : yes, no);\nno: return use(x + CONSTANT);\nyes: return use(x) * 3; }\n";
    CHECK(cause(replaced(unit, "x + CONSTANT", "x"), replaced(unit, "CONSTANT", "70000"), "f") == "own code");
}

TEST_CASE("cause: a callee that is inlined no more, or now") {
    const std::string inlined =
        "static INLINE int helper(int x) { return x * 77; }\nint g(int x) { return helper(x + 1); }\n"
        "int f(int x) { return helper(x) + 1; }\n";
    const std::string always = replaced(inlined, "INLINE", "inline __attribute__((always_inline))");
    const std::string never = replaced(inlined, "INLINE", "__attribute__((noinline))");
    CHECK(cause(always, never, "f") == "callee helper is no longer inlined, or called anew");
    CHECK(cause(never, always, "f") == "callee helper is now inlined, or no longer called");
}

TEST_CASE("cause: a part that moved, and a change within it") {
    const std::string unit = "extern void die(int) KIND; extern int count;\n"
                             "int f(int x) { if (x == 7) { die(10); count++; } return x; }\n";
    const std::string whole = replaced(unit, "KIND", "");
    const std::string split = replaced(unit, "KIND", "__attribute__((cold))");
    CHECK(cause(whole, split, "f") == "a part of it moved into or out of line");
    CHECK(cause_of_change(split, "die(10)", "die(11)") == "only a constant");
}

TEST_CASE("cause: data that it points to, a callee that cannot be hooked, the author's word") {
    const std::string message = "extern int use(const char *);\nint f(int x) { static const char __msg[] = \"old\"; "
                                "return use(__msg) + x; }\n";
    CHECK(cause_of_change(message, "old", "new") == "only data it points to");
    const std::string callee = "extern int use(int);\n__attribute__((noinline, no_instrument_function)) static int "
                               "inner(int x) { return use(x) + 3; }\nint f(int x) { return inner(x) * 2; }\n";
    CHECK(cause_of_change(callee, "+ 3", "+ 4") == "callee inner, which ftrace cannot hook");
    const std::string plain = "int f(int x) { return x; }\n";
    CHECK(cause(plain, plain + "__attribute__((section(\".kpatch.force\"), used)) static const void *force = f;\n",
                "f") == "forced");
}

TEST_CASE("cause: only what tables say") {
    CHECK(cause_of_change("int f(int *p) { asm volatile(\"1: nop\\n2:\\n.pushsection __ex_table,\\\"a\\\"\\n"
                          " .long 1b - ., 2b - ., 3\\n .popsection\"); return *p; }\n",
                          ", 3", ", 4") == "only tables about it (exceptions, alternatives, bug flags, jump labels)");
}

TEST_CASE("the place of a difference is told by whatever name the object goes") {
    UnitPair pair;
    const std::string unit = "int f(int x) {\n  return x * 3; }\n";
    auto before = elf::Object::open(pair.compile("before", unit, "-g"), "src/unit.c");
    auto after = elf::Object::open(pair.compile("after", replaced(unit, "* 3", "* 5"), "-g"), "src/unit.c");
    pair.options.resolver = &pair.resolver;
    pair.options.explain = true;
    diff::Diff diff = diff::run(before, after, pair.options);
    REQUIRE(diff.items.size() == 1);
    CHECK(diff.items[0].place.ends_with("unit.c:2"));
}

TEST_CASE("what a unit's output refers to in the kernel is listed, and what each piece was before") {
    UnitPair pair;
    pair.resolver.special["far"] = {symbols::Resolution::Kind::livepatch, "vmlinux", 2, false, {}, false, {}};
    const std::string unit =
        "extern int far(int), near(int), fresh(int);\nint f(int x) { return far(x) + far(x + 1); }\n"
        "int g(int x) { return near(x) + 3; }\n";
    Outcome outcome = pair.run(unit, replaced(replaced(unit, "x + 1", "x + 2"), "+ 3", "+ fresh(x)") +
                                         "int fresh(int x) { return near(x); }\n");
    std::vector<std::string> names;
    for (const diff::KernelReference& reference : outcome.diff.references)
        names.push_back(reference.name + " of " + reference.function);
    std::ranges::sort(names);
    CHECK(std::ranges::count(names, "far of f") == 1);
    CHECK(std::ranges::count_if(names, [](const std::string& name) { return name.starts_with("near of "); }) == 1);
    elf::Object original = elf::Object::open(pair.scratch().path() / "before/unit.o");
    REQUIRE(outcome.item("f"));
    CHECK(original.symbol(outcome.item("f")->original).name == "f");
    REQUIRE(outcome.item("fresh"));
    CHECK(outcome.item("fresh")->original == 0);
}
