#include "diff/neighbours.h"

#include "diff/instructions.h"
#include "diff/piece_finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace klp::diff {

namespace {

class Neighbours {
public:
    Neighbours(const Unit& unit, uint32_t function)
        : unit_(unit), function_(function), piece_(unit.piece(function)), code_(read_instructions(unit, piece_)) {}

    std::optional<report::Finding> short_branch() const {
        const auto is_stuck = [&](const elf::Relocation& relocation) {
            return relocation.symbol == 0 && unit_.is_stuck(piece_.section, relocation.offset);
        };
        if (std::ranges::none_of(unit_.relocations(piece_), is_stuck))
            return std::nullopt;
        // A section that the source names stays one section for all its functions (.sched.text).
        const std::string_view section = unit_.object().section(piece_.section).name;
        return error_about(
            unit_, function_, "diff.short-branch",
            fmt::format(
                "it jumps to its neighbour in the same section ({}) with a branch that is too short to be moved",
                section),
            section == ".text"
                ? "compile the unit with -ffunction-sections"
                : "where the function calls that neighbour as the last thing it does, write barrier(); behind the "
                  "call, which makes it a call in place of a jump");
    }

    std::optional<report::Finding> fall_through() const {
        const uint32_t next = function_ + 1;
        if (next >= unit_.pieces_in(piece_.section).second || unit_.piece(next).kind != PieceKind::function ||
            !goes_on())
            return std::nullopt;
        return error_about(
            unit_, function_, "diff.falls-through",
            fmt::format("it does not end in a jump or a return, but goes on in {} behind it, which stays where it is",
                        unit_.title(next)),
            "end it with a jump, or make the two one function (.size, .type)");
    }

    std::optional<report::Finding> resolved_address() const {
        for (const arch::Instruction& it : code_) {
            if (!unit_.relocations(piece_.section, it.offset, it.offset + it.size).empty())
                continue;
            const std::optional<uint64_t> target =
                unit_.machine().near_target(unit_.object().section(piece_.section).data, it);
            if (!target || (*target >= piece_.start && *target < piece_.end) ||
                *target >= unit_.object().section(piece_.section).size)
                continue;
            const uint32_t other = unit_.piece_at(piece_.section, *target);
            return error_about(
                unit_, function_, "diff.resolved-address",
                fmt::format("it points to {} in its own section by a distance that the assembler worked out, which is "
                            "another one where the function comes to stand",
                            other == none ? "a place" : unit_.title(other)),
                "keep what it points to in another section, or make it global");
        }
        return std::nullopt;
    }

private:
    // Its last instruction goes on to the next one. A call there does not come back: nothing else could be behind it.
    bool goes_on() const {
        const auto last = std::find_if(code_.rbegin(), code_.rend(),
                                       [&](const arch::Instruction& it) { return !unit_.machine().is_padding(it); });
        return last != code_.rend() && last->is_valid && !last->ends_flow && !last->is_return && !last->is_call &&
               !unit_.machine().is_trap(*last);
    }

    const Unit& unit_;
    uint32_t function_;
    const Piece& piece_;
    Instructions code_;
};

} // namespace

std::vector<report::Finding> find_tied_functions(const Unit& patched, const Selection& selection) {
    std::vector<report::Finding> findings;
    for (uint32_t index = 0; index < selection.included.size(); ++index) {
        const Piece& piece = patched.piece(index);
        if (!selection.included[index] || piece.kind != PieceKind::function || piece.is_own_section)
            continue;
        const Neighbours neighbours(patched, index);
        for (auto finding : {neighbours.short_branch(), neighbours.fall_through(), neighbours.resolved_address()})
            if (finding)
                findings.push_back(std::move(*finding));
    }
    return findings;
}

} // namespace klp::diff
