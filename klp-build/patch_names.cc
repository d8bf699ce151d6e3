#include "patch_names.h"

#include "arch/special_sections.h"
#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <elf.h>
#include <set>
#include <unordered_map>

namespace klp::build {

namespace {

using symbols::Resolution;

// A function or variable that is there for as long as its object is.
bool is_lasting(const elf::Object& object, const elf::Symbol& symbol) {
    if (symbol.place != elf::Place::section || symbol.name.empty())
        return false;
    if (symbol.type != STT_FUNC && symbol.type != STT_OBJECT)
        return false;
    const elf::Section& section = object.section(symbol.section);
    return section.is_allocated() && !arch::is_init(section.name);
}

std::unordered_map<std::string_view, const elf::Symbol*> definitions_of(const elf::Object& object) {
    std::unordered_map<std::string_view, const elf::Symbol*> found;
    for (const elf::Symbol& symbol : object.symbols())
        if (symbol.place == elf::Place::section && !symbol.is_section() && !symbol.name.empty())
            found.emplace(symbol.name, &symbol);
    return found;
}

report::Finding moved(const kernel::BuildUnit& unit, const elf::Symbol& symbol, const std::string& from) {
    const bool is_function = symbol.type == STT_FUNC;
    std::string message =
        from.empty()
            ? fmt::format("the patch defines {} here, and {} has it already, of another unit", symbol.name, unit.owner)
            : fmt::format("the patch moves {} here from {}", symbol.name, from);
    message += is_function
                   ? ": units that the patch does not change would go on calling the old one"
                   : ": units that the patch does not change would go on using the old one, so that there would "
                     "be two";
    return {is_function ? "diff.moved-function" : "diff.moved-variable",
            report::Severity::error,
            unit.source,
            std::string(symbol.name),
            std::move(message),
            is_function ? "leave the function where it is, and change it there"
                        : "leave the variable where it is, and declare it where it is needed"};
}

} // namespace

PatchNames::PatchNames(const std::vector<NamedUnit>& units, const Images& images) : images_(images) {
    for (const NamedUnit& unit : units) {
        const auto after = definitions_of(unit.patched);
        for (const elf::Symbol& symbol : unit.original.symbols())
            if (!symbol.is_local() && is_lasting(unit.original, symbol) && !after.contains(symbol.name))
                removed_[std::string(symbol.name)][unit.unit.owner] = unit.unit.source;
    }
    std::vector<report::Finding> faults;
    for (const NamedUnit& unit : units)
        read(unit, images, faults);
    check_duplicates(faults);
    if (!faults.empty())
        throw report::Refusal(std::move(faults));
}

void PatchNames::read(const NamedUnit& unit, const Images& images, std::vector<report::Finding>& faults) {
    const auto before = definitions_of(unit.original);
    for (const elf::Symbol& symbol : unit.patched.symbols()) {
        if (symbol.is_local() || symbol.place != elf::Place::section || symbol.name.empty() || symbol.is_section())
            continue;
        const auto old = before.find(symbol.name);
        if (old != before.end() && !old->second->is_local())
            continue;
        if (old != before.end()) {
            made_global_[std::string(symbol.name)].emplace(unit.unit.owner,
                                                           unit.resolver.resolve_defined(*old->second));
            continue;
        }
        const bool is_weak = symbol.binding == STB_WEAK;
        fresh_[std::string(symbol.name)].push_back({&unit.unit, is_weak});
        const symbols::SymbolTable* table = images.table(unit.unit.owner);
        if (!is_lasting(unit.patched, symbol) || is_weak || !table || !has_global(unit.unit.owner, symbol.name))
            continue;
        std::string from;
        if (const auto gone = removed_.find(symbol.name); gone != removed_.end())
            if (const auto source = gone->second.find(unit.unit.owner); source != gone->second.end())
                from = source->second;
        faults.push_back(moved(unit.unit, symbol, from));
    }
}

bool PatchNames::has_global(const std::string& object, std::string_view name) const {
    const symbols::SymbolTable* table = images_.table(object);
    return table && std::ranges::any_of(table->find(name), [&](uint32_t index) {
               return table->symbols()[index].global && !table->symbols()[index].init;
           });
}

void PatchNames::check_duplicates(std::vector<report::Finding>& faults) const {
    for (const auto& [name, definitions] : fresh_) {
        std::map<std::string, const kernel::BuildUnit*> strong;
        for (const Definition& definition : definitions) {
            if (definition.is_weak)
                continue;
            const auto [first, is_first] = strong.try_emplace(definition.unit->owner, definition.unit);
            if (!is_first)
                faults.push_back(
                    {"livepatch.duplicate-name", report::Severity::error, definition.unit->source, name,
                     fmt::format("the patch defines {} here and in {}, both of {}: the kernel itself would "
                                 "not link",
                                 name, first->second->source, definition.unit->owner),
                     "make one of them static, or give it another name"});
        }
    }
}

const PatchNames::Definitions* PatchNames::find(std::string_view name) const {
    const auto found = fresh_.find(name);
    return found == fresh_.end() ? nullptr : &found->second;
}

// Its own object's first, then what its object has already, then vmlinux's, then that of a module.
std::string PatchNames::provider(const std::string& owner, std::string_view name) const {
    const Definitions* definitions = find(name);
    if (!definitions)
        return {};
    std::set<std::string> owners;
    for (const Definition& definition : *definitions)
        owners.insert(definition.unit->owner);
    if (owners.contains(owner))
        return owner;
    if (has_global(owner, name))
        return {};
    if (owners.contains("vmlinux"))
        return "vmlinux";
    if (has_global("vmlinux", name) || images_.exports()->find(name) || owners.size() > 1)
        return {};
    return *owners.begin();
}

bool PatchNames::is_provided(const std::string& owner, std::string_view name) const {
    return !provider(owner, name).empty();
}

const Resolution* PatchNames::made_global(const std::string& owner, std::string_view name) const {
    const auto found = made_global_.find(name);
    if (found == made_global_.end())
        return nullptr;
    for (const std::string& candidate : {owner, std::string("vmlinux")}) {
        if (const auto resolution = found->second.find(candidate); resolution != found->second.end())
            return &resolution->second;
        if (has_global(candidate, name))
            return nullptr;
    }
    return nullptr;
}

std::vector<std::string> PatchNames::modules_made_global_in(std::string_view name) const {
    std::vector<std::string> modules;
    if (const auto found = made_global_.find(name); found != made_global_.end())
        for (const auto& [owner, resolution] : found->second)
            if (owner != "vmlinux")
                modules.push_back(owner);
    return modules;
}

elf::Builder PatchNames::with_own_names(const std::string& owner, elf::Builder output) const {
    for (elf::NewSymbol& symbol : output.symbols) {
        const Definitions* definitions = symbol.binding == STB_LOCAL ? nullptr : find(symbol.name);
        if (!definitions || std::ranges::all_of(*definitions, [&](const Definition& definition) {
                return definition.unit->owner == definitions->front().unit->owner;
            }))
            continue;
        if (const std::string from = provider(owner, symbol.name); !from.empty())
            symbol.name += "__" + from;
    }
    return output;
}

Resolution PatchResolver::resolve_undefined(std::string_view name) const {
    if (const Resolution* own = names_.made_global(owner_, name))
        return *own;
    Resolution found = base_.resolve_undefined(name);
    if (found.kind == Resolution::Kind::absent)
        found.candidates = names_.modules_made_global_in(name);
    return found;
}

} // namespace klp::build
