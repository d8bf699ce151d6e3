#include "diff/tail_calls.h"

#include "diff/instructions.h"

#include <fmt/format.h>

#include <set>

namespace klp::diff {

namespace {

class TailCalls {
public:
    TailCalls(const Unit& patched, const Selection& selection)
        : patched_(patched), selection_(selection), is_replaced_(patched.pieces().size(), false) {
        for (uint32_t piece : selection.changed)
            is_replaced_[piece] = true;
    }

    std::vector<report::Finding> find() const {
        std::vector<report::Finding> findings;
        for (uint32_t index = 0; index < patched_.pieces().size(); ++index) {
            const uint32_t function = patched_.root_of(index);
            if (!selection_.included[index] || !is_replaced_[function])
                continue;
            for (uint32_t target : jumps_of(index))
                findings.push_back(
                    {"diff.tail-call", report::Severity::warning, patched_.object().name(), patched_.title(function),
                     fmt::format("it ends in a jump to {}, which only the patch has: the kernel cannot see that a task "
                                 "is still in there when the patch is disabled",
                                 patched_.title(target)),
                     "do not unload the module while a task may sleep there, or have the function do something after "
                     "the call, if it is only barrier()"});
        }
        return findings;
    }

private:
    // The functions that only the patch has, to which this piece of code jumps.
    std::set<uint32_t> jumps_of(uint32_t index) const {
        std::set<uint32_t> targets;
        const Piece& piece = patched_.piece(index);
        if (!has_added_target(piece))
            return targets;
        for (const arch::Instruction& instruction : read_instructions(patched_, piece)) {
            if (!instruction.is_branch || instruction.is_call)
                continue;
            const uint64_t end = instruction.offset + instruction.size;
            for (const elf::Relocation& relocation : patched_.relocations(piece.section, instruction.offset, end))
                if (const uint32_t target = added_target(piece, relocation); target != none)
                    targets.insert(target);
        }
        return targets;
    }
    bool has_added_target(const Piece& piece) const {
        for (const elf::Relocation& relocation : patched_.relocations(piece))
            if (added_target(piece, relocation) != none)
                return true;
        return false;
    }
    // Added, or changed and not redirected to by itself: nothing that the kernel knows of.
    uint32_t added_target(const Piece& piece, const elf::Relocation& relocation) const {
        const Reference reference = patched_.reference(piece.section, relocation);
        if (reference.to != Reference::To::piece)
            return none;
        const uint32_t target = patched_.root_of(reference.id);
        const bool is_added =
            patched_.piece(target).kind == PieceKind::function && selection_.included[target] && !is_replaced_[target];
        return is_added ? target : none;
    }

    const Unit& patched_;
    const Selection& selection_;
    std::vector<bool> is_replaced_;
};

} // namespace

std::vector<report::Finding> find_tail_calls(const Unit& patched, const Selection& selection) {
    return TailCalls(patched, selection).find();
}

} // namespace klp::diff
