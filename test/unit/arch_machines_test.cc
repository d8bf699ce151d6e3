// The five machines: their relocations by the numbers of the ABI documents, and instructions by hand-made bytes.
#include "arch/conditions.h"
#include "arch/machine.h"
#include "hand_made.h"
#include "report/finding.h"

#include <doctest/doctest.h>
#include <functional>

using namespace klp;
using arch::Form;
using test::Target;

namespace {

const Target all_targets[] = {test::x86_64, test::aarch64, test::ppc64le, test::s390x, test::loongarch64};

const arch::Machine& machine_of(const Target& target) {
    return arch::Machine::of(test::HandMade(target).object());
}

constexpr int refused = -1;

struct Wanted {
    uint32_t type;
    Form form;
    unsigned width; // 0: part of an instruction
    int loaded;     // bytes that the kernel's module loader writes
    bool is_in_units = true;
};

void check_relocations(const Target& target, std::initializer_list<Wanted> wanted) {
    const arch::Machine& machine = machine_of(target);
    for (const Wanted& it : wanted) {
        CAPTURE(target.name);
        CAPTURE(it.type);
        const arch::RelocationKind kind = machine.relocation(it.type);
        CHECK(kind.is_known);
        CHECK(kind.form == it.form);
        CHECK(kind.width == it.width);
        const std::optional<unsigned> loaded = machine.loaded_width(it.type);
        CHECK((loaded ? static_cast<int>(*loaded) : refused) == it.loaded);
    }
    CHECK_FALSE(machine.relocation(60000).is_known);
    CHECK_FALSE(machine.loaded_width(60000).has_value());
}

arch::Instruction decode(const Target& target, std::initializer_list<unsigned> bytes) {
    const std::vector<std::byte> code = test::code_of(bytes);
    const auto instructions = machine_of(target).disassemble({code, 0, code.size()}, false);
    REQUIRE(instructions.size() == 1);
    return instructions.front();
}

} // namespace

TEST_CASE("machines: known by number and byte order") {
    for (const Target& target : all_targets) {
        CAPTURE(target.name);
        CHECK(machine_of(target).name() == target.name);
    }
    const Target others[] = {{"i386", EM_386},
                             {"arm64 of the other order", EM_AARCH64, false},
                             {"ppc64", EM_PPC64, false},
                             {"s390 of the other order", EM_S390, true}};
    for (const Target& target : others) {
        CAPTURE(target.name);
        CHECK_THROWS_AS(machine_of(target), report::Refusal);
    }
}

// System V ABI, AMD64 supplement 1.0, table 4.9
TEST_CASE("relocations: x86_64") {
    check_relocations(test::x86_64, {{0, Form::none, 0, 0},                 // NONE
                                     {1, Form::absolute, 8, 8},             // 64
                                     {2, Form::pc_relative, 4, 4},          // PC32
                                     {4, Form::pc_relative, 4, 4},          // PLT32
                                     {10, Form::absolute, 4, 4},            // 32
                                     {11, Form::absolute, 4, 4},            // 32S
                                     {24, Form::pc_relative, 8, 8},         // PC64
                                     {9, Form::table, 4, refused},          // GOTPCREL
                                     {41, Form::table, 4, refused},         // GOTPCRELX
                                     {42, Form::table, 4, refused},         // REX_GOTPCRELX
                                     {15, Form::pc_relative, 1, refused}}); // PC8
    const arch::Machine& machine = machine_of(test::x86_64);
    CHECK(machine.absolute64() == 1);
    CHECK(machine.canonical(4) == machine.canonical(2));
    CHECK(machine.canonical(11) != machine.canonical(2));
    CHECK(machine.usual_bias(2) == 4); // the field is the last of its instruction, from whose end the distance counts
    CHECK(machine.usual_bias(1) == 0);
}

// ELF for the Arm 64-bit Architecture, 5.7
TEST_CASE("relocations: aarch64") {
    check_relocations(test::aarch64, {{0, Form::none, 0, 0},
                                      {257, Form::absolute, 8, 8},      // ABS64
                                      {258, Form::absolute, 4, 4},      // ABS32
                                      {260, Form::pc_relative, 8, 8},   // PREL64
                                      {261, Form::pc_relative, 4, 4},   // PREL32
                                      {275, Form::pc_relative, 0, 4},   // ADR_PREL_PG_HI21
                                      {277, Form::absolute, 0, 4},      // ADD_ABS_LO12_NC
                                      {280, Form::pc_relative, 0, 4},   // CONDBR19
                                      {282, Form::pc_relative, 0, 4},   // JUMP26
                                      {283, Form::pc_relative, 0, 4},   // CALL26
                                      {286, Form::absolute, 0, 4},      // LDST64_ABS_LO12_NC
                                      {311, Form::table, 0, refused}}); // ADR_GOT_PAGE
    const arch::Machine& machine = machine_of(test::aarch64);
    CHECK(machine.absolute64() == 257);
    CHECK(machine.canonical(282) == machine.canonical(283));
    CHECK(machine.usual_bias(283) == 0);
}

// 64-Bit ELF V2 ABI Specification, 3.5.3
TEST_CASE("relocations: ppc64le") {
    check_relocations(test::ppc64le, {{38, Form::absolute, 8, 8},       // ADDR64
                                      {1, Form::absolute, 4, 4},        // ADDR32
                                      {44, Form::pc_relative, 8, 8},    // REL64
                                      {26, Form::pc_relative, 4, 4},    // REL32
                                      {10, Form::pc_relative, 0, 4},    // REL24
                                      {116, Form::pc_relative, 0, 4},   // REL24_NOTOC
                                      {50, Form::absolute, 2, 2},       // TOC16_HA
                                      {48, Form::absolute, 2, 2},       // TOC16_LO
                                      {51, Form::toc_base, 8, 8},       // TOC
                                      {252, Form::pc_relative, 2, 2},   // REL16_HA
                                      {250, Form::pc_relative, 2, 2}}); // REL16_LO
    CHECK(machine_of(test::ppc64le).absolute64() == 38);
    CHECK(machine_of(test::ppc64le).module_flags() == 2); // ABI version 2
}

// s390x ELF ABI Supplement, 3.2
TEST_CASE("relocations: s390x") {
    check_relocations(test::s390x, {{0, Form::none, 0, 0},
                                    {22, Form::absolute, 8, 8},    // 64
                                    {4, Form::absolute, 4, 4},     // 32
                                    {23, Form::pc_relative, 8, 8}, // PC64
                                    {5, Form::pc_relative, 4, 4},  // PC32
                                    {19, Form::pc_relative, 4, 4}, // PC32DBL
                                    {20, Form::pc_relative, 4, 4}, // PLT32DBL
                                    {26, Form::table, 4, 4}});     // GOTENT
    const arch::Machine& machine = machine_of(test::s390x);
    CHECK(machine.absolute64() == 22);
    CHECK(machine.canonical(20) == machine.canonical(19));
    CHECK(machine.usual_bias(19) == -2); // the distance counts from the instruction, two bytes before the field
    CHECK(machine.usual_bias(22) == 0);
}

// ELF for the LoongArch Architecture, "Relocations"
TEST_CASE("relocations: loongarch64") {
    check_relocations(test::loongarch64, {{0, Form::none, 0, 0},
                                          {2, Form::absolute, 8, 8},       // 64
                                          {1, Form::absolute, 4, 4},       // 32
                                          {66, Form::pc_relative, 0, 4},   // B26
                                          {71, Form::pc_relative, 0, 4},   // PCALA_HI20
                                          {72, Form::pc_relative, 0, 4},   // PCALA_LO12
                                          {75, Form::table, 0, 4},         // GOT_PC_HI20
                                          {99, Form::pc_relative, 4, 4},   // 32_PCREL
                                          {109, Form::pc_relative, 8, 8},  // 64_PCREL
                                          {50, Form::difference, 0, 4},    // ADD32
                                          {55, Form::difference, 0, 4},    // SUB32
                                          {51, Form::difference, 0, 8},    // ADD64
                                          {56, Form::difference, 0, 8},    // SUB64
                                          {100, Form::none, 0, refused}}); // RELAX
    const arch::Machine& machine = machine_of(test::loongarch64);
    CHECK(machine.absolute64() == 2);
    CHECK(machine.relocations_accumulate());
    CHECK_FALSE(machine_of(test::x86_64).relocations_accumulate());
}

TEST_CASE("instructions: a call eight bytes on, and a return") {
    struct Case {
        Target target;
        std::initializer_list<unsigned> call;
        std::initializer_list<unsigned> back;
    };
    const Case cases[] = {
        {test::x86_64, {0xe8, 3, 0, 0, 0}, {0xc3}},                      // call rel32 (from its end); ret
        {test::aarch64, {0x02, 0, 0, 0x94}, {0xc0, 0x03, 0x5f, 0xd6}},   // bl, in words; ret
        {test::ppc64le, {0x09, 0, 0, 0x48}, {0x20, 0, 0x80, 0x4e}},      // bl: LK is bit 0; blr
        {test::s390x, {0xc0, 0xe5, 0, 0, 0, 4}, {0x07, 0xfe}},           // brasl %r14, in halfwords; br %r14
        {test::loongarch64, {0x00, 0x08, 0, 0x54}, {0x20, 0, 0, 0x4c}}}; // bl, in words at bit 10; jirl
    for (const Case& it : cases) {
        CAPTURE(it.target.name);
        const arch::Instruction call = decode(it.target, it.call);
        CHECK(call.is_valid);
        CHECK(call.is_call);
        CHECK(call.size == it.call.size());
        CHECK(call.branch_target == 8);
        CHECK_FALSE(call.ends_flow);
        const arch::Instruction back = decode(it.target, it.back);
        CHECK(back.is_valid);
        CHECK(back.ends_flow);
        CHECK_FALSE(back.is_call);
        CHECK_FALSE(back.branch_target.has_value());
    }
}

TEST_CASE("instructions: what only newer processors have is read as well") {
    // ahik %r2,%r1,1 of z196; paddi r3,r3,1 of POWER10, which without its prefix is another instruction.
    const arch::Instruction sum = decode(test::s390x, {0xec, 0x21, 0x00, 0x01, 0x00, 0xd8});
    CHECK(sum.is_valid);
    CHECK(sum.size == 6);
    CHECK(decode(test::ppc64le, {0x00, 0x00, 0x00, 0x06, 0x01, 0x00, 0x63, 0x38}).size == 8);
}

TEST_CASE("conditions: a branch and its contrary go by the same test, others do not") {
    const auto condition = [](const Target& target, std::initializer_list<unsigned> bytes) {
        return arch::condition_of(decode(target, bytes));
    };
    const auto are_contrary = [](const arch::Condition& one, arch::Condition other) {
        other.is_contrary = !other.is_contrary;
        return one == other;
    };
    const arch::Condition je = condition(test::x86_64, {0x74, 0x02});
    CHECK(are_contrary(je, condition(test::x86_64, {0x75, 0x08})));              // jne
    CHECK(je == condition(test::x86_64, {0x0f, 0x84, 0x00, 0x01, 0x00, 0x00}));  // je, far
    CHECK_FALSE(are_contrary(je, condition(test::x86_64, {0x78, 0x02})));        // js
    CHECK(are_contrary(condition(test::aarch64, {0x40, 0x00, 0x00, 0x54}),       // b.eq
                       condition(test::aarch64, {0x41, 0x00, 0x00, 0x54})));     // b.ne
    CHECK(are_contrary(condition(test::aarch64, {0x40, 0x00, 0x00, 0x34}),       // cbz
                       condition(test::aarch64, {0x40, 0x00, 0x00, 0x35})));     // cbnz
    CHECK(are_contrary(condition(test::ppc64le, {0x00, 0x01, 0x82, 0x41}),       // beq
                       condition(test::ppc64le, {0x00, 0x01, 0x82, 0x40})));     // bne
    CHECK(are_contrary(condition(test::s390x, {0xa7, 0x84, 0x00, 0x10}),         // je
                       condition(test::s390x, {0xa7, 0x74, 0x00, 0x10})));       // jne
    CHECK(are_contrary(condition(test::loongarch64, {0x80, 0x0c, 0x00, 0x40}),   // beqz
                       condition(test::loongarch64, {0x80, 0x0c, 0x00, 0x44}))); // bnez
}

TEST_CASE("padding: what each machine fills the room before a jump's target with") {
    const auto is_padding = [](const Target& target, std::initializer_list<unsigned> bytes) {
        return machine_of(target).is_padding(decode(target, bytes));
    };
    CHECK(is_padding(test::aarch64, {0x1f, 0x20, 0x03, 0xd5}));       // nop
    CHECK_FALSE(is_padding(test::aarch64, {0x5f, 0x24, 0x03, 0xd5})); // bti c
    CHECK(is_padding(test::ppc64le, {0x00, 0x00, 0x00, 0x60}));       // nop
    CHECK(is_padding(test::ppc64le, {0x00, 0x00, 0x42, 0x60}));       // ori r2,r2,0
    CHECK_FALSE(is_padding(test::ppc64le, {0x00, 0x00, 0x43, 0x60})); // ori r3,r2,0
    CHECK(is_padding(test::s390x, {0x07, 0x07}));                     // nopr
    CHECK(is_padding(test::loongarch64, {0x00, 0x00, 0x40, 0x03}));   // nop
    CHECK_FALSE(is_padding(test::loongarch64, {0x84, 0x00, 0x40, 0x03}));
}

TEST_CASE("instructions: bytes that are none are passed one unit at a time") {
    const std::vector<std::byte> code = test::code_of({0x06, 0xc3}); // push %es is invalid in 64-bit mode
    const auto instructions = machine_of(test::x86_64).disassemble({code, 0, 2}, false);
    REQUIRE(instructions.size() == 2);
    CHECK_FALSE(instructions[0].is_valid);
    CHECK(instructions[0].size == 1);
    CHECK(instructions[1].is_return);
}

TEST_CASE("branches that the assembler resolved lead out of the function") {
    // f: jmp to itself, call to 16, short jump to 16, ret
    const std::vector<std::byte> code =
        test::code_of({0xeb, 0xfe, 0xe8, 9, 0, 0, 0, 0xeb, 7, 0xc3, 0, 0, 0, 0, 0, 0, 0xc3});
    const auto branches = machine_of(test::x86_64).resolved_branches({code, 0, 10});
    REQUIRE(branches.size() == 2);
    CHECK(branches[0].target == 16);
    CHECK(branches[0].relocation.offset == 3); // the field of the call
    CHECK(branches[0].can_move);
    CHECK(branches[1].target == 16);
    CHECK_FALSE(branches[1].can_move); // one byte
}

TEST_CASE("a relocation's branch is told from its address by the opcode before it") {
    const arch::Machine& x86 = machine_of(test::x86_64);
    const auto code =
        test::code_of({0xe8, 0, 0, 0, 0, /* jne */ 0x0f, 0x85, 0, 0, 0, 0, /* mov */ 0x48, 0x8b, 5, 0, 0, 0, 0});
    CHECK(x86.is_branch(code, {1, R_X86_64_PLT32, 0, 0}));
    CHECK(x86.is_branch(code, {7, R_X86_64_PC32, 0, 0}));
    CHECK_FALSE(x86.is_branch(code, {14, R_X86_64_PC32, 0, 0}));
    const arch::Machine& s390x = machine_of(test::s390x);
    const auto z = test::code_of({0xc0, 0xe5, 0, 0, 0, 0, /* larl %r1 */ 0xc0, 0x10, 0, 0, 0, 0});
    CHECK(s390x.is_branch(z, {2, R_390_PC32DBL, 0, 0}));
    CHECK_FALSE(s390x.is_branch(z, {8, R_390_PC32DBL, 0, 0}));
}

TEST_CASE("what follows the field of a rip-relative operand counts") {
    const arch::Machine& x86 = machine_of(test::x86_64);
    // movl $7, sym(%rip): c7 05 disp32 imm32; the distance counts from the end, four bytes behind the field.
    const auto code = test::code_of({0xc7, 5, 0, 0, 0, 0, 7, 0, 0, 0});
    CHECK(x86.addend_bias(arch::Code{code, 0, code.size()}, {2, R_X86_64_PC32, 0, 0}) == 8);
    CHECK(x86.addend_bias(std::nullopt, {2, R_X86_64_PC32, 0, 0}) == 0); // data
}

TEST_CASE("registers of arguments, by the calling conventions") {
    struct Case {
        Target target;
        const char* first;
        const char* third;
        const char* none;
    };
    const Case cases[] = {{test::x86_64, "RDI", "RDX", "RBX"},
                          {test::aarch64, "X0", "W2", "X8"},
                          {test::ppc64le, "X3", "R5", "X2"},
                          {test::s390x, "R2D", "R4L", "R7D"},
                          {test::loongarch64, "R4", "R6", "R12"}};
    for (const Case& it : cases) {
        CAPTURE(it.target.name);
        CHECK(machine_of(it.target).argument_number(it.first) == 0);
        CHECK(machine_of(it.target).argument_number(it.third) == 2);
        CHECK_FALSE(machine_of(it.target).argument_number(it.none).has_value());
    }
}

TEST_CASE("ftrace's calls and the room that is left for them") {
    for (const Target& target : all_targets)
        CHECK(machine_of(target).is_profiling_call("_mcount"));
    CHECK(machine_of(test::x86_64).is_profiling_call("__fentry__"));
    CHECK_FALSE(machine_of(test::aarch64).is_profiling_call("__fentry__"));
    const auto hotpatch = test::code_of({0xc0, 0x04, 0, 0, 0, 0, 0x07, 0xfe}); // brcl 0,0; br %r14
    const auto plain = test::code_of({0x07, 0xfe, 0xc0, 0x04, 0, 0, 0, 0});
    CHECK(machine_of(test::s390x).has_profiling_nop({hotpatch, 0, hotpatch.size()}));
    CHECK_FALSE(machine_of(test::s390x).has_profiling_nop({plain, 0, plain.size()}));
    CHECK_FALSE(machine_of(test::x86_64).hooks_patchable_entries());
    CHECK(machine_of(test::aarch64).hooks_patchable_entries());
}
