#include "elf/modversions.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace klp::elf {

namespace {

// struct modversion_info (include/linux/module.h): unsigned long crc; char name[64 - sizeof(unsigned long)].
void read_basic(const Object& module, const Section& section, Modversions& versions) {
    constexpr uint64_t entry = 64, name_at = 8;
    for (uint64_t at = 0; at + entry <= section.data.size(); at += entry) {
        const Bytes name = section.data.subspan(at + name_at, entry - name_at);
        const uint64_t crc = module.read_integer(section.data, at, name_at);
        const bool has_end = std::ranges::find(name, std::byte{0}) != name.end();
        if (!has_end || name.front() == std::byte{0} || crc > UINT32_MAX)
            versions.defects.push_back(fmt::format("the entry at {:#x} is no CRC and name", at));
        versions.list.push_back({Object::string_at(section, at + name_at).substr(0, entry - name_at), crc});
    }
}

// CRCs of 32 bits, and as many names, each ended by a zero byte. What is left of the names is not read.
void read_extended(const Object& module, const Section& crcs, const Section& names, Modversions& versions) {
    constexpr uint64_t size = sizeof(uint32_t);
    uint64_t name_at = 0;
    for (uint64_t at = 0; at + size <= crcs.data.size(); at += size) {
        const Bytes rest = names.data.subspan(name_at);
        const auto end = std::ranges::find(rest, std::byte{0});
        if (end == rest.end()) {
            versions.defects.push_back(fmt::format("{} has fewer names than {} has CRCs", names.name, crcs.name));
            return;
        }
        const std::string_view name(reinterpret_cast<const char*>(rest.data()),
                                    static_cast<size_t>(end - rest.begin()));
        if (name.empty())
            versions.defects.push_back(fmt::format("the entry at {:#x} of {} is no name", name_at, names.name));
        versions.list.push_back({name, module.read_integer(crcs.data, at, size)});
        name_at += name.size() + 1;
    }
}

// Kernels from before Linux 6.14 know one of the two only.
void compare(const Modversions& basic, Modversions& extended) {
    std::map<std::string_view, uint64_t> known;
    for (const Modversion& it : extended.list)
        known.try_emplace(it.name, it.crc);
    for (const Modversion& it : basic.list)
        if (const auto found = known.find(it.name); found != known.end() && found->second != it.crc)
            extended.defects.push_back(fmt::format("there are two CRCs for {}", it.name));
}

} // namespace

Modversions read_modversions(const Object& module) {
    const Section* basic = module.find_section("__versions");
    const Section* crcs = module.find_section("__version_ext_crcs");
    const Section* names = module.find_section("__version_ext_names");
    Modversions versions{.is_there = basic || crcs || names};
    if (basic)
        read_basic(module, *basic, versions);
    if (!crcs != !names)
        versions.defects.push_back(fmt::format("{} is there without its other half", (crcs ? crcs : names)->name));
    if (!crcs || !names)
        return versions;
    Modversions extended{.is_there = true, .is_extended = true, .defects = versions.defects};
    read_extended(module, *crcs, *names, extended);
    compare(versions, extended);
    return extended;
}

} // namespace klp::elf
