// Special sections and static calls: what of them is compared, comes along or is refused. On x86_64 objects of GCC.
#include "diff_units.h"

#include <fmt/format.h>

using namespace klp;
using namespace klp::test;

namespace {

symbols::Resolution in_module(const char* module) {
    return {symbols::Resolution::Kind::livepatch, module, 0, false, {}, false, {}};
}

symbols::Resolution global_of_vmlinux() {
    symbols::Resolution found = in_module("vmlinux");
    found.is_global = true;
    return found;
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

TEST_CASE("the tracepoints of a function that are left out are said in one") {
    UnitPair pair;
    pair.resolver.owner = "thing";
    std::string branches, declared;
    for (const std::string name : {"__tracepoint_one", "__tracepoint_two", "descriptor_1", "descriptor_2"}) {
        pair.resolver.special[name] = in_module("thing");
        declared += "extern struct static_key " + name + ";\n";
        branches += "if (BRANCH(&" + name + ")) use(x);\n";
    }
    const std::string unit = jump_label + declared + "int g(int x) { " + branches + " return x * 5; }\n";
    const Outcome outcome = pair.run(unit, replaced(unit, "x * 5", "x * 7"));
    REQUIRE(outcome.codes.empty());
    std::vector<std::string> said;
    for (const report::Finding& finding : outcome.diff.findings)
        if (finding.code == "diff.key-dropped")
            said.push_back(finding.message);
    REQUIRE(said.size() == 1);
    CHECK(said.front() == "a debug message, tracepoint one, tracepoint two of module thing are left out: they stay "
                          "disabled in the patched function");
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
    pair.resolver.special["__SCK__act"] = pair.resolver.special["__SCT__act"] = global_of_vmlinux();
    std::string unit = "int f(int x) { asm volatile(\"call __SCT__act\"); return x + 1; }\n";
    Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.refers(elf::build_symbols_section, "__SCK__act"));
    CHECK(outcome.refers(elf::build_symbols_section, "__SCT__act"));
    CHECK(outcome.symbol("__SCT__act")->is_weak());
}

TEST_CASE("a static call that the unit itself defines names its key for objtool") {
    UnitPair pair;
    pair.resolver.special["__SCK__act"] = pair.resolver.special["__SCT__act"] = global_of_vmlinux();
    // As DEFINE_STATIC_CALL() has it; only a section that is discarded speaks of the key.
    std::string unit =
        "struct { void *func; void *type; } __SCK__act;\n"
        "asm(\".pushsection .static_call.text,\\\"ax\\\"\\n.globl __SCT__act\\n__SCT__act: jmp other\\n"
        ".type __SCT__act, @function\\n.size __SCT__act, . - __SCT__act\\n.popsection\");\n"
        "static void *const mark __attribute__((section(\".discard.addressable\"), used)) = &__SCK__act;\n"
        "int f(int x) { asm volatile(\"call __SCT__act\"); return x + 1; }\n";
    Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.refers(elf::build_symbols_section, "__SCT__act"));
    CHECK(outcome.refers(elf::build_symbols_section, "__SCK__act"));
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
    // struct jump_entry has relocations at 0, 4 and 8 of its 16 bytes: a half of it has one at its beginning, too.
    const std::string jump =
        "extern long key;\nint g(int *p) { asm volatile(\"1: nop\\n.pushsection __jump_table,\\\"aw\\\"\\n "
        ".long 1b - ., 1b - .\\n .quad key - .\\n.popsection\"); return *p + 1; }\n";
    pair.options.entry_sizes.given = {{"__jump_table", 8}};
    Outcome halves = pair.run(jump, replaced(jump, "*p + 1", "*p + 2"));
    CHECK(halves.changed() == Names{"g"});
    CHECK(halves.has_finding("diff.entry-size"));
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

namespace {

// A WARN() as arch/x86/include/asm/bug.h writes it since Linux 6.19: the code passes its own entry of __bug_table on,
// and ANNOTATE_DATA_SPECIAL marks where entries begin.
std::string warning(const char* format) {
    return std::string(
               "({ void *bug; asm volatile(\"lea (2f)(%%rip), %0\\n1:\\n\\t.pushsection __bug_table,\\\"aw\\\"\\n\"\n"
               "\"912: .pushsection .discard.annotate_data,\\\"M\\\",@progbits,8\\n .long 912b - ., 1\\n "
               ".popsection\\n\"\n"
               "\"2: .long 1b - ., %c1 - ., %c2 - .\\n .word 7, 8\\n .popsection\" "
               ": \"=r\"(bug) : \"i\"(") +
           format + "), \"i\"(__FILE__)); use(bug); })";
}

} // namespace

TEST_CASE("code that refers to its own entry of a table refers to the copy") {
    UnitPair pair;
    const std::string unit = "extern void use(void *);\n"
                             "int f(int x) { if (x > 3) " +
                             warning("\"first\"") + "; return x; }\n" + "int g(int x) { if (x > 4) " +
                             warning("\"second\"") + "; if (x > 5) " + warning("\"third\"") + "; return x + 1; }\n";
    CHECK(pair.run(unit, unit).diff.nothing_changed);
    const Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"g"});
    const elf::Section* table = outcome.output->find_section("__bug_table");
    const elf::Section* code = outcome.output->find_section(".text.g");
    REQUIRE(table);
    REQUIRE(code);
    CHECK(table->size == 32); // two entries
    std::vector<int64_t> entries;
    for (const elf::Relocation& relocation : outcome.output->relocations(code->index))
        if (outcome.output->section_of(outcome.output->symbol(relocation.symbol)) == table)
            entries.push_back(relocation.addend + 4);
    CHECK(entries == std::vector<int64_t>{0, 16});

    CHECK(pair.run(unit, replaced(unit, "third", "fourth")).changed() == Names{"g"});
    CHECK(pair.run(unit, replaced(unit, ".word 7, 8", ".word 7, 9")).changed() == Names{"f"});
}

TEST_CASE("marks of entries in data and in code of alternatives are no table of one kind") {
    UnitPair pair;
    const std::string mark = "912: .pushsection .discard.annotate_data,\\\"M\\\",@progbits,8\\n .long 912b - ., 1\\n "
                             ".popsection\\n";
    const std::string unit = "int f(int x) { asm volatile(\"1: ud2\\n.pushsection __bug_table,\\\"aw\\\"\\n" + mark +
                             ".long 1b - ., 0, 0\\n.popsection\\n"
                             ".pushsection .altinstr_replacement,\\\"ax\\\"\\n" +
                             mark + "nop\\n.popsection\"); return x + 1; }\n";
    CHECK(pair.run(unit, unit).diff.nothing_changed);
    const Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    CHECK(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
}
