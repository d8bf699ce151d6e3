// What stands where a special section of an x86-64 module points to: Intel's manual, volume 2, for the instructions;
// arch/x86/kernel/{alternative,ftrace,jump_label,static_call}.c for what the kernel expects.
#include "arch/machines.h"

#include <algorithm>
#include <initializer_list>

namespace klp::arch {

namespace {

bool begins_with(elf::Bytes code, std::initializer_list<unsigned> bytes) {
    return code.size() >= bytes.size() &&
           std::equal(bytes.begin(), bytes.end(), code.begin(),
                      [](unsigned wanted, std::byte given) { return std::byte(wanted) == given; });
}

constexpr size_t longest_branch = 5; // e8 or e9 and a distance of four bytes

bool is_call(elf::Bytes code) {
    return code.size() >= longest_branch && begins_with(code, {0xe8});
}
bool is_jump(elf::Bytes code) {
    return code.size() >= longest_branch && begins_with(code, {0xe9});
}
bool is_short_jump(elf::Bytes code) {
    return code.size() >= 2 && begins_with(code, {0xeb});
}
bool is_conditional_jump(elf::Bytes code) {
    return code.size() > longest_branch && begins_with(code, {0x0f}) &&
           (std::to_integer<unsigned>(code[1]) & 0xf0) == 0x80;
}
bool is_long_nop(elf::Bytes code) {
    return begins_with(code, {0x0f, 0x1f, 0x44, 0x00, 0x00});
}
bool is_short_nop(elf::Bytes code) {
    return begins_with(code, {0x66, 0x90});
}
// What a static call without a function becomes: "xor %eax,%eax", five bytes long.
bool is_zero_return(elf::Bytes code) {
    return begins_with(code, {0x66, 0x66, 0x48, 0x31, 0xc0});
}
// The kernel writes a segment prefix over it on a machine with one processor.
bool is_lock(elf::Bytes code) {
    return begins_with(code, {0xf0}) || begins_with(code, {0x3e});
}
// Compilers put it before a branch, once or more, to leave room (-mindirect-branch-cs-prefix).
elf::Bytes without_segment_prefix(elf::Bytes code) {
    while (begins_with(code, {0x2e}))
        code = code.subspan(1);
    return code;
}

} // namespace

bool is_x86_64_site(Site site, elf::Bytes section, uint64_t offset) {
    if (offset >= section.size())
        return false;
    const elf::Bytes code = section.subspan(offset);
    const elf::Bytes branch = without_segment_prefix(code);
    switch (site) {
    case Site::anything:
    case Site::code:
        return true;
    case Site::profiling_call:
        return is_call(code) || is_long_nop(code);
    case Site::jump_label:
        return is_jump(code) || is_short_jump(code) || is_long_nop(code) || is_short_nop(code);
    case Site::static_call:
        return is_call(code) || is_jump(code) || is_conditional_jump(code) || is_long_nop(code) || is_zero_return(code);
    case Site::retpoline:
        return is_call(branch) || is_jump(branch) || is_conditional_jump(branch);
    case Site::return_thunk:
        return is_jump(branch) || begins_with(branch, {0xc3});
    case Site::call:
        return is_call(branch);
    case Site::landing_pad:
        return begins_with(code, {0xf3, 0x0f, 0x1e, 0xfa});
    case Site::trap:
        return begins_with(code, {0x0f, 0x0b}) || begins_with(code, {0x0f, 0xb9});
    case Site::lock_prefix:
        return is_lock(begins_with(code, {0x66}) ? code.subspan(1) : code);
    }
    return true;
}

} // namespace klp::arch
