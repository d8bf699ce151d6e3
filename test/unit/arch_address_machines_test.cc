// What code of machines other than x86 does with an address: the same questions, one instruction each. The bytes are
// what an assembler makes of the text beside them.
#include "arch/address_flow.h"
#include "hand_made.h"

#include <doctest/doctest.h>

using namespace klp;
using arch::AddressUses;
using arch::FieldUse;
using Bytes = std::vector<std::byte>;
using Codes = std::vector<Bytes>;

namespace {

Bytes operator+(Bytes one, const Bytes& other) {
    one.insert(one.end(), other.begin(), other.end());
    return one;
}

struct Sample {
    test::Target target;
    uint32_t relocation;    // of the instruction that makes the address
    Bytes makes;            // into a register that calls keep
    Bytes reads;            // 8 bytes behind it
    Bytes stores;           // the address to memory
    Bytes writes;           // something else to the memory that it leads to
    Codes compares;         // it with another register, or with memory
    Bytes copies_to_result; // and to the first argument, which is the same register
    Bytes returns;
    Bytes calls;
};

const std::vector<Sample>& samples() {
    using test::code_of;
    static const std::vector<Sample> all = {
        {test::aarch64,
         R_AARCH64_ADD_ABS_LO12_NC,
         code_of({0x73, 0x02, 0x00, 0x91}),                                      // add x19, x19, #0
         code_of({0x60, 0x06, 0x40, 0xf9}),                                      // ldr x0, [x19, #8]
         code_of({0x33, 0x00, 0x00, 0xf9}),                                      // str x19, [x1]
         code_of({0x61, 0x02, 0x00, 0xf9}),                                      // str x1, [x19]
         {code_of({0x7f, 0x02, 0x14, 0xeb}), code_of({0x61, 0x02, 0x14, 0xca})}, // cmp x19, x20; eor x1, x19, x20
         code_of({0xe0, 0x03, 0x13, 0xaa}),                                      // mov x0, x19
         code_of({0xc0, 0x03, 0x5f, 0xd6}),                                      // ret
         code_of({0x02, 0x00, 0x00, 0x94})},                                     // bl
        {test::ppc64le,
         R_PPC64_TOC16_LO,
         code_of({0x00, 0x00, 0xde, 0x3b}),                                      // addi r30, r30, 0
         code_of({0x08, 0x00, 0x7e, 0xe8}),                                      // ld r3, 8(r30)
         code_of({0x00, 0x00, 0xc4, 0xfb}),                                      // std r30, 0(r4)
         code_of({0x00, 0x00, 0x9e, 0xf8}),                                      // std r4, 0(r30)
         {code_of({0x40, 0xf8, 0x3e, 0x7c}), code_of({0x78, 0xfa, 0xc4, 0x7f})}, // cmpld r30, r31; xor r4, r30, r31
         code_of({0x78, 0xf3, 0xc3, 0x7f}),                                      // mr r3, r30
         code_of({0x20, 0x00, 0x80, 0x4e}),                                      // blr
         code_of({0x09, 0x00, 0x00, 0x48})},                                     // bl
        {test::s390x,
         R_390_PC32DBL,
         code_of({0xc0, 0x80, 0x00, 0x00, 0x00, 0x00}),                                     // larl %r8, .
         code_of({0xe3, 0x20, 0x80, 0x08, 0x00, 0x04}),                                     // lg %r2, 8(%r8)
         code_of({0xe3, 0x80, 0x10, 0x00, 0x00, 0x24}),                                     // stg %r8, 0(%r1)
         code_of({0xe3, 0x10, 0x80, 0x00, 0x00, 0x24}),                                     // stg %r1, 0(%r8)
         {code_of({0xb9, 0x20, 0x00, 0x89}), code_of({0xec, 0x89, 0x00, 0x03, 0x80, 0x64}), // cgr %r8, %r9; cgrje
          code_of({0xe3, 0x80, 0x10, 0x00, 0x00, 0x21})},                                   // clg %r8, 0(%r1)
         code_of({0xb9, 0x04, 0x00, 0x28}),                                                 // lgr %r2, %r8
         code_of({0x07, 0xfe}),                                                             // br %r14
         code_of({0xc0, 0xe5, 0x00, 0x00, 0x00, 0x04})},                                    // brasl
        {test::loongarch64,
         72,                                                                    // R_LARCH_PCALA_LO12
         code_of({0xf7, 0x02, 0xc0, 0x02}),                                     // addi.d $s0, $s0, 0
         code_of({0xe4, 0x22, 0xc0, 0x28}),                                     // ld.d $a0, $s0, 8
         code_of({0xb7, 0x00, 0xc0, 0x29}),                                     // st.d $s0, $a1, 0
         code_of({0xe5, 0x02, 0xc0, 0x29}),                                     // st.d $a1, $s0, 0
         {code_of({0xf8, 0x06, 0x00, 0x58}), code_of({0xe5, 0xe2, 0x15, 0x00}), // beq $s0, $s1; xor $a1, $s0, $s1
          code_of({0xe5, 0xe2, 0x12, 0x00})},                                   // sltu $a1, $s0, $s1
         code_of({0xe4, 0x02, 0x15, 0x00}),                                     // move $a0, $s0
         code_of({0x20, 0x00, 0x00, 0x4c}),                                     // ret
         code_of({0x00, 0x08, 0x00, 0x54})},                                    // bl
    };
    return all;
}

class Machine {
public:
    explicit Machine(const Sample& sample)
        : sample_(sample), machine_(arch::Machine::of(test::HandMade(sample.target).object())) {}

    // What becomes of the address in `rest`.
    AddressUses uses(const Bytes& rest) const {
        const Bytes code = sample_.makes + rest;
        const auto instructions = machine_.disassemble({code, 0, code.size()}, false);
        return arch::follow_address(machine_, instructions, 0, [](const arch::Instruction& it) { return it.is_call; });
    }
    FieldUse use(const Bytes& code) const {
        const auto instructions = machine_.disassemble({code, 0, code.size()}, false);
        REQUIRE(instructions.size() == 1);
        return arch::field_use(machine_, instructions[0], {0, sample_.relocation, 0, 0});
    }

private:
    const Sample& sample_;
    const arch::Machine& machine_;
};

} // namespace

TEST_CASE("addresses on other machines: made, read, written") {
    for (const Sample& sample : samples()) {
        CAPTURE(sample.target.name);
        const Machine machine(sample);
        CHECK(machine.use(sample.makes) == FieldUse::taken);
        CHECK(machine.use(sample.reads) == FieldUse::access);
        CHECK(machine.use(sample.writes) == FieldUse::access);
        CHECK(machine.use(sample.calls) == FieldUse::branch);
        const AddressUses read = machine.uses(sample.reads + sample.returns);
        CHECK(read.is_known);
        CHECK(read.is_accessed_there);
        CHECK_FALSE(read.lets_out()); // what was read is another thing
        const AddressUses written = machine.uses(sample.writes + sample.returns);
        CHECK(written.is_accessed_there);
        CHECK_FALSE(written.lets_out()); // the value went there, not the address
    }
}

TEST_CASE("addresses on other machines: let out") {
    for (const Sample& sample : samples()) {
        CAPTURE(sample.target.name);
        const Machine machine(sample);
        const AddressUses stored = machine.uses(sample.stores + sample.returns);
        CHECK(stored.is_stored());
        CHECK_FALSE(stored.is_accessed());
        CHECK(machine.uses(sample.copies_to_result + sample.returns).returned.size() == 1);
        CHECK_FALSE(machine.uses(sample.returns).lets_out());
        const AddressUses passed = machine.uses(sample.copies_to_result + sample.calls + sample.returns);
        CHECK(passed.is_passed());
        CHECK(passed.returned.empty());                                     // that is the callee's
        CHECK(machine.uses(sample.calls + sample.reads).is_accessed_there); // the same after the call
        for (const Bytes& compares : sample.compares)
            CHECK(machine.uses(compares + sample.returns).compared_at == std::vector<size_t>{1});
    }
}
