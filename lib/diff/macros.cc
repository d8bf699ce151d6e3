#include "diff/macros.h"

#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <unordered_map>

namespace klp::diff {

namespace {

using elf::CallbackKind;

struct KindName {
    std::string_view name;
    CallbackKind kind;
};

constexpr std::array kind_names{
    KindName{"pre_patch", CallbackKind::pre_patch}, KindName{"post_patch", CallbackKind::post_patch},
    KindName{"pre_unpatch", CallbackKind::pre_unpatch}, KindName{"post_unpatch", CallbackKind::post_unpatch}};
// kpatch's sections, the older ones included.
constexpr std::array kind_sections{KindName{".kpatch.callbacks.pre_patch", CallbackKind::pre_patch},
                                   KindName{".kpatch.callbacks.post_patch", CallbackKind::post_patch},
                                   KindName{".kpatch.callbacks.pre_unpatch", CallbackKind::pre_unpatch},
                                   KindName{".kpatch.callbacks.post_unpatch", CallbackKind::post_unpatch},
                                   KindName{".kpatch.hooks.load", CallbackKind::pre_patch},
                                   KindName{".kpatch.hooks.unload", CallbackKind::post_unpatch}};

[[noreturn]] void malformed(const Unit& unit, std::string_view section) {
    throw report::Refusal("diff.macro", unit.object().name(),
                          fmt::format("an entry of {} does not point to a function of this file", section),
                          "use the macro in the file that defines the function");
}

uint32_t function_of(const Unit& unit, const elf::Section& section, const elf::Relocation& relocation) {
    Reference reference = unit.reference(section.index, relocation);
    bool is_function = reference.to == Reference::To::piece && unit.piece(reference.id).kind == PieceKind::function;
    if (!is_function)
        malformed(unit, section.name);
    return reference.id;
}

// The text that a pointer leads to, or that the section's variable of that name is.
std::string text_of(const Unit& unit, const elf::Section& section, const elf::Relocation& relocation) {
    Reference reference = unit.reference(section.index, relocation);
    if (reference.to == Reference::To::literal && reference.offset >= 0)
        return std::string(
            elf::Object::string_at(unit.object().section(reference.id), static_cast<uint64_t>(reference.offset)));
    if (reference.to == Reference::To::piece && reference.offset >= 0) {
        const Piece& piece = unit.piece(reference.id);
        return std::string(elf::Object::string_at(unit.object().section(piece.section),
                                                  piece.entry + static_cast<uint64_t>(reference.offset)));
    }
    malformed(unit, section.name);
}

// What __klp_KIND_callback_OBJECT says, the name of a variable of the kernel's KLP_PRE_PATCH_CALLBACK() and its like.
std::optional<Callback> named_callback(std::string_view variable) {
    for (const auto& [name, kind] : kind_names)
        if (const std::string prefix = fmt::format("__klp_{}_callback_", name); variable.starts_with(prefix))
            return Callback{kind, none, std::string(variable.substr(prefix.size()))};
    return std::nullopt;
}

// The kernel's macros have one section for all callbacks.
void read_named_callbacks(const Unit& unit, const elf::Section& section, Macros& macros) {
    std::unordered_map<uint64_t, std::string_view> variables;
    for (const elf::Symbol& symbol : unit.object().symbols())
        if (symbol.place == elf::Place::section && symbol.section == section.index && !symbol.is_section())
            variables.emplace(symbol.value, symbol.name);
    for (const elf::Relocation& relocation : unit.object().relocations(section.index)) {
        auto variable = variables.find(relocation.offset);
        std::optional<Callback> callback =
            variable == variables.end() ? std::nullopt : named_callback(variable->second);
        if (!callback || callback->object.empty())
            throw report::Refusal("diff.macro", unit.object().name(),
                                  fmt::format("an entry of {} is not named __klp_KIND_callback_OBJECT", section.name),
                                  "use KLP_PRE_PATCH_CALLBACK() and its like of <linux/livepatch_helpers.h>");
        callback->function = function_of(unit, section, relocation);
        macros.callbacks.push_back(std::move(*callback));
    }
}

// kpatch's have one for each kind, and the object's name as the second member of an entry, NULL for the unit's owner.
void read_listed_callbacks(const Unit& unit, const elf::Section& section, CallbackKind kind, Macros& macros) {
    constexpr uint64_t entry_size = 16;
    constexpr uint64_t name_offset = 8;
    std::map<uint64_t, Callback> entries;
    for (const elf::Relocation& relocation : unit.object().relocations(section.index)) {
        Callback& entry = entries[relocation.offset / entry_size];
        entry.kind = kind;
        if (relocation.offset % entry_size == name_offset)
            entry.object = text_of(unit, section, relocation);
        else
            entry.function = function_of(unit, section, relocation);
    }
    for (auto& [number, entry] : entries) {
        if (entry.function == none)
            malformed(unit, section.name);
        macros.callbacks.push_back(std::move(entry));
    }
}

void read_pointers(const Unit& unit, const elf::Section& section, Macros& macros) {
    auto says = [&](std::string_view what) { return section.name.find(what) != std::string_view::npos; };
    for (const elf::Relocation& relocation : unit.object().relocations(section.index)) {
        if (says("ignore.functions") || says("ignore_functions"))
            macros.ignored_functions.insert(function_of(unit, section, relocation));
        else if (says("ignore"))
            macros.ignored_sections.insert(text_of(unit, section, relocation));
        else if (says("force"))
            macros.forced_functions.insert(function_of(unit, section, relocation));
        else
            throw report::Refusal(
                "diff.macro", unit.object().name(),
                fmt::format("section {} is that of a macro which this tool does not know", section.name),
                "use the macros of <linux/livepatch_helpers.h> or \"kpatch-macros.h\"");
    }
}

} // namespace

bool Macros::leave_out(const Unit& unit, uint32_t piece) const {
    return ignored_functions.contains(piece) ||
           ignored_sections.contains(std::string(unit.object().section(unit.piece(piece).section).name));
}

Macros read_macros(const Unit& unit) {
    Macros macros;
    for (const elf::Section& section : unit.object().sections()) {
        if (unit.role(section.index) != Role::macros)
            continue;
        auto listed = std::ranges::find(kind_sections, section.name, &KindName::name);
        if (section.name == ".discard.klp_callback_ptrs")
            read_named_callbacks(unit, section, macros);
        else if (listed != kind_sections.end())
            read_listed_callbacks(unit, section, listed->kind, macros);
        else
            read_pointers(unit, section, macros);
    }
    return macros;
}

} // namespace klp::diff
