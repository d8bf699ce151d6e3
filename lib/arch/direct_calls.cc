#include "arch/direct_calls.h"

#include <cstring>
#include <elf.h>

namespace klp::arch {

std::vector<uint64_t> direct_calls(uint16_t machine, elf::Bytes code, uint64_t address, uint64_t target) {
    constexpr std::byte call{0xe8};
    constexpr std::byte jump{0xe9};
    constexpr uint64_t size = 5;
    std::vector<uint64_t> sites;
    if (machine != EM_X86_64)
        return sites;
    for (uint64_t at = 0; at + size <= code.size(); ++at) {
        if (code[at] != call && code[at] != jump)
            continue;
        int32_t distance = 0;
        std::memcpy(&distance, code.data() + at + 1, sizeof(distance));
        if (address + at + size + static_cast<uint64_t>(int64_t(distance)) == target)
            sites.push_back(address + at);
    }
    return sites;
}

} // namespace klp::arch
