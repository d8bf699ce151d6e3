#include "sense/code.h"

#include "arch/machine.h"
#include "elf/addend.h"

#include <fmt/format.h>
#include <llvm/Support/xxhash.h>

#include <algorithm>
#include <elf.h>
#include <map>
#include <vector>

namespace klp::sense {

namespace {

uint64_t hash(elf::Bytes bytes) {
    return llvm::xxh3_64bits(llvm::ArrayRef<uint8_t>(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

bool is_compared(const elf::Section& section) {
    return section.is_allocated() && arch::role_of(section) != arch::Role::ignored;
}

// All that makes up a section; the order of sections counts for nothing.
std::string contents(const elf::Object& unit, const elf::Section& section) {
    std::string text = fmt::format("{} {:x} {} {:x}", section.name, section.flags, section.size, hash(section.data));
    for (const elf::Relocation& relocation : unit.relocations(section.index)) {
        const elf::Symbol& symbol = unit.symbol(relocation.symbol);
        text += fmt::format(" {:x} {} {} {}", relocation.offset, relocation.type, symbol.name, relocation.addend);
    }
    return text;
}

std::vector<std::string> contents(const elf::Object& unit) {
    std::vector<std::string> all;
    for (const elf::Section& section : unit.sections())
        if (is_compared(section))
            all.push_back(contents(unit, section));
    std::ranges::sort(all);
    return all;
}

// Where a reference leads, as far as it means the same in another compilation: offsets in sections that several things
// share do not.
std::string target_of(const elf::Object& unit, const elf::Relocation& relocation) {
    const elf::Symbol& symbol = unit.symbol(relocation.symbol);
    const elf::Section* section = unit.section_of(symbol);
    if (!symbol.is_section() || !section)
        return fmt::format("{}{:+}", symbol.name, relocation.addend);
    const bool is_shared = (section->flags & SHF_MERGE) || section->name.find('.', 1) == section->name.npos;
    return is_shared ? std::string(section->name) : fmt::format("{}{:+}", section->name, relocation.addend);
}

// By the name in the source, what its parts consist of.
std::map<std::string, std::vector<std::string>, std::less<>> functions_of(const elf::Object& unit) {
    std::map<std::string, std::vector<std::string>, std::less<>> result;
    for (const elf::Symbol& symbol : unit.symbols()) {
        const elf::Section* section = unit.section_of(symbol);
        if (!symbol.is_function() || !section || symbol.value > section->data.size() ||
            section->data.size() - symbol.value < symbol.size)
            continue;
        std::string text = fmt::format("{} {:x}", symbol.size, hash(section->data.subspan(symbol.value, symbol.size)));
        std::span<const elf::Relocation> all = unit.relocations(section->index);
        for (auto at = std::ranges::lower_bound(all, symbol.value, {}, &elf::Relocation::offset);
             at != all.end() && at->offset < symbol.value + symbol.size; ++at)
            text += fmt::format(" {} {}", at->offset - symbol.value, target_of(unit, *at));
        result[std::string(source_name(symbol.name))].push_back(std::move(text));
    }
    for (auto& [name, parts] : result)
        std::ranges::sort(parts);
    return result;
}

// The functions that relocations in sections of one role refer to. `offset_of` says how far from its symbol the byte is
// that a relocation means, or nothing for one that does not count.
template <typename OffsetOf>
std::set<std::string, std::less<>> functions_at(const elf::Object& unit, arch::Role role, OffsetOf offset_of) {
    std::map<std::pair<uint32_t, uint64_t>, const elf::Symbol*> starts;
    for (const elf::Symbol& symbol : unit.symbols())
        if (symbol.is_function() && symbol.place == elf::Place::section)
            starts.try_emplace({symbol.section, symbol.value}, &symbol);
    std::set<std::string, std::less<>> names;
    for (const elf::Section& section : unit.sections()) {
        if (!section.is_allocated() || arch::role_of(section) != role)
            continue;
        for (const elf::Relocation& relocation : unit.relocations(section.index)) {
            const elf::Symbol& symbol = unit.symbol(relocation.symbol);
            const std::optional<int64_t> offset =
                symbol.place == elf::Place::section ? offset_of(section, relocation) : std::nullopt;
            if (!offset)
                continue;
            auto found = starts.find({symbol.section, symbol.value + static_cast<uint64_t>(*offset)});
            if (found != starts.end())
                names.insert(std::string(source_name(found->second->name)));
        }
    }
    return names;
}

} // namespace

std::string_view source_name(std::string_view symbol) {
    // A name that begins with a dot has no other part.
    return symbol.substr(0, symbol.find('.', 1));
}

bool has_difference(const elf::Object& original, const elf::Object& patched) {
    return contents(original) != contents(patched);
}

std::set<std::string, std::less<>> changed_functions(const elf::Object& original, const elf::Object& patched) {
    const auto after = functions_of(patched);
    std::set<std::string, std::less<>> changed;
    for (const auto& [name, parts] : functions_of(original)) {
        auto found = after.find(name);
        if (found == after.end() || found->second != parts)
            changed.insert(name);
    }
    return changed;
}

std::map<std::string, std::string, std::less<>> export_terms_of(const elf::Object& unit) {
    constexpr std::string_view entry = "__export_symbol_", table = "__ksymtab_", space = "__kstrtabns_";
    std::map<std::string, std::string, std::less<>> licenses, spaces;
    for (const elf::Symbol& symbol : unit.symbols()) {
        const elf::Section* section = unit.section_of(symbol);
        if (!section)
            continue;
        if (symbol.name.starts_with(entry)) { // two strings, one behind the other
            const std::string name(symbol.name.substr(entry.size()));
            const std::string_view license = elf::Object::string_at(*section, symbol.value);
            licenses[name] = license;
            spaces[name] = elf::Object::string_at(*section, symbol.value + license.size() + 1);
        } else if (symbol.name.starts_with(table)) {
            licenses[std::string(symbol.name.substr(table.size()))] =
                section->name.find("_gpl") != section->name.npos ? "GPL" : "";
        } else if (symbol.name.starts_with(space)) {
            spaces[std::string(symbol.name.substr(space.size()))] = elf::Object::string_at(*section, symbol.value);
        }
    }
    std::map<std::string, std::string, std::less<>> terms;
    for (const auto& [name, license] : licenses)
        terms[name] = spaces[name].empty() ? license : license + " " + spaces[name];
    return terms;
}

std::set<std::string, std::less<>> exports_of(const elf::Object& unit) {
    std::set<std::string, std::less<>> names;
    for (const auto& [name, terms] : export_terms_of(unit))
        names.insert(name);
    return names;
}

std::set<std::string, std::less<>> functions_of_bpf(const elf::Object& unit) {
    constexpr std::string_view prefix = "__BTF_ID__func__";
    std::set<std::string, std::less<>> names;
    for (const elf::Symbol& symbol : unit.symbols())
        if (symbol.name.starts_with(prefix))
            names.emplace(symbol.name.substr(prefix.size(), symbol.name.rfind("__") - prefix.size()));
    return names;
}

std::set<std::string, std::less<>> functions_in_data(const elf::Object& unit) {
    return functions_at(unit, arch::Role::data, [](const elf::Section&, const elf::Relocation& relocation) {
        return std::optional(relocation.addend);
    });
}

std::set<std::string, std::less<>> functions_handed_out(const elf::Object& unit) {
    const arch::Machine& machine = arch::Machine::of(unit);
    return functions_at(unit, arch::Role::code,
                        [&](const elf::Section& section, const elf::Relocation& relocation) -> std::optional<int64_t> {
                            if (machine.is_branch(section.data, relocation))
                                return std::nullopt;
                            return elf::sum(relocation.addend, machine.usual_bias(relocation.type));
                        });
}

} // namespace klp::sense
