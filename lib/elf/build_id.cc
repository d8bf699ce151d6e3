#include "elf/build_id.h"

#include "files/mapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <libelf.h>
#include <memory>

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

// `read` gives the u32 at an offset of some bytes.
template <typename Reader>
std::string id_in_notes(Bytes rest, const Reader& read) {
    while (rest.size() >= header_size) {
        const uint64_t name_size = aligned(read(rest, 0));
        const uint64_t id_size = read(rest, 4);
        const uint64_t type = read(rest, 8);
        rest = rest.subspan(header_size);
        if (name_size > rest.size() || id_size > rest.size() - name_size)
            break;
        // "GNU" with its final zero is one word.
        if (type == NT_GNU_BUILD_ID && name_size == 4 && std::to_integer<char>(rest[0]) == 'G')
            return hexadecimal(rest.subspan(name_size, id_size));
        rest = rest.subspan(std::min<uint64_t>(rest.size(), name_size + aligned(id_size)));
    }
    return {};
}

} // namespace

std::string build_id(const Object& object) {
    for (const Section& section : object.sections()) {
        if (section.type != SHT_NOTE)
            continue;
        std::string id =
            id_in_notes(section.data, [&](Bytes bytes, uint64_t at) { return object.read_integer(bytes, at, 4); });
        if (!id.empty())
            return id;
    }
    return {};
}

std::string build_id_of(const std::filesystem::path& path) {
    const files::Mapping image = files::Mapping::of(path);
    elf_version(EV_CURRENT);
    const std::unique_ptr<Elf, decltype(&elf_end)> file(elf_memory(reinterpret_cast<char*>(image.data()), image.size()),
                                                        &elf_end);
    size_t count = 0;
    if (!file || elf_kind(file.get()) != ELF_K_ELF || elf_getphdrnum(file.get(), &count) != 0)
        return {};
    for (Elf_Scn* section = nullptr; (section = elf_nextscn(file.get(), section)) != nullptr;) {
        const Elf64_Shdr* header = elf64_getshdr(section);
        if (header == nullptr || header->sh_type != SHT_NOTE || header->sh_offset > image.size() ||
            header->sh_size > image.size() - header->sh_offset)
            continue;
        if (std::string id = build_id(Bytes{image.data() + header->sh_offset, header->sh_size}); !id.empty())
            return id;
    }
    return {};
}

std::string build_id(Bytes notes) {
    return id_in_notes(notes, [](Bytes bytes, uint64_t at) {
        uint32_t value = 0;
        std::memcpy(&value, bytes.data() + at, sizeof(value));
        return value;
    });
}

} // namespace klp::elf
