// Small objects made by hand, byte by byte: no compiler has a say in what they are.
#pragma once

#include "elf/builder.h"
#include "elf/object.h"

#include <elf.h>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

namespace klp::test {

// The machine's number in the ELF header, and its byte order.
struct Target {
    std::string name; // as the kernel's ARCH= has it
    uint16_t machine;
    bool is_little_endian = true;
};

inline const Target x86_64 = {"x86_64", EM_X86_64};
inline const Target aarch64 = {"arm64", EM_AARCH64};
inline const Target ppc64le = {"powerpc", EM_PPC64};
inline const Target s390x = {"s390", EM_S390, false};
inline const Target loongarch64 = {"loongarch", EM_LOONGARCH};

inline std::vector<std::byte> code_of(std::initializer_list<unsigned> values) {
    std::vector<std::byte> bytes;
    for (unsigned value : values)
        bytes.push_back(std::byte(value));
    return bytes;
}

inline std::vector<std::byte> text_of(std::string_view text) {
    const auto* data = reinterpret_cast<const std::byte*>(text.data());
    return {data, data + text.size()};
}

struct HandMade {
    elf::Builder builder;

    explicit HandMade(const Target& target = x86_64) {
        builder.machine = target.machine;
        builder.little_endian = target.is_little_endian;
        builder.name = "hand-made.o";
        builder.sections.resize(1);
        builder.symbols.resize(1);
    }
    // Returns the section's handle, which is its index in the finished object.
    uint32_t section(std::string name, uint64_t flags, std::vector<std::byte> data, uint64_t entry_size = 0) {
        return builder.add_section({.name = std::move(name),
                                    .flags = flags,
                                    .alignment = 1,
                                    .entry_size = entry_size,
                                    .data = std::move(data)});
    }
    uint32_t code(std::string name, std::vector<std::byte> data) {
        return section(std::move(name), SHF_ALLOC | SHF_EXECINSTR, std::move(data));
    }
    uint32_t section_symbol(uint32_t in) {
        return builder.add_symbol({.type = STT_SECTION, .place = elf::Place::section, .section = in});
    }
    uint32_t define(std::string name, uint32_t in, uint8_t type, uint64_t value, uint64_t size,
                    uint8_t binding = STB_LOCAL) {
        return builder.add_symbol({.name = std::move(name),
                                   .value = value,
                                   .size = size,
                                   .binding = binding,
                                   .type = type,
                                   .place = elf::Place::section,
                                   .section = in});
    }
    uint32_t undefined(std::string name) {
        return builder.add_symbol({.name = std::move(name), .binding = STB_GLOBAL});
    }
    void relocate(uint32_t in, uint64_t offset, uint32_t type, uint32_t symbol, int64_t addend = 0) {
        builder.relocations_of(in).entries.push_back({offset, type, symbol, addend});
    }
    elf::Object object() const { return elf::Object::from_bytes(builder.name, builder.bytes()); }
};

} // namespace klp::test
