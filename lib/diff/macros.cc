#include "diff/macros.h"

#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace klp::diff {

namespace {

using elf::CallbackKind;

std::optional<CallbackKind> callback_kind(std::string_view name) {
    constexpr std::array kinds{std::pair<std::string_view, CallbackKind>{"pre_patch", CallbackKind::pre_patch},
                               std::pair<std::string_view, CallbackKind>{"post_patch", CallbackKind::post_patch},
                               std::pair<std::string_view, CallbackKind>{"pre_unpatch", CallbackKind::pre_unpatch},
                               std::pair<std::string_view, CallbackKind>{"post_unpatch", CallbackKind::post_unpatch},
                               // kpatch's older macros
                               std::pair<std::string_view, CallbackKind>{".hooks.load", CallbackKind::pre_patch},
                               std::pair<std::string_view, CallbackKind>{".hooks.unload", CallbackKind::post_unpatch}};
    for (auto [text, kind] : kinds)
        if (name.find(text) != std::string_view::npos)
            return kind;
    return std::nullopt;
}

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

// kpatch's KPATCH_PRE_PATCH_CALLBACK() has a section for each kind; the kernel's KLP_PRE_PATCH_CALLBACK() has one for
// all and says the kind in the pointer's name.
CallbackKind kind_of(const Unit& unit, const elf::Section& section, const elf::Relocation& relocation) {
    if (auto kind = callback_kind(section.name))
        return *kind;
    for (const elf::Symbol& symbol : unit.object().symbols())
        if (symbol.place == elf::Place::section && symbol.section == section.index &&
            symbol.value == relocation.offset && !symbol.is_section())
            if (auto kind = callback_kind(symbol.name))
                return *kind;
    malformed(unit, section.name);
}

} // namespace

Macros read_macros(const Unit& unit) {
    Macros macros;
    for (const elf::Section& section : unit.object().sections()) {
        if (unit.role(section.index) != Role::macros)
            continue;
        for (const elf::Relocation& relocation : unit.object().relocations(section.index)) {
            if (section.name.find("callback") != std::string_view::npos || section.name.starts_with(".kpatch.hooks."))
                macros.callbacks.push_back(
                    {kind_of(unit, section, relocation), function_of(unit, section, relocation)});
            else if (section.name.find("ignore.functions") != std::string_view::npos ||
                     section.name.find("ignore_functions") != std::string_view::npos)
                macros.ignored_functions.insert(function_of(unit, section, relocation));
            else if (section.name.find("ignore") != std::string_view::npos)
                macros.ignored_sections.insert(text_of(unit, section, relocation));
            else if (section.name.find("force") != std::string_view::npos)
                macros.forced_functions.insert(function_of(unit, section, relocation));
        }
    }
    return macros;
}

} // namespace klp::diff
