// The differ's rules one by one, on x86_64 objects of GCC.
#include "diff_units.h"

#include "arch/machine.h"

#include <fmt/format.h>

using namespace klp;
using namespace klp::test;

namespace {

symbols::Resolution in_module(const char* module) {
    return {symbols::Resolution::Kind::livepatch, module, 0, false, {}, false, {}};
}

// A jump label as arch/x86/include/asm/jump_label.h lays it out.
const std::string jump_label = R"(
struct static_key { int enabled; void *entries; };
#define BRANCH(key) ({ __label__ yes; int r = 0; \
    asm goto("1: .byte 0x0f,0x1f,0x44,0x00,0x00\n\t" \
             ".pushsection __jump_table, \"aw\"\n\t.balign 8\n\t.long 1b - ., %l[yes] - .\n\t" \
             ".quad %c0 - .\n\t.popsection" : : "i" (key) : : yes); \
    if (0) { yes: r = 1; } r; })
extern struct static_key module_key, __tracepoint_thing;
extern void use(int);
)";

} // namespace

TEST_CASE("a function that ftrace cannot hook is refused") {
    UnitPair pair;
    std::string unit = "__attribute__((no_instrument_function)) int f(int x) { return x + 1; }";
    CHECK(pair.run(unit, replaced(unit, "x + 1", "x + 2")).codes == Codes{"diff.no-ftrace"});
}

TEST_CASE("changed exit code of a module is refused for what it is") {
    UnitPair pair;
    pair.resolver.owner = "fuse";
    std::string unit = "__attribute__((section(\".exit.text\"), no_instrument_function)) void f(void) { extern void "
                       "g(int); g(1); }";
    CHECK(pair.run(unit, replaced(unit, "g(1)", "g(2)")).codes == Codes{"diff.exit-changed"});
}

TEST_CASE("a changed __init function is refused") {
    UnitPair pair;
    std::string unit = "__attribute__((section(\".init.text\"))) int f(int x) { return x + 1; }";
    CHECK(pair.run(unit, replaced(unit, "x + 1", "x + 2")).codes == Codes{"diff.init-changed"});
}

TEST_CASE("a function without change is left out by name") {
    UnitPair pair;
    std::string unit =
        "int f(int x) { return x + 1; }\nint g(int x) { return x * 5; }\n"
        "__attribute__((section(\".kpatch.ignore.functions\"), used)) static void *ignore = (void *)f;\n";
    Outcome outcome = pair.run(unit, replaced(replaced(unit, "x + 1", "x + 2"), "x * 5", "x * 7"));
    CHECK(outcome.changed() == Names{"g"});
}

TEST_CASE("changed data is left out by its section's name") {
    UnitPair pair;
    std::string unit =
        "int value = 1;\nint f(int x) { return x + value; }\n"
        "__attribute__((section(\".kpatch.ignore.sections\"), used)) static char *ignore = \".data.value\";\n";
    Outcome outcome = pair.run(unit, replaced(replaced(unit, "value = 1", "value = 2"), "x + value", "x - value"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
}

TEST_CASE("callbacks of both ecosystems are registered") {
    for (const char* macro :
         {"__attribute__((section(\".kpatch.callbacks.pre_patch\"), used)) static void *cb = (void *)before;",
          "__attribute__((section(\".discard.klp_callback_ptrs\"), used)) static void "
          "*__klp_pre_patch_callback_vmlinux = (void *)before;"}) {
        UnitPair pair;
        std::string unit = "int f(int x) { return x + 1; }\n";
        Outcome outcome = pair.run(unit, unit + "static int before(void *p) { return 0; }\n" + macro);
        REQUIRE(outcome.codes.empty());
        REQUIRE(outcome.diff.callbacks.size() == 1);
        CHECK(outcome.diff.callbacks.front().function == "before");
        const elf::Section* table = outcome.output->find_section(elf::build_callbacks_section);
        REQUIRE(table);
        CHECK(table->size == 24);
        CHECK(outcome.output->read_integer(table->data, 16, 8) == static_cast<uint64_t>(elf::CallbackKind::pre_patch));
    }
}

TEST_CASE("an unknown section that refers to a changed function is refused by name") {
    UnitPair pair;
    std::string unit =
        "int f(int x) { return x + 1; }\nasm(\".pushsection .magic, \\\"a\\\"; .quad f; .popsection\");\n";
    Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    CHECK(outcome.codes == Codes{"diff.unknown-section"});
    CHECK(pair.run(unit, unit).diff.nothing_changed);
}

TEST_CASE("a call within a shared section is compared and moved by what it calls") {
    UnitPair pair;
    const std::string flag = "-fno-function-sections";
    std::string unit =
        "__attribute__((noinline)) static int first(int x) { asm volatile(\"nop\"); return x + 1; }\n"
        "__attribute__((noinline)) static int second(int x) { asm volatile(\"nop; nop\"); return x + 2; }\n"
        "int third(int x) { return second(first(x) + 3) + 1; }\n";
    // first() grows, so the distance from third() to it does; third() itself does not change.
    Outcome outcome =
        pair.run(unit, replaced(unit, "asm volatile(\"nop\")", "asm volatile(\"nop; nop; nop; nop\")"), flag);
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"first"});
    outcome = pair.run(unit, replaced(unit, "first(x) + 3", "first(x) + 4"), flag);
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"third"});
    CHECK(outcome.refers(".text.third", ".klp.ref.vmlinux.vmlinux.first,0"));
    CHECK(outcome.refers(".text.third", ".klp.ref.vmlinux.vmlinux.second,0"));
}

TEST_CASE("a function made static is still the same function") {
    UnitPair pair;
    std::string unit = "__attribute__((noinline, used)) int f(int x) { asm volatile(\"\"); return x + 1; }\nint g(int "
                       "x) { return f(x); }\n";
    Outcome outcome = pair.run(unit, replaced(replaced(unit, "used)) int f", "used)) static int f"), "x + 1", "x + 2"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
}

TEST_CASE("a change in the exception table alone is a change of the function") {
    UnitPair pair;
    std::string unit = "int f(int *p) { int r; asm volatile(\"1: movl %1, %0\\n2: nop\\n3:\\n\"\n"
                       "\".pushsection __ex_table,\\\"a\\\"\\n .balign 4\\n .long 1b - ., 2b - ., 3\\n .popsection\" : "
                       "\"=r\"(r) : \"m\"(*p)); return r; }\n"
                       "int g(int x) { return x; }\n";
    CHECK(pair.run(unit, unit).diff.nothing_changed);
    Outcome outcome = pair.run(unit, replaced(unit, "2b - ., 3", "2b - ., 4"));
    CHECK(outcome.changed() == Names{"f"});
    const elf::Section* table = outcome.output->find_section("__ex_table");
    REQUIRE(table);
    CHECK(table->size == 12);
}

TEST_CASE("entries of special sections come along with their functions only") {
    UnitPair pair;
    std::string bug =
        "asm volatile(\"1: ud2\\n.pushsection __bug_table,\\\"aw\\\"\\n2: .long 1b - .\\n .long %c0 - .\\n .word %c1\\n"
        " .word 0\\n .popsection\" : : \"i\"(__FILE__), \"i\"(__LINE__));";
    std::string unit =
        "int f(int x) { if (x == 3) " + bug + " return x + 1; }\nint g(int x) { if (x == 4) " + bug + " return x; }\n";
    CHECK(pair.run(unit, "\n\n" + unit).diff.nothing_changed);
    Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    CHECK(outcome.changed() == Names{"f"});
    REQUIRE(outcome.output->find_section("__bug_table"));
    CHECK(outcome.output->find_section("__bug_table")->size == 12);
}

TEST_CASE("an alternative without code does not bring that of the next one") {
    auto alternative = [](std::string_view code) {
        return fmt::format("asm volatile(\"661: nop\\n662:\\n.pushsection .altinstructions,\\\"a\\\"\\n"
                           " .long 661b - ., 663f - .\\n .long 1\\n .byte 662b - 661b, 664f - 663f\\n .popsection\\n"
                           ".pushsection .altinstr_replacement,\\\"ax\\\"\\n663: {}\\n664:\\n.popsection\");",
                           code);
    };
    UnitPair pair;
    const std::string unit = "int f(int x) { " + alternative("") + " return x + 1; }\nint g(int x) { " +
                             alternative("call elsewhere") + " return x + 3; }\n";
    CHECK(pair.run(unit, unit).diff.nothing_changed);

    Outcome empty = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    CHECK(empty.codes.empty());
    CHECK(empty.changed() == Names{"f"});
    REQUIRE(empty.output->find_section(".altinstructions"));
    CHECK(empty.output->find_section(".altinstructions")->size == 14);
    CHECK(!empty.output->find_section(".altinstr_replacement"));

    Outcome other = pair.run(unit, replaced(unit, "x + 3", "x + 4"));
    CHECK(other.changed() == Names{"g"});
    REQUIRE(other.output->find_section(".altinstr_replacement"));
    CHECK(other.output->find_section(".altinstr_replacement")->size == 5);
}

TEST_CASE("a jump label with a key of vmlinux comes along") {
    UnitPair pair;
    std::string unit = jump_label + "int f(int x) { if (BRANCH(&module_key)) use(x); return x + 1; }\n";
    Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    REQUIRE(outcome.codes.empty());
    REQUIRE(outcome.output->find_section("__jump_table"));
    CHECK(outcome.output->find_section("__jump_table")->size == 16);
}

TEST_CASE("a jump label with a key of a module is refused, but for a tracepoint's") {
    UnitPair pair;
    pair.resolver.owner = "thing";
    pair.resolver.special["module_key"] = in_module("thing");
    pair.resolver.special["__tracepoint_thing"] = in_module("thing");
    std::string unit = jump_label + "int f(int x) { if (BRANCH(&module_key)) use(x); return x + 1; }\n"
                                    "int g(int x) { if (BRANCH(&__tracepoint_thing)) use(x); return x * 5; }\n";
    CHECK(pair.run(unit, replaced(unit, "x + 1", "x + 2")).codes == Codes{"diff.module-key"});
    Outcome outcome = pair.run(unit, replaced(unit, "x * 5", "x * 7"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.has_finding("diff.key-dropped"));
    CHECK_FALSE(outcome.output->find_section("__jump_table"));
}

TEST_CASE("a static call with a key of a module is refused") {
    UnitPair pair;
    pair.resolver.owner = "thing";
    pair.resolver.special["__SCK__act"] = in_module("thing");
    pair.resolver.special["__SCT__act"] = in_module("thing");
    std::string unit =
        "int f(int x) { asm volatile(\"1: call __SCT__act\\n.pushsection .static_call_sites,\\\"aw\\\"\\n"
        ".long 1b - ., __SCK__act - .\\n.popsection\"); return x + 1; }\n";
    CHECK(pair.run(unit, replaced(unit, "x + 1", "x + 2")).codes == Codes{"diff.module-key"});
}

TEST_CASE("a static call of a module is refused where objtool has not seen it yet") {
    UnitPair pair;
    pair.resolver.owner = "thing";
    pair.resolver.special["__SCK__act"] = in_module("thing");
    pair.resolver.special["__SCT__act"] = in_module("thing");
    std::string unit = "int f(int x) { asm volatile(\"call __SCT__act\"); return x + 1; }\n";
    CHECK(pair.run(unit, replaced(unit, "x + 1", "x + 2")).codes == Codes{"diff.module-key"});
}

TEST_CASE("a static call of vmlinux names its key for objtool") {
    UnitPair pair;
    symbols::Resolution global = in_module("vmlinux");
    global.is_global = true;
    pair.resolver.special["__SCK__act"] = global;
    pair.resolver.special["__SCT__act"] = global;
    std::string unit = "int f(int x) { asm volatile(\"call __SCT__act\"); return x + 1; }\n";
    Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.refers(elf::build_symbols_section, "__SCK__act"));
    CHECK(outcome.refers(elf::build_symbols_section, "__SCT__act"));
    CHECK(outcome.symbol("__SCT__act")->is_weak());
}

TEST_CASE("a symbol that the target lacks, or has more than once, is refused") {
    std::string unit = "extern int far(int);\nint f(int x) { return far(x) + 1; }\n";
    std::string after = replaced(unit, "far(x) + 1", "far(x) + 2");
    UnitPair pair;
    pair.resolver.special["far"].kind = symbols::Resolution::Kind::absent;
    CHECK(pair.run(unit, after).codes == Codes{"diff.unresolved"});
    pair.resolver.special["far"].kind = symbols::Resolution::Kind::ambiguous;
    CHECK(pair.run(unit, after).codes == Codes{"diff.ambiguous"});
}

TEST_CASE("what another unit of the patch brings stays a plain symbol") {
    std::string unit = "extern int far(int);\nint f(int x) { return x + 1; }\n";
    UnitPair pair;
    pair.resolver.special["far"].kind = symbols::Resolution::Kind::absent;
    pair.options.is_provided = [](std::string_view name) { return name == "far"; };
    Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "far(x)"));
    REQUIRE(outcome.codes.empty());
    REQUIRE(outcome.symbol("far"));
    CHECK_FALSE(outcome.symbol("far")->is_weak());
}

TEST_CASE("a new global function comes along though nobody here calls it") {
    UnitPair pair;
    std::string unit = "int f(int x) { return x + 1; }\n";
    Outcome outcome = pair.run(unit, unit + "int fresh(int x) { return x + 9; }\n");
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.names(diff::Change::added) == Names{"fresh"});
    CHECK_FALSE(outcome.symbol("fresh")->is_local());
}

TEST_CASE("new globals of a unit") {
    UnitPair pair;
    std::string unit = "int f(int x) { return x + 1; }\n";
    auto a = pair.compile("before", unit, "");
    auto b = pair.compile("after", unit + "int fresh(int x) { return x; }\nint fresh_data;\nstatic int hidden;\n", "");
    CHECK(diff::new_globals(elf::Object::open(a), elf::Object::open(b)) == Names{"fresh", "fresh_data"});
}

TEST_CASE("an unlikely part belongs to its function") {
    UnitPair pair;
    std::string unit = "extern void rare(int) __attribute__((cold)); extern int state;\n"
                       "int f(int x) { if (x == state) { rare(1); rare(2); rare(3); } return x + 1; }\n";
    Outcome outcome = pair.run(unit, replaced(unit, "rare(3)", "rare(4)"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
    REQUIRE(outcome.symbol("f.cold"));
    CHECK(outcome.symbol("f.cold")->is_function());
}

TEST_CASE("entry sizes of the environment are read, and an object that contradicts them counts more") {
    std::string unit =
        "int f(int *p) { asm volatile(\"1: nop\\n.pushsection __ex_table,\\\"a\\\"\\n .long 1b - ., 1b - ., 3\\n"
        " .popsection\"); return *p + 1; }\n";
    UnitPair pair;
    pair.options.entry_sizes.given["__ex_table"] = 8;
    Outcome outcome = pair.run(unit, replaced(unit, "*p + 1", "*p + 2"));
    CHECK(outcome.changed() == Names{"f"});
    CHECK(outcome.has_finding("diff.entry-size"));
    pair.options.entry_sizes.given["__ex_table"] = 12;
    CHECK_FALSE(pair.run(unit, replaced(unit, "*p + 1", "*p + 2")).has_finding("diff.entry-size"));
    auto sizes = diff::entry_sizes_from(
        [](const char* name) { return std::string_view(name) == "EX_STRUCT_SIZE" ? "12" : nullptr; });
    CHECK(sizes == std::map<std::string, unsigned>{{"__ex_table", 12}});
    CHECK_THROWS_AS(diff::entry_sizes_from([](const char*) { return "12x"; }), report::Refusal);
}

TEST_CASE("entry sizes are checked against the kernel's debug data") {
    ScratchDirectory scratch;
    std::filesystem::create_directories(scratch.path() / "lib");
    for (const char* format : {"-gbtf", "-gdwarf-4", "-gdwarf-5", "-gdwarf-5 -gz"}) {
        CAPTURE(format);
        auto sizes_of = [&](const char* fields) {
            return diff::entry_sizes_in(elf::Object::open(compile_unit(
                scratch, "lib/extable", fmt::format("struct exception_table_entry {{ {} }} entry;", fields), format)));
        };
        const auto real = sizes_of("int insn, fixup, data;");
        CHECK(real == std::map<std::string, unsigned>{{"__ex_table", 12}});
        const std::string unit = "int f(int *p) { asm volatile(\"1: nop\\n.pushsection __ex_table,\\\"a\\\"\\n"
                                 ".long 1b - ., 1b - ., 3\\n .popsection\"); return *p + 1; }\n";
        UnitPair pair;
        pair.options.entry_sizes.kernel = real;
        CHECK(pair.run(unit, replaced(unit, "*p + 1", "*p + 2")).changed() == Names{"f"});
        pair.options.entry_sizes.kernel = sizes_of("int insn, fixup;");
        CHECK(pair.run(unit, replaced(unit, "*p + 1", "*p + 2")).codes == Codes{"diff.entry-size"});
        // An entry size that the assembler wrote down counts as well.
        const std::string sized = replaced(unit, "\\\"a\\\"", "\\\"aM\\\",@progbits,8");
        pair.options.entry_sizes.kernel = real;
        CHECK(pair.run(sized, replaced(sized, "*p + 1", "*p + 2")).codes == Codes{"diff.entry-size"});
    }
}

TEST_CASE("the cause of a change is told") {
    UnitPair pair;
    pair.options.explain = true;
    std::string unit = "extern int printk(const char *, ...);\n"
                       "static inline int twice(int x) { return x * 2; }\n"
                       "int a(int x) { return twice(x) + 1; }\nint b(int x) { return printk(\"old %d\", x); }\n"
                       "int c(int x) { return printk(\"c %d\", x + 100); }\n";
    Outcome outcome = pair.run(
        unit, replaced(replaced(replaced(unit, "x * 2", "(x ^ 5) * 2"), "old", "new"), "x + 100", "x + 101"), "-g");
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.item("a")->cause == "inlined callee twice");
    CHECK(outcome.item("a")->place.ends_with("unit.c:2"));
    CHECK(outcome.item("b")->cause == "only a string");
    CHECK(outcome.item("c")->cause == "only a constant");
    CHECK(outcome.item("c")->original_instruction.find("0x64") != std::string::npos);
    CHECK(outcome.item("c")->patched_instruction.find("0x65") != std::string::npos);
}

namespace {

// A function in .text, and the section `without_bytes`, of which the file says the size only.
elf::Object object_without_bytes(const char* without_bytes) {
    elf::Builder builder;
    builder.machine = EM_X86_64;
    builder.sections.resize(1);
    builder.symbols.resize(1);
    for (const char* name : {".text", "__bug_table"}) {
        elf::NewSection section;
        section.name = name;
        section.flags = name == std::string_view(".text") ? SHF_ALLOC | SHF_EXECINSTR : SHF_ALLOC;
        if (name == std::string_view(without_bytes)) {
            section.type = SHT_NOBITS;
            section.nobits_size = 32;
        } else {
            section.data.assign(32, std::byte{0x90});
        }
        builder.add_section(section);
    }
    for (uint64_t start : {0, 16}) {
        elf::NewSymbol symbol;
        symbol.name = start == 0 ? "f" : "g";
        symbol.type = STT_FUNC;
        symbol.place = elf::Place::section;
        symbol.section = 1;
        symbol.value = start;
        symbol.size = 16;
        builder.add_symbol(symbol);
    }
    builder.relocations_of(2).entries = {{0, R_X86_64_PC32, 1, 0}, {16, R_X86_64_PC32, 2, 0}};
    return elf::Object::from_bytes("object", builder.bytes());
}

} // namespace

TEST_CASE("code and tables without bytes are refused") {
    TestResolver resolver;
    diff::Options options;
    options.resolver = &resolver;
    elf::Object sound = object_without_bytes("none");
    CHECK(diff::run(sound, sound, options).nothing_changed);
    for (const char* section : {".text", "__bug_table"}) {
        elf::Object object = object_without_bytes(section);
        CHECK_THROWS_AS(diff::run(object, object, options), report::Refusal);
    }
}

TEST_CASE("objects of two machines are not compared") {
    elf::Builder x86, arm;
    for (elf::Builder* builder : {&x86, &arm}) {
        builder->sections.resize(1);
        builder->symbols.resize(1);
    }
    x86.machine = EM_X86_64;
    arm.machine = EM_AARCH64;
    TestResolver resolver;
    diff::Options options;
    options.resolver = &resolver;
    CHECK_THROWS_AS(
        diff::run(elf::Object::from_bytes("a", x86.bytes()), elf::Object::from_bytes("b", arm.bytes()), options),
        report::Refusal);
}

namespace {

// As arch/x86/include/asm/runtime-const.h lays them out.
const std::string runtime_constants = R"(
#define CONSTANT_IN(reg, sym) ({ register unsigned long value asm(#reg); \
    asm("mov %1,%0\n1:\n.pushsection runtime_ptr_" #sym ",\"a\"\n\t.long 1b - 8 - .\n.popsection" \
        : "=r" (value) : "i" (0x0123456789abcdefUL)); value; })
#define SHIFT(value, sym) ({ unsigned result = (value); \
    asm("shrl $12,%k0\n1:\n.pushsection runtime_shift_" #sym ",\"a\"\n\t.long 1b - 1 - .\n.popsection" \
        : "+r" (result)); result; })
)";

} // namespace

TEST_CASE("a constant that the kernel writes into its code at boot is read from its variable") {
    for (const char* reg : {"rax", "rdi", "r8", "r15"}) {
        CAPTURE(reg);
        UnitPair pair;
        std::string unit =
            runtime_constants + "int f(unsigned long x) { return x <= CONSTANT_IN(" + reg + ", the_limit) ? 3 : 7; }";
        Outcome outcome = pair.run(unit, replaced(unit, "? 3", "? 4"));
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == Names{"f"});
        CHECK(outcome.refers(".text.f", "the_limit"));
        CHECK_FALSE(outcome.output->find_section("runtime_ptr_the_limit"));
        const elf::Section* text = outcome.output->find_section(".text.f");
        REQUIRE(text);
        std::vector<std::string> loads;
        const arch::Machine& machine = arch::Machine::of(*outcome.output);
        for (const arch::Instruction& instruction : machine.disassemble({text->data, 0, text->data.size()}, true)) {
            CHECK(instruction.is_valid);
            CHECK(instruction.text.find("81985529216486895") == std::string::npos); // 0x0123456789abcdef
            if (instruction.text.find("(%rip), %" + std::string(reg)) != std::string::npos)
                loads.push_back(instruction.text);
        }
        CHECK(loads.size() == 1);
    }
}

TEST_CASE("another runtime constant in the same code is a change") {
    UnitPair pair;
    std::string unit = runtime_constants + "unsigned long f(void) { return CONSTANT_IN(rax, first); }";
    CHECK(pair.run(unit, replaced(unit, "first)", "second)")).changed() == Names{"f"});
}

TEST_CASE("a runtime constant that is part of a shift is refused") {
    UnitPair pair;
    std::string unit = runtime_constants + "unsigned f(unsigned x) { return SHIFT(x, bits) + 1; }";
    CHECK(pair.run(unit, replaced(unit, "+ 1", "+ 2")).codes == Codes{"diff.runtime-constant"});
}

namespace {

// A table as DECLARE_PCI_FIXUP() and early_initcall() make them: no entry has a name that lasts.
std::string fixup(const char* function, int number) {
    return "asm(\".section .pci_fixup_final, \\\"a\\\"\\n.short 1, " + std::to_string(number) + "\\n.long " + function +
           " - .\\n.previous\");\n";
}

const std::string fixup_functions = "int quirk(int x) { return x + 1; }\nint other(int x) { return x * 5; }\n";

} // namespace

TEST_CASE("a patch that changes only a table which is read at boot does not pass for one that changes nothing") {
    UnitPair pair;
    std::string unit = fixup_functions + fixup("quirk", 7);
    for (const std::string& after : {unit + fixup("other", 8), fixup_functions, fixup_functions + fixup("quirk", 9),
                                     fixup_functions + fixup("other", 7)}) {
        CAPTURE(after);
        Outcome outcome = pair.run(unit, after);
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.diff.nothing_changed);
        std::vector<report::Finding> late = diff::changes_without_effect(outcome.diff.findings);
        REQUIRE(late.size() == 1);
        CHECK(late[0].function == ".pci_fixup_final");
        CHECK(late[0].severity == report::Severity::error);
    }
}

TEST_CASE("a table that is read at boot is left alone where its entries stay") {
    UnitPair pair;
    std::string unit = fixup_functions + fixup("quirk", 7) + fixup("other", 8);
    Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    CHECK(outcome.changed() == Names{"quirk"});
    CHECK(diff::changes_without_effect(outcome.diff.findings).empty());
}

TEST_CASE("the key of a static call is there for objtool to find") {
    std::string unit = "void __SCT__tick(void);\nint f(int x) { __SCT__tick(); return x + 1; }";
    UnitPair pair;
    Outcome exported = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    REQUIRE(exported.codes.empty());
    const elf::Symbol* key = exported.symbol("__SCK__tick");
    REQUIRE(key);
    CHECK(key->is_undefined());
    CHECK_FALSE(key->is_weak());

    pair.resolver.special["__SCK__tick"] = {symbols::Resolution::Kind::absent, {}, 0, false, {}, false, {}};
    CHECK_FALSE(pair.run(unit, replaced(unit, "x + 1", "x + 2")).symbol("__SCK__tick"));
}

TEST_CASE("a changed function that no pointer leads to is marked for the build's check of indirect branches") {
    UnitPair pair;
    const std::string unit = "static __attribute__((noinline)) int inner(int x) { asm(\"\"); return x + 1; }\n"
                             "int f(int x) { return inner(x) * 3; }\n";
    const std::string flags = "-fcf-protection=branch";
    Outcome outcome = pair.run(unit, replaced(replaced(unit, "x + 1", "x + 2"), "* 3", "* 5"), flags);
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f", "inner"});
    for (const char* name : {".discard.noendbr", ".discard.annotate_insn"}) {
        const elf::Section* marks = outcome.output->find_section(name);
        REQUIRE(marks);
        std::span<const elf::Relocation> relocations = outcome.output->relocations(marks->index);
        REQUIRE(relocations.size() == 1); // f() begins with ENDBR
        CHECK(outcome.output->symbol(relocations[0].symbol).name == "inner");
    }
}

TEST_CASE("an initcall with the line in the names of its section and its stub is no change") {
    UnitPair pair;
    auto unit = [](const char* line) {
        const std::string name = std::string("kmod_unit__7_") + line + "_start";
        return "int start(void) { return 3; }\nint f(int x) { return x + 1; }\n"
               "__attribute__((section(\".init.text\"))) int __initstub__" +
               name + "6(void) { return start(); }\nasm(\".section \\\".initcall6.init.." + name +
               "\\\", \\\"a\\\"\\n.long __initstub__" + name + "6 - .\\n.previous\");\n";
    };
    Outcome outcome = pair.run(unit("322"), unit("325"));
    CHECK(outcome.diff.nothing_changed);
    CHECK(diff::changes_without_effect(outcome.diff.findings).empty());
}

TEST_CASE("new content of read-only data changes the functions that use it, and comes along") {
    UnitPair pair;
    // A message, a table behind another, and what only one of two functions uses.
    const std::string unit = R"(
extern int use(const void *);
int f(int x) { static const char __msg[] = "old"; return use(__msg) + x; }
static const int values[] = { 3, 1, 4, 1, 5 };
static const struct { const int *list; int count; } table = { values, 5 };
int g(int x) { return use(&table) + x; }
int h(int x) { return use(&table) - x; }
int other(int x) { return use("other") * x; }
)";
    Outcome outcome = pair.run(unit, replaced(unit, "old", "new"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
    CHECK(outcome.names(diff::Change::included, "variable").size() == 1);
    outcome = pair.run(unit, replaced(unit, "4, 1, 5", "4, 1, 6"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"g", "h"});
    CHECK(outcome.names(diff::Change::included, "variable") == Names{"table", "values"});
    CHECK(outcome.refers(".rodata.table", ".rodata.values"));
}

TEST_CASE("new content of read-only data that others see is refused") {
    UnitPair pair;
    const std::string ignore =
        "__attribute__((section(\".kpatch.ignore.sections\"), used)) static char *ignore = \".rodata.value\";\n";
    const std::string unit = "extern int use(const void *);\nstatic const int value = 3;\n"
                             "const int *volatile pointer = &value;\nint f(int x) { return use(&value) + x; }\n";
    CHECK(pair.run(unit, replaced(unit, "= 3", "= 4")).codes == Codes{"diff.data-changed"});
    CHECK(pair.run(unit, replaced(unit, "= 3", "= 4") + ignore).diff.nothing_changed);
}

TEST_CASE("a changed function that ends in a jump to an added one is warned of") {
    UnitPair pair;
    const std::string unit = "extern int nap(int);\nint f(int x) { return nap(x) + 1; }\n";
    auto with_end = [&](const std::string& end) {
        return replaced(unit, "int f(int x) { return nap(x) + 1; }",
                        "__attribute__((noinline)) static int added(int x) { return nap(x) * 5 + nap(x + 1); }\n"
                        "int f(int x) { " + end + " }");
    };
    Outcome jump = pair.run(unit, with_end("return added(x + 3);"));
    REQUIRE(jump.has_finding("diff.tail-call"));
    CHECK(jump.codes.empty());
    for (const report::Finding& finding : jump.diff.findings)
        if (finding.code == "diff.tail-call") {
            CHECK(finding.function == "f");
            CHECK(finding.message.find("jump to added,") != std::string::npos);
        }
    Outcome call = pair.run(unit, with_end("return added(x + 3) + 1;"));
    CHECK(call.codes.empty());
    CHECK_FALSE(call.has_finding("diff.tail-call"));
}

TEST_CASE("a jump to a function that is replaced itself leaves the kernel what it needs to know") {
    UnitPair pair;
    const std::string unit = "extern int nap(int);\n"
                             "__attribute__((noinline)) static int last(int x) { return nap(x) * 5 + nap(x + 1); }\n"
                             "int f(int x) { return last(x + 3); }\n";
    Outcome outcome = pair.run(unit, replaced(replaced(unit, "* 5", "* 6"), "x + 3", "x + 4"));
    CHECK(outcome.changed() == Names{"f", "last"});
    CHECK_FALSE(outcome.has_finding("diff.tail-call"));
}
