#include "symbols/btf.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace klp::symbols {

namespace {

constexpr uint32_t magic = 0xeb9f;
constexpr uint64_t header_size = 24;
constexpr unsigned deepest = 16; // of pointers to pointers; a cycle ends there

// include/uapi/linux/btf.h
enum Kind : unsigned {
    kind_int = 1,
    kind_pointer = 2,
    kind_array = 3,
    kind_struct = 4,
    kind_union = 5,
    kind_enum = 6,
    kind_forward = 7,
    kind_typedef = 8,
    kind_volatile = 9,
    kind_const = 10,
    kind_restrict = 11,
    kind_function = 12,
    kind_prototype = 13,
    kind_variable = 14,
    kind_section = 15,
    kind_float = 16,
    kind_declaration_tag = 17,
    kind_type_tag = 18,
    kind_enum64 = 19,
};

unsigned kind_of(uint32_t info) {
    return (info >> 24) & 0x1f;
}
uint32_t count_of(uint32_t info) {
    return info & 0xffff;
}

// The bytes that follow a type's three words; nullopt for a kind that is not known.
std::optional<uint64_t> rest_size(uint32_t info) {
    switch (kind_of(info)) {
    case kind_int:
    case kind_variable:
    case kind_declaration_tag:
        return 4;
    case kind_array:
        return 12;
    case kind_struct:
    case kind_union:
    case kind_section:
    case kind_enum64:
        return uint64_t(count_of(info)) * 12;
    case kind_enum:
    case kind_prototype:
        return uint64_t(count_of(info)) * 8;
    case kind_pointer:
    case kind_forward:
    case kind_typedef:
    case kind_volatile:
    case kind_const:
    case kind_restrict:
    case kind_function:
    case kind_float:
    case kind_type_tag:
        return 0;
    default:
        return std::nullopt;
    }
}

} // namespace

uint32_t Btf::word(uint64_t offset) const {
    return static_cast<uint32_t>(file_->read_integer(types_data_, offset, 4));
}

bool Btf::read_types() {
    types_.push_back({});
    for (uint64_t at = 0; at + 12 <= types_data_.size();) {
        Type type{word(at), word(at + 4), word(at + 8), at + 12};
        std::optional<uint64_t> rest = rest_size(type.info);
        if (!rest || *rest > types_data_.size() - type.rest)
            return false;
        const bool is_structure = kind_of(type.info) == kind_struct;
        if (is_structure || kind_of(type.info) == kind_function) {
            auto& names = is_structure ? structures_ : functions_;
            auto [place, is_new] = names.try_emplace(string_at(type.name), static_cast<uint32_t>(types_.size()));
            if (!is_new)
                place->second = 0;
        }
        types_.push_back(type);
        at = type.rest + *rest;
    }
    return true;
}

namespace {

// The two parts of .BTF.
struct Parts {
    elf::Bytes types;
    elf::Bytes strings;
};

std::optional<Parts> parts_of(const elf::Object& vmlinux) {
    const elf::Section* section = vmlinux.find_section(".BTF");
    if (!section || section->data.size() < header_size || vmlinux.read_integer(section->data, 0, 2) != magic)
        return std::nullopt;
    auto field = [&](uint64_t offset) { return vmlinux.read_integer(section->data, offset, 4); };
    auto part = [&](uint64_t offset, uint64_t size) -> std::optional<elf::Bytes> {
        uint64_t start = field(4) + offset;
        if (start > section->data.size() || size > section->data.size() - start)
            return std::nullopt;
        return section->data.subspan(start, size);
    };
    std::optional<elf::Bytes> types = part(field(8), field(12));
    std::optional<elf::Bytes> strings = part(field(16), field(20));
    if (!types || !strings)
        return std::nullopt;
    return Parts{*types, *strings};
}

std::string_view text_at(elf::Bytes strings, uint32_t offset) {
    if (offset >= strings.size())
        return {};
    const char* text = reinterpret_cast<const char*>(strings.data()) + offset;
    return {text, strnlen(text, strings.size() - offset)};
}

} // namespace

std::string_view Btf::string_at(uint32_t offset) const {
    return text_at(strings_, offset);
}

std::optional<Btf> Btf::read(const elf::Object& vmlinux) {
    std::optional<Parts> parts = parts_of(vmlinux);
    if (!parts)
        return std::nullopt;
    Btf btf;
    btf.file_ = &vmlinux;
    btf.types_data_ = parts->types;
    btf.strings_ = parts->strings;
    if (!btf.read_types())
        return std::nullopt;
    return btf;
}

std::unordered_map<std::string_view, Structure> read_structures(const elf::Object& vmlinux,
                                                                std::span<const std::string_view> names) {
    std::unordered_map<std::string_view, Structure> found;
    std::optional<Parts> parts = parts_of(vmlinux);
    if (!parts)
        return found;
    auto word = [&](uint64_t at) { return static_cast<uint32_t>(vmlinux.read_integer(parts->types, at, 4)); };
    std::set<std::string_view> several;
    for (uint64_t at = 0; at + 12 <= parts->types.size();) {
        const uint32_t info = word(at + 4);
        std::optional<uint64_t> rest = rest_size(info);
        if (!rest || *rest > parts->types.size() - at - 12)
            return {};
        const std::string_view name = kind_of(info) == kind_struct ? text_at(parts->strings, word(at)) : "";
        if (!name.empty() && std::ranges::find(names, name) != names.end()) {
            auto [place, is_new] = found.try_emplace(name, Structure{word(at + 8), {}});
            if (!is_new)
                several.insert(name);
            // struct btf_member: name, type, offset in bits (the upper byte is a bit field's size if bit 31 of `info`)
            for (uint64_t member = at + 12; is_new && member < at + 12 + *rest; member += 12)
                place->second.members.emplace(text_at(parts->strings, word(member)), (word(member + 8) & 0xffffff) / 8);
        }
        at += 12 + *rest;
    }
    for (std::string_view name : several)
        found.erase(name);
    return found;
}

std::string Btf::type_name(uint32_t id, unsigned depth) const {
    if (id == 0)
        return "void";
    if (id >= types_.size() || depth > deepest)
        return "?";
    const Type& type = types_[id];
    std::string name(string_at(type.name));
    switch (kind_of(type.info)) {
    case kind_pointer:
        return type_name(type.reference, depth + 1) + " *";
    case kind_array:
        return type_name(word(type.rest), depth + 1) + " *";
    case kind_volatile:
    case kind_const:
    case kind_restrict:
    case kind_type_tag:
        return type_name(type.reference, depth + 1);
    case kind_struct:
        return "struct " + name;
    case kind_union:
        return "union " + name;
    case kind_forward:
        return (type.info >> 31 ? "union " : "struct ") + name;
    case kind_enum:
    case kind_enum64:
        return "enum " + name;
    case kind_prototype:
        return "function";
    default:
        return name;
    }
}

std::optional<uint32_t> Btf::structure_size(std::string_view name) const {
    auto found = structures_.find(name);
    if (found == structures_.end() || found->second == 0)
        return std::nullopt;
    return types_[found->second].reference;
}

std::optional<Signature> Btf::find(std::string_view function) const {
    auto found = functions_.find(function);
    if (found == functions_.end() || found->second == 0)
        return std::nullopt;
    uint32_t id = types_[found->second].reference;
    if (id >= types_.size() || kind_of(types_[id].info) != kind_prototype)
        return std::nullopt;
    const Type& prototype = types_[id];
    Signature signature{type_name(prototype.reference, 0)};
    for (uint32_t at = 0; at < count_of(prototype.info); ++at) {
        uint32_t type = word(prototype.rest + 8 * at + 4);
        signature.push_back(type == 0 ? "..." : type_name(type, 0));
    }
    return signature;
}

} // namespace klp::symbols
