// What compilers add for checkers and for link-time optimisation: sanitizers, CFI, thunks, intermediate code.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

const std::string bounds = "-fsanitize=shift ";
const std::string gcc_kasan =
    "-fsanitize=kernel-address -fasan-shadow-offset=0xdffffc0000000000 --param asan-globals=1 "
    "--param asan-stack=1 ";
const std::string clang_kasan = "-fsanitize=kernel-address -mllvm -asan-mapping-offset=0xdffffc0000000000 "
                                "-mllvm -asan-globals=1 -mllvm -asan-stack=1 ";

} // namespace

TEST_CASE("UBSAN: the lines and numbers of its data are no change") {
    const std::string unit = "int f(int x, int y) { return x << y; }\nint g(int x, int y) { return 5 * (x << y); }\n";
    for (const Compiler& compiler : {gcc_x86, clang_x86()}) {
        CAPTURE(compiler.command);
        UnitPair pair(compiler);
        CHECK(pair.run(unit, "\n\n\n" + unit, bounds).diff.nothing_changed);
        // A new check before the others gives their data other numbers.
        Outcome outcome = pair.run(unit, "int e(int x, int y) { return 9 - (x << y); }\n" + unit, bounds);
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == Names{});
        CHECK(outcome.names(diff::Change::added) == Names{"e"});
        CHECK(pair.run(unit, replaced(unit, "5 *", "7 *"), bounds).changed() == Names{"g"});
    }
}

TEST_CASE("KASAN: its tables and constructors follow from the rest") {
    const std::string unit = R"(
extern int printk(const char *fmt, ...);
static int count; int global = 3;
const char *const names[] = { "zero", "one" };
int f(int x) { static int local; local += x; return printk("f %d", count += x) + local; }
int g(int x) { int on_stack[4]; printk("g %s %p", names[x], on_stack); return on_stack[x] + global; }
)";
    for (const auto& [compiler, flags] : {std::pair(gcc_x86, gcc_kasan), {clang_x86(), clang_kasan}}) {
        CAPTURE(compiler.command);
        UnitPair pair(compiler);
        for (const std::string& same : {unit, "\n\n" + unit}) {
            const Outcome outcome = pair.run(unit, same, flags);
            CHECK(outcome.diff.nothing_changed);
            CHECK_FALSE(outcome.has_finding("diff.registry-added"));
        }
        const std::string telling = unit + "extern void __might_sleep(const char *file, int line);\n"
                                           "void h(int x) { if (x) __might_sleep(__FILE__, __LINE__); }\n";
        CHECK(pair.run(telling, "\n\n" + telling, flags).diff.nothing_changed);
        CHECK(pair.run(telling, "\n\n" + telling, flags + bounds).diff.nothing_changed);
        Outcome outcome = pair.run(unit, replaced(unit, "\"g %s %p\"", "\"g, much longer: %s %p\""), flags);
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == Names{"g"});
        // A new variable and a new string: a larger table.
        outcome = pair.run(
            unit, replaced(unit, "return on_stack[x]", "static int more; printk(\"new\"); return ++more"), flags);
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == Names{"g"});
        for (const elf::Section& section : outcome.output->sections())
            CHECK_FALSE(section.name.starts_with(".init_array"));
    }
}

TEST_CASE("CFI: the type before a function and the traps within move with it") {
    if (!is_installed(clang_x86()))
        return;
    UnitPair pair(clang_x86());
    const std::string flags = "-fsanitize=kcfi -fpatchable-function-entry=16,16 ";
    const std::string unit = "int f(int (*call)(int), int x) { return call(x) + 1; }\n"
                             "int g(int (*call)(int), int x) { return call(x) * 2 + call(x + 1); }\n"
                             "int (*pointer)(int (*)(int), int) = f;\n";
    CHECK(pair.run(unit, unit, flags).diff.nothing_changed);
    Outcome outcome = pair.run(unit, replaced(unit, "* 2", "* 3"), flags);
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"g"});
    REQUIRE(outcome.symbol("__cfi_g"));
    CHECK(outcome.symbol("__cfi_g")->value < outcome.symbol("g")->value);
    CHECK_FALSE(outcome.symbol("__cfi_f"));
    const elf::Section* traps = outcome.output->find_section(".kcfi_traps");
    REQUIRE(traps);
    CHECK(traps->size == 8); // two calls through pointers
    CHECK(outcome.output->section(traps->link).name == ".text.g");
    // Another type of the same code is another function for its callers.
    CHECK(pair.run(unit, replaced(unit, "int f(int (*call)(int), int x)", "int f(int (*call)(int), unsigned x)"),
                   flags + "-Wno-incompatible-function-pointer-types")
              .changed() == Names{"f"});
}

TEST_CASE("CFI: who calls by the new type does not get to the kernel's function of the old one") {
    if (!is_installed(clang_x86())) {
        MESSAGE("skipped: clang-19 is not installed");
        return;
    }
    const Compiler aarch64 = {"aarch64", "clang-19 --target=aarch64-linux-gnu",
                              "-O2 -g0 -fno-pie -mgeneral-regs-only -fno-asynchronous-unwind-tables -ffreestanding "
                              "-ffunction-sections -fdata-sections -w"};
    const std::string unit = "struct object { int value; };\nstruct ops { int (*show)(struct object *); };\n"
                             "static int show(struct object *o) { return o->value; }\nstruct ops ops = { show };\n"
                             "int call(struct ops *p, struct object *o) { return p->show(o) + 1; }\n"
                             "int other(int x) { return x; }\n";
    const std::string constant = replaced(replaced(unit, "show)(struct object *", "show)(const struct object *"),
                                          "int show(struct object *", "int show(const struct object *");
    const std::string kcfi = "-fsanitize=kcfi ";
    for (const auto& [compiler, entry] :
         {std::pair(clang_x86(), "-fpatchable-function-entry=16,16"),
          std::pair(aarch64, "-fpatchable-function-entry=2"), std::pair(aarch64, "-fpatchable-function-entry=4,2")}) {
        CAPTURE(compiler.command);
        const Outcome outcome = UnitPair(compiler).run(unit, constant, kcfi + entry);
        REQUIRE(outcome.codes == Codes{"diff.cfi-type-changed"});
        CHECK(outcome.errors[0].function == "show");
        CHECK(outcome.errors[0].message.find("call calls") != std::string::npos);
    }
    // Nobody new calls it so; and without kCFI nobody asks.
    UnitPair pair(clang_x86());
    const std::string flags = kcfi + "-fpatchable-function-entry=16,16";
    const std::string direct = "int show(int x) { return x; }\nint call(int x) { return show(x) + 1; }\n";
    const std::string wider = "int show(long x) { return x; }\nint call(int x) { return show(x) + 2; }\n";
    CHECK(pair.run(direct, wider, flags).codes.empty());
    CHECK(pair.run(unit, replaced(constant, "+ 1", "+ 2")).codes.empty());
}

TEST_CASE("a thunk that each object brings comes along") {
    const Compiler s390 = compilers()[4];
    if (!is_installed(s390))
        return;
    UnitPair pair(s390);
    const std::string unit = "int f(int (*call)(int), int x) { return call(x) + 1; }\n";
    Outcome outcome = pair.run(unit, replaced(unit, "+ 1", "+ 2"), "-mindirect-branch=thunk -mfunction-return=thunk");
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
    for (const elf::Symbol& symbol : outcome.output->symbols())
        if (symbol.name.find("__s390_indirect_jump") != std::string_view::npos) {
            CHECK(symbol.place == elf::Place::section);
            CHECK(symbol.is_local());
        }
    REQUIRE(outcome.symbol("__s390_indirect_jump_r14"));
}

TEST_CASE("intermediate code of link-time optimisation is refused by name") {
    const std::string unit = "int f(int x) { return x + 1; }\n";
    UnitPair slim;
    CHECK(slim.run(unit, unit, "-flto").codes == Codes{"diff.no-code"});
    UnitPair fat;
    CHECK(fat.run(unit, replaced(unit, "+ 1", "+ 2"), "-flto -ffat-lto-objects").changed() == Names{"f"});
    if (!is_installed(clang_x86()))
        return;
    UnitPair bitcode(clang_x86());
    auto path = bitcode.compile("bitcode", unit, "-flto=thin");
    try {
        elf::Object::open(path);
        FAIL("bitcode was taken");
    } catch (const report::Refusal& refusal) {
        CHECK(refusal.findings().front().code == "elf.bitcode");
        CHECK(refusal.findings().front().message.find("bitcode") != std::string::npos);
    }
    // What the linker makes of it is an object like any other.
    auto native = [&](const std::string& name, const std::string& source) {
        auto input = bitcode.compile(name, source, "-flto=thin");
        auto output = bitcode.scratch().path() / (name + ".native.o");
        run("ld.lld-19 -r " + input.string() + " -o " + output.string());
        return output;
    };
    auto before = native("before", unit);
    CHECK(bitcode.run_files(before, native("same", unit)).diff.nothing_changed);
    CHECK(bitcode.run_files(before, native("after", replaced(unit, "+ 1", "+ 2"))).changed() == Names{"f"});
}
