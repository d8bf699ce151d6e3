// What x86-64 code does with an address, instruction by instruction (encodings: Intel SDM volume 2).
#include "arch/address_flow.h"
#include "hand_made.h"

#include <doctest/doctest.h>

using namespace klp;
using arch::AddressUses;
using arch::FieldUse;
using Bytes = std::vector<std::byte>;

namespace {

const arch::Machine& x86() {
    static const arch::Machine& machine = arch::Machine::of(test::HandMade().object());
    return machine;
}

// `mov $table, %rbx`, then `rest`: what becomes of the address.
AddressUses uses_after_mov(std::initializer_list<unsigned> rest) {
    Bytes code = test::code_of({0x48, 0xc7, 0xc3, 0, 0, 0, 0});
    const Bytes more = test::code_of(rest);
    code.insert(code.end(), more.begin(), more.end());
    const auto instructions = x86().disassemble({code, 0, code.size()}, false);
    return arch::follow_address(x86(), instructions, 0, [](const arch::Instruction& it) { return it.is_call; });
}

FieldUse use_of(std::initializer_list<unsigned> bytes, uint64_t field) {
    const Bytes code = test::code_of(bytes);
    const auto instructions = x86().disassemble({code, 0, code.size()}, false);
    REQUIRE(instructions.size() == 1);
    return arch::field_use(x86(), instructions[0], {field, R_X86_64_32S, 0, 0});
}

bool is_nothing(const AddressUses& uses) {
    return !uses.lets_out() && !uses.is_accessed() && !uses.is_accessed_there;
}

} // namespace

TEST_CASE("field uses") {
    CHECK(use_of({0x48, 0xc7, 0xc3, 0, 0, 0, 0}, 3) == FieldUse::taken);               // mov $sym, %rbx
    CHECK(use_of({0x48, 0x8d, 0x05, 0, 0, 0, 0}, 3) == FieldUse::taken);               // lea sym(%rip), %rax
    CHECK(use_of({0x48, 0x8b, 0x05, 0, 0, 0, 0}, 3) == FieldUse::access);              // mov sym(%rip), %rax
    CHECK(use_of({0x48, 0x8b, 0x14, 0xc5, 0, 0, 0, 0}, 4) == FieldUse::indexed);       // mov sym(,%rax,8), %rdx
    CHECK(use_of({0x48, 0x05, 0, 0, 0, 0}, 2) == FieldUse::indexed_taken);             // add $sym, %rax
    CHECK(use_of({0x48, 0x8d, 0x04, 0xc5, 0, 0, 0, 0}, 4) == FieldUse::indexed_taken); // lea sym(,%rax,8), %rax
    CHECK(use_of({0x48, 0x81, 0xff, 0, 0, 0, 0}, 3) == FieldUse::compared);            // cmp $sym, %rdi
    CHECK(use_of({0x48, 0xc7, 0x00, 0, 0, 0, 0}, 3) == FieldUse::stored);              // movq $sym, (%rax)
    CHECK(use_of({0x68, 0, 0, 0, 0}, 1) == FieldUse::stored);                          // push $sym
    CHECK(use_of({0xe8, 0, 0, 0, 0}, 1) == FieldUse::branch);                          // call sym
    CHECK(use_of({0x06}, 0) == FieldUse::unknown);                                     // no instruction
}

TEST_CASE("addresses: not used, read, written") {
    CHECK(is_nothing(uses_after_mov({0xc3})));                      // ret
    AddressUses read = uses_after_mov({0x48, 0x8b, 0x43, 8, 0xc3}); // mov 8(%rbx), %rax; ret
    CHECK(read.is_accessed());
    CHECK(read.is_accessed_there);
    CHECK_FALSE(read.lets_out());                             // what was read is another thing
    AddressUses written = uses_after_mov({0x89, 0x03, 0xc3}); // mov %eax, (%rbx); ret
    CHECK(written.is_accessed_there);
    CHECK_FALSE(written.is_stored()); // the value went there, not the address
}

TEST_CASE("addresses: what is made of one is not the place itself") {
    AddressUses behind = uses_after_mov({0x48, 0x83, 0xc3, 0x10, 0x8b, 0x03, 0xc3}); // add $16, %rbx; mov (%rbx), %eax
    CHECK(behind.is_accessed());
    CHECK_FALSE(behind.is_accessed_there);
    AddressUses before = uses_after_mov({0x48, 0x8b, 0x43, 0xf8, 0xc3}); // mov -8(%rbx), %rax
    CHECK(before.is_accessed());
    CHECK_FALSE(before.is_accessed_there);
    AddressUses copied = uses_after_mov({0x48, 0x89, 0xd9, 0x8b, 0x01, 0xc3}); // mov %rbx, %rcx; mov (%rcx), %eax
    CHECK(copied.is_accessed_there);
}

TEST_CASE("addresses: let out") {
    CHECK(uses_after_mov({0x48, 0x89, 0x19, 0xc3}).is_stored());          // mov %rbx, (%rcx)
    CHECK(uses_after_mov({0x48, 0x89, 0xd8, 0xc3}).returned.size() == 1); // mov %rbx, %rax; ret
    AddressUses compared = uses_after_mov({0x4c, 0x39, 0xe3, 0xc3});      // cmp %r12, %rbx
    CHECK(compared.compared_at == std::vector<size_t>{1});
    CHECK(compared.lets_out());
    AddressUses passed = uses_after_mov({0x48, 0x89, 0xdf, 0xe8, 0, 0, 0, 0, 0xc3}); // mov %rbx, %rdi; call
    CHECK(passed.is_passed());
    CHECK_FALSE(passed.is_stored());
    CHECK(passed.returned.empty()); // %rax is the callee's
}

TEST_CASE("addresses: a call keeps some registers, and the flow is followed on every way") {
    // call; mov (%rbx), %eax; ret: %rbx is the same after the call
    CHECK(uses_after_mov({0xe8, 0, 0, 0, 0, 0x8b, 0x03, 0xc3}).is_accessed_there);
    // mov %rbx, %rcx; xor %ebx, %ebx; call; mov (%rcx), %eax: %rcx is not
    AddressUses lost = uses_after_mov({0x48, 0x89, 0xd9, 0x31, 0xdb, 0xe8, 0, 0, 0, 0, 0x8b, 0x01, 0xc3});
    CHECK_FALSE(lost.is_accessed());
    // je to the store at the end; ret; mov %rbx, (%rcx); ret
    CHECK(uses_after_mov({0x74, 1, 0xc3, 0x48, 0x89, 0x19, 0xc3}).is_stored());
    // overwritten first: mov $0, %ebx; mov %rbx, (%rcx)
    CHECK(is_nothing(uses_after_mov({0xbb, 0, 0, 0, 0, 0x48, 0x89, 0x19, 0xc3})));
}

TEST_CASE("addresses: where the code is not understood, all may be") {
    CHECK_FALSE(uses_after_mov({0x06}).is_known);             // no instruction
    CHECK_FALSE(uses_after_mov({0xeb, 0x40, 0xc3}).is_known); // jmp to where there is nothing
    CHECK(uses_after_mov({0x06}).lets_out());
}
