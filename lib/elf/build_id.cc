#include "elf/build_id.h"

#include <fmt/format.h>

#include <algorithm>
#include <elf.h>

namespace klp::elf {

namespace {

constexpr uint64_t header_size = 12; // u32 namesz, u32 descsz, u32 type

uint64_t aligned(uint64_t size) {
    return (size + 3) & ~uint64_t{3};
}

std::string hexadecimal(Bytes bytes) {
    std::string text;
    for (std::byte byte : bytes)
        text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    return text;
}

} // namespace

std::string build_id(const Object& object) {
    for (const Section& section : object.sections()) {
        if (section.type != SHT_NOTE)
            continue;
        Bytes rest = section.data;
        while (rest.size() >= header_size) {
            const uint64_t name_size = aligned(object.read_integer(rest, 0, 4));
            const uint64_t id_size = object.read_integer(rest, 4, 4);
            const uint64_t type = object.read_integer(rest, 8, 4);
            rest = rest.subspan(header_size);
            if (name_size > rest.size() || id_size > rest.size() - name_size)
                break;
            // "GNU" with its final zero is one word.
            if (type == NT_GNU_BUILD_ID && name_size == 4 && std::to_integer<char>(rest[0]) == 'G')
                return hexadecimal(rest.subspan(name_size, id_size));
            rest = rest.subspan(std::min<uint64_t>(rest.size(), name_size + aligned(id_size)));
        }
    }
    return {};
}

} // namespace klp::elf
