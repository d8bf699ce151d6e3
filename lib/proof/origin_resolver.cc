#include "proof/origin_resolver.h"

#include "elf/modinfo.h"

#include <algorithm>
#include <fmt/format.h>

namespace klp::proof {

OriginResolver::OriginResolver(const UnitOrigin& origin, const elf::Object& unit, const Image& owner,
                               const Image& vmlinux, const symbols::Exports& exports)
    : origin_(origin), owner_(owner), vmlinux_(vmlinux), exports_(exports) {
    for (const elf::Symbol& symbol : unit.symbols())
        if (symbol.is_undefined() && !symbol.name.empty())
            undefined_.emplace(symbol.name, symbol.index);
    if (!owner.is_module())
        return;
    std::string list(elf::read_modinfo(owner.file()).value("depends"));
    std::ranges::replace(list, '-', '_');
    for (std::string_view rest = list; !rest.empty(); rest.remove_prefix(std::min(rest.find(','), rest.size() - 1) + 1))
        needed_modules_.emplace(rest.substr(0, rest.find(',')));
}

const FieldTarget* OriginResolver::known(uint32_t symbol) const {
    auto found = origin_.symbols.find(symbol);
    return found == origin_.symbols.end() ? nullptr : &found->second;
}

namespace {

using symbols::Resolution;

Resolution livepatch_symbol(const Image& image, const symbols::KernelSymbol& symbol, bool is_proven) {
    Resolution result;
    result.kind = Resolution::Kind::livepatch;
    result.object = image.object();
    result.sympos = image.symbols().sympos(symbol);
    result.is_global = symbol.global; // of a module as well: it is linked of its units, and has one of the name
    result.is_proven = is_proven;
    return result;
}

Resolution imported_symbol(const symbols::Export& entry) {
    Resolution result;
    result.kind = Resolution::Kind::imported;
    result.object = entry.module;
    result.name_space = entry.name_space;
    result.is_global = true;
    result.is_proven = true;
    return result;
}

// What must not be imported is found by its name, of which there is one: no two modules may export it
// (kernel/module/main.c, verify_exported_symbols()).
Resolution found_by_export(const symbols::Export& entry) {
    Resolution result;
    result.kind = Resolution::Kind::livepatch;
    result.object = entry.module;
    result.is_proven = true;
    return result;
}

// By name alone: the symbols of `image` that `wanted` accepts; one is an answer, several are a question.
template <typename Wanted>
Resolution by_name(const Image& image, std::string_view name, Wanted wanted) {
    std::vector<const symbols::KernelSymbol*> found;
    for (uint32_t index : image.symbols().find(name))
        if (wanted(image.symbols().symbols()[index]))
            found.push_back(&image.symbols().symbols()[index]);
    if (found.size() == 1)
        return livepatch_symbol(image, *found.front(), false);
    Resolution result;
    if (found.empty())
        return result;
    result.kind = Resolution::Kind::ambiguous;
    for (const symbols::KernelSymbol* symbol : found)
        result.candidates.push_back(fmt::format("{} {},{} at {:#x} ({})", image.object(), name,
                                                image.symbols().sympos(*symbol), symbol->address,
                                                image.symbols().file_of(*symbol)));
    return result;
}

} // namespace

Resolution OriginResolver::find_defined(const elf::Symbol& original) const {
    const FieldTarget* reference = known(original.index);
    const std::optional<Location> place = reference ? reference->location : std::nullopt;
    if (place)
        if (const symbols::KernelSymbol* symbol = owner_.symbol_at(*place, original.name)) {
            Resolution result = livepatch_symbol(owner_, *symbol, true);
            const DataOrigin* data = origin_.find_data(original.index);
            result.has_other_content = data && !data->is_same;
            return result;
        }
    // Where the image says that it is elsewhere, a namesake is not what is meant.
    return by_name(owner_, original.name, [&](const symbols::KernelSymbol& symbol) {
        return symbol.global == !original.is_local() && (!place || owner_.location(symbol) == *place);
    });
}

Resolution OriginResolver::resolve_defined(const elf::Symbol& original) const {
    Resolution result = find_defined(original);
    const symbols::Export* entry = original.is_local() ? nullptr : exports_.find(original.name);
    // What the patched module exports itself is still its own: a dependency would make it load before its own patch.
    if (entry && entry->module == "vmlinux" && entry->is_for_all() && !owner_.is_module()) {
        result.kind = Resolution::Kind::imported;
        result.name_space = entry->name_space;
        result.is_proven = true;
    }
    result.is_for_some = entry && !entry->is_for_all();
    const FunctionOrigin* function = origin_.find(original.index);
    result.is_overridden = function && function->status == OriginStatus::overridden;
    return result;
}

Resolution OriginResolver::resolve_undefined(std::string_view name) const {
    const symbols::Export* entry = exports_.find(name);
    if (entry && entry->module == "vmlinux")
        return entry->is_for_all() ? imported_symbol(*entry) : found_by_export(*entry);
    if (auto unit_symbol = undefined_.find(name); unit_symbol != undefined_.end())
        if (const FieldTarget* reference = known(unit_symbol->second); reference && reference->location)
            if (const symbols::KernelSymbol* symbol = owner_.symbol_at(*reference->location, name))
                return livepatch_symbol(owner_, *symbol, true);
    auto is_global = [](const symbols::KernelSymbol& symbol) { return symbol.global; };
    if (owner_.is_module())
        if (Resolution own = by_name(owner_, name, is_global); own.kind != Resolution::Kind::absent)
            return own;
    // Nobody else holds that module: the patch has to, and imports what it needs.
    if (entry && entry->is_for_all() && !needed_modules_.contains(entry->module))
        return imported_symbol(*entry);
    // It is there whenever the owner is, which need not be loaded when the patch is: no dependency of the patch.
    if (entry)
        return found_by_export(*entry);
    return by_name(vmlinux_, name, is_global);
}

} // namespace klp::proof
