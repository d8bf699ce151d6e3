#include "diff/instruction_text.h"

#include "report/quoted.h"

#include <fmt/format.h>

namespace klp::diff {

namespace {

bool is_within(const Piece& piece, const arch::Instruction& instruction) {
    return instruction.is_branch && instruction.branch_target && *instruction.branch_target >= piece.start &&
           *instruction.branch_target < piece.end;
}

std::string mnemonic(const arch::Instruction& instruction) {
    return instruction.text.substr(0, instruction.text.find(' '));
}

template <typename Name>
std::string with_targets(std::string text, const Unit& unit, const Piece& piece, const arch::Instruction& instruction,
                         const Name& name) {
    const uint64_t end = instruction.offset + instruction.size;
    for (const elf::Relocation& relocation : unit.relocations(piece.section, instruction.offset, end))
        if (std::string target = name(unit.reference(piece.section, relocation)); !target.empty())
            text += fmt::format(" -> {}", target);
    return text;
}

bool has_target(const Unit& unit, const Piece& piece, const arch::Instruction& instruction) {
    return !unit.relocations(piece.section, instruction.offset, instruction.offset + instruction.size).empty();
}

} // namespace

std::string reference_text(const Unit& unit, const Reference& reference) {
    switch (reference.to) {
    case Reference::To::symbol:
        return std::string(unit.object().symbol(reference.id).name);
    case Reference::To::piece:
        return reference.offset == 0 ? unit.title(reference.id)
                                     : fmt::format("{}{:+#x}", unit.title(reference.id), reference.offset);
    case Reference::To::literal:
        if (unit.role(reference.id) == Role::strings && reference.offset >= 0)
            return report::quoted(
                elf::Object::string_at(unit.object().section(reference.id), static_cast<uint64_t>(reference.offset)));
        return std::string(unit.object().section(reference.id).name);
    case Reference::To::entry:
        return unit.target_name(reference);
    case Reference::To::nothing:
        break;
    }
    return {};
}

std::string instruction_text(const Unit& unit, const Piece& piece, const arch::Instruction& instruction) {
    if (!has_target(unit, piece, instruction) && is_within(piece, instruction))
        return fmt::format("{} {:+#x}", mnemonic(instruction),
                           static_cast<int64_t>(*instruction.branch_target - piece.entry));
    return with_targets(instruction.text, unit, piece, instruction,
                        [&](const Reference& reference) { return reference_text(unit, reference); });
}

std::string instruction_meaning(const Unit& unit, const Piece& piece, const arch::Instruction& instruction) {
    if (!has_target(unit, piece, instruction) && is_within(piece, instruction))
        return mnemonic(instruction);
    return with_targets(instruction.text, unit, piece, instruction,
                        [&](const Reference& reference) { return stem(reference_text(unit, reference)); });
}

} // namespace klp::diff
