#include "sense/code.h"

#include "arch/machine.h"
#include "arch/special_sections.h"

#include <fmt/format.h>
#include <llvm/Support/xxhash.h>

#include <algorithm>
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
            text += fmt::format(" {} {}", at->offset - symbol.value, unit.symbol(at->symbol).name);
        result[std::string(source_name(symbol.name))].push_back(std::move(text));
    }
    for (auto& [name, parts] : result)
        std::ranges::sort(parts);
    return result;
}

// The function at the place that a relocation of data refers to.
const elf::Symbol* function_at(const elf::Object& unit, const elf::Relocation& relocation,
                               const std::map<std::pair<uint32_t, uint64_t>, const elf::Symbol*>& starts) {
    const elf::Symbol& symbol = unit.symbol(relocation.symbol);
    if (symbol.place != elf::Place::section)
        return nullptr;
    auto found = starts.find({symbol.section, symbol.value + static_cast<uint64_t>(relocation.addend)});
    return found == starts.end() ? nullptr : found->second;
}

// The functions whose address is in a relocation of which `counts` says so.
template <typename Counts>
std::set<std::string, std::less<>> addressed_functions(const elf::Object& unit, Counts counts) {
    std::map<std::pair<uint32_t, uint64_t>, const elf::Symbol*> starts;
    for (const elf::Symbol& symbol : unit.symbols())
        if (symbol.is_function() && symbol.place == elf::Place::section)
            starts.try_emplace({symbol.section, symbol.value}, &symbol);
    std::set<std::string, std::less<>> names;
    for (const elf::Section& section : unit.sections())
        for (const elf::Relocation& relocation : unit.relocations(section.index))
            if (counts(section, relocation))
                if (const elf::Symbol* function = function_at(unit, relocation, starts))
                    names.insert(std::string(source_name(function->name)));
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

std::set<std::string, std::less<>> exports_of(const elf::Object& unit) {
    std::set<std::string, std::less<>> names;
    for (const elf::Symbol& symbol : unit.symbols())
        for (std::string_view prefix : {"__export_symbol_", "__ksymtab_"})
            if (symbol.place == elf::Place::section && symbol.name.starts_with(prefix))
                names.insert(std::string(symbol.name.substr(prefix.size())));
    return names;
}

std::set<std::string, std::less<>> functions_in_data(const elf::Object& unit) {
    return addressed_functions(unit, [](const elf::Section& section, const elf::Relocation&) {
        return section.is_allocated() && arch::role_of(section) == arch::Role::data;
    });
}

std::set<std::string, std::less<>> functions_handed_out(const elf::Object& unit) {
    const arch::Machine& machine = arch::Machine::of(unit);
    return addressed_functions(unit, [&](const elf::Section& section, const elf::Relocation& relocation) {
        return section.is_code() && !machine.is_branch(section.data, relocation);
    });
}

} // namespace klp::sense
