#include "arch/sibling_calls.h"

#include <elf.h>

namespace klp::arch {

bool loses_toc(const Machine& machine, elf::Bytes section, const elf::Relocation& relocation, std::string_view callee) {
    if (machine.name() != "powerpc" || relocation.type != R_PPC64_REL24 || relocation.offset >= section.size())
        return false;
    if (callee.starts_with("_rest") || callee.starts_with("_save"))
        return false;
    // Power ISA, 2.4: the lowest bit of a branch says whether it leaves a return address.
    return (section[relocation.offset] & std::byte{1}) == std::byte{0};
}

} // namespace klp::arch
