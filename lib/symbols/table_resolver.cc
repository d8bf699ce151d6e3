#include "symbols/table_resolver.h"

#include "elf/object.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::symbols {

namespace {

bool is_named(const elf::Symbol& symbol) {
    return symbol.place == elf::Place::section && !symbol.is_section() && !symbol.name.empty();
}

} // namespace

TableResolver::TableResolver(const elf::Object& unit, const SymbolTable& table, const Exports& exports)
    : unit_(unit), table_(table), exports_(exports) {
    match_files();
}

// For each source file of the unit, the file of the table that has its name and most of its local symbols.
void TableResolver::match_files() {
    uint32_t file = 0;
    std::unordered_map<uint32_t, std::unordered_map<uint32_t, unsigned>> votes;
    for (const elf::Symbol& symbol : unit_.symbols()) {
        if (symbol.is_file())
            file = symbol.index;
        if (!symbol.is_local() || !is_named(symbol) || file == 0)
            continue;
        file_of_.emplace(symbol.index, file);
        for (uint32_t index : table_.find(symbol.name)) {
            const KernelSymbol& known = table_.symbols()[index];
            if (!known.global && table_.file_of(known) == unit_.symbol(file).name)
                ++votes[file][known.file];
        }
    }
    for (auto& [unit_file, counts] : votes) {
        auto best = std::ranges::max_element(counts, {}, [](const auto& vote) {
            return std::pair(vote.second, ~vote.first); // the first of several, whatever the order of the map
        });
        auto equal = std::ranges::count_if(counts, [&](const auto& vote) { return vote.second == best->second; });
        if (equal == 1)
            files_.emplace(unit_file, best->first);
    }
}

Resolution TableResolver::livepatch(const KernelSymbol& symbol) const {
    Resolution result;
    result.kind = Resolution::Kind::livepatch;
    result.object = table_.object();
    result.sympos = table_.sympos(symbol);
    result.is_global = symbol.global && table_.object() == "vmlinux";
    return result;
}

Resolution TableResolver::choose(const elf::Symbol& original,
                                 const std::vector<const KernelSymbol*>& candidates) const {
    auto file = file_of_.find(original.index);
    auto match = file == file_of_.end() ? files_.end() : files_.find(file->second);
    if (candidates.size() == 1) {
        const bool is_of_other_file =
            match != files_.end() && candidates[0]->file != 0 && candidates[0]->file != match->second;
        return is_of_other_file ? Resolution() : livepatch(*candidates[0]);
    }
    const KernelSymbol* found = nullptr;
    unsigned count = 0;
    for (const KernelSymbol* candidate : candidates)
        if (match != files_.end() && candidate->file == match->second) {
            found = candidate;
            ++count;
        }
    if (count == 1)
        return livepatch(*found);
    Resolution result;
    result.kind = Resolution::Kind::ambiguous;
    for (const KernelSymbol* candidate : candidates)
        result.candidates.push_back(fmt::format("{} {},{} at {:#x} ({})", table_.object(), candidate->name,
                                                table_.sympos(*candidate), candidate->address,
                                                table_.file_of(*candidate)));
    return result;
}

Resolution TableResolver::resolve_defined(const elf::Symbol& original) const {
    std::vector<const KernelSymbol*> candidates;
    for (uint32_t index : table_.find(original.name)) {
        const KernelSymbol& known = table_.symbols()[index];
        if (known.global != original.is_local())
            candidates.push_back(&known);
    }
    if (candidates.empty()) // made local or global since, by an LTO or objcopy
        for (uint32_t index : table_.find(original.name))
            candidates.push_back(&table_.symbols()[index]);
    Resolution result; // absent
    if (!candidates.empty()) {
        result = choose(original, candidates);
        result.is_overridden = original.is_weak() && std::ranges::none_of(candidates, &KernelSymbol::weak);
    }
    const Export* exported = original.is_local() ? nullptr : exports_.find(original.name);
    result.is_for_some = exported && !exported->is_for_all();
    if (exported && exported->is_for_all() && table_.object() == "vmlinux" && exported->module == "vmlinux") {
        result.kind = Resolution::Kind::imported;
        result.name_space = exported->name_space;
    }
    return result;
}

Resolution TableResolver::resolve_undefined(std::string_view name) const {
    Resolution result;
    const Export* exported = exports_.find(name);
    if (exported && !exported->is_for_all()) {
        result.kind = Resolution::Kind::livepatch;
        result.object = exported->module;
        return result;
    }
    if (exported && exported->module != table_.object()) {
        result.kind = Resolution::Kind::imported;
        result.object = exported->module;
        result.name_space = exported->name_space;
        return result;
    }
    if (exported && exported->module == "vmlinux") {
        result.kind = Resolution::Kind::imported;
        result.object = "vmlinux";
        result.name_space = exported->name_space;
        return result;
    }
    for (uint32_t index : table_.find(name))
        if (table_.symbols()[index].global)
            return livepatch(table_.symbols()[index]);
    result.kind = Resolution::Kind::imported;
    return result;
}

} // namespace klp::symbols
