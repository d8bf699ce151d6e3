#include "sense_units.h"

using namespace klp;
using namespace klp::test;

namespace {

using Said = std::vector<std::string>;

void expect(const std::string& source, const Said& expected) {
    with_each_compiler(source, [&](const std::vector<report::Finding>& findings) {
        for (const report::Finding& finding : findings)
            INFO(report::to_text(finding));
        CHECK(said(findings) == joined(expected));
    });
}

// As EXPORT_SYMBOL() leaves it.
std::string exported(const std::string& name, const std::string& prefix = "__export_symbol_") {
    return "void " + name + "_export(void) {}\nconst void *" + prefix + name + " = 0;\n";
}

const Said changed = {"sense.prototype-changed f"};
const Said nothing = {};

} // namespace

TEST_CASE("an exported function's parameters and result stay what they are") {
    const std::string end = exported("f");
    expect("int f(int a@{|, int b}@) { return a @{|+ b}@; }\n" + end, changed);
    expect("int f(@{int|long}@ a) { return a > 1; }\n" + end, changed);
    expect("@{int|void}@ f(int *a) { *a = 1; @{return 1;|}@ }\n" + end, changed);
    expect("struct a; struct b;\nint f(struct @{a|b}@ *a) { return a @{==|!=}@ 0; }\n" + end, changed);
    expect("int f(int a@{|, int b}@) { return a @{|+ b}@; }\n" + exported("f", "__ksymtab_"), changed);
}

TEST_CASE("what callers cannot tell apart may change") {
    const std::string end = exported("f");
    expect("int f(@{int|unsigned}@ a) { return a @{+|-}@ 1; }\n" + end, nothing);
    expect("int f(@{char|const char}@ *a) { return *a @{+|-}@ 1; }\n" + end, nothing);
    // Nobody reads a result that was not there.
    expect("@{void|int}@ f(int *a) { *a = @{1|2}@; @{|return 1;}@ }\n" + end, nothing);
}

TEST_CASE("a function in a table of callbacks keeps its prototype; one that the unit alone calls may change") {
    const std::string function =
        "static __attribute__((noinline)) int f(int a@{|, int b}@) { return a @{|+ b}@ ? a : 3; }\n";
    expect(function + "void *const table[] = { (void *)f };\n", changed);
    expect(function + "int caller(int n) { return f(n@{|, 1}@); }\n", nothing);
    expect("int f(int a@{|, int b}@) { return a @{|+ b}@; }\nint caller(int n) { return f(n@{|, 1}@) + 1; }\n",
           nothing);
}

TEST_CASE("a function that code hands out keeps its prototype, and stays") {
    const std::string declared = "struct work { int (*function)(int); };\nextern int use(int (*)(int));\n";
    const std::string setup = "void setup(struct work *w) { w->function = (void *)f; }\n";
    const std::string function =
        "static __attribute__((noinline)) int f(int a@{|, int b}@) { return a @{|+ b}@ ? a : 3; }\n";
    expect(declared + function + setup, changed);
    expect(declared + function + "int caller(int n) { return f(n@{|, 1}@); }\n", nothing);
    const std::string renamed = "static __attribute__((noinline)) int @{f|g}@(int a) { return a ? a : 3; }\n";
    expect(declared + renamed + "int setup(void) { return use(@{f|g}@) @{+|-}@ 1; }\n", {"sense.callback-removed f"});
    expect(declared + renamed + "int caller(int n) { return @{f|g}@(n) @{+|-}@ 1; }\n", nothing);
    expect(declared + "static __attribute__((noinline)) int f(int a) { return a @{+|-}@ 3; }\n" + setup, nothing);
}

TEST_CASE("a function that nobody can call by its address, which marks who holds something") {
    const std::string holder = "extern int claim(void *holder);\n"
                               "static __attribute__((noinline)) int f(int a@{|, int b}@)\n"
                               "{ return claim((void *)f) + (a @{|+ b}@); }\n"
                               "int caller(int n) { return f(n@{|, 1}@) + 1; }\n";
    expect(holder, nothing);
}

TEST_CASE("BPF programs call a function as it was when they were checked") {
    const std::string function = "int f(int a@{|, int b}@) { return a @{|+ b}@; }\n";
    const std::string id = "asm(\".pushsection .BTF_ids, \\\"a\\\"; .local __BTF_ID__func__f__371; "
                           "__BTF_ID__func__f__371: .zero 4; .popsection\");\n";
    expect(function + id, changed);
    expect(function, nothing);
}

TEST_CASE("the kernel's list of exports counts as well") {
    const DebugCompiler& gcc = debug_compilers().front();
    sense::Options options;
    options.is_exported = [](std::string_view name) { return name == "f"; };
    CHECK(said(sense_pair(gcc, "int f(int a) { return a; }\n", "int f(int a, int b) { return a + b; }\n", options)) ==
          joined(changed));
}

TEST_CASE("an export more or less is said, whatever becomes of the code") {
    expect("int f(int a) { return a; }\n@{" + exported("f") + "|}@", {"sense.export-changed f"});
    expect("int f(int a) { return a; }\n@{|" + exported("f") + "}@", {"sense.export-changed f"});
    // And for whom: since Linux 6.4, and before.
    const std::string entry =
        "asm(\".section .export_symbol,\\\"a\\\"\\n__export_symbol_f:\\n.asciz \\\"@{|GPL}@\\\"\\n"
        ".asciz \\\"\\\"\\n.balign 8\\n.quad f\\n.previous\");\n";
    const std::string table =
        "asm(\".section \\\"___ksymtab@{|_gpl}@+f\\\",\\\"a\\\"\\n__ksymtab_f:\\n.quad f\\n.previous\");\n";
    for (const std::string& export_of : {entry, table})
        expect("int f(int a) { return a; }\n" + export_of, {"sense.export-changed f"});
    expect("int f(int a) { return a@{|+ 1}@; }\nasm(\".section .export_symbol,\\\"a\\\"\\n__export_symbol_f:\\n.asciz "
           "\\\"GPL\\\"\\n.asciz \\\"\\\"\\n.balign 8\\n.quad f\\n.previous\");\n",
           nothing);
}

TEST_CASE("a function whose address code gave away keeps its prototype") {
    // As timer_setup() with a cast: nothing else of the unit knows of the new parameter.
    const std::string given = "struct timer { void (*call)(int); };\n"
                              "static void f(int a@{|, int b}@) { *(volatile int *)8 = a @{|+ b}@; }\n"
                              "void setup(struct timer *t) { t->call = (void *)f; }\n";
    expect(given, changed);
    // Who calls it changes with it, so it is the unit's own affair.
    const std::string walker = "static __attribute__((noinline)) void each(int *list, void (*call)(int@{|, int}@))\n"
                               "{ for (; *list; ++list) call(*list@{|, 1}@); }\n"
                               "static void f(int a@{|, int b}@) { *(volatile int *)8 = a @{|+ b}@; }\n"
                               "void all(int *list) { each(list, f); }\n";
    expect(walker, nothing);
}
