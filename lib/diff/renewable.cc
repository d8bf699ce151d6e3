#include "diff/renewable.h"

#include "diff/instructions.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace klp::diff {

namespace {

// A function and which of its arguments (from 0) is the key or the state.
using Taker = std::pair<std::string_view, unsigned>;

constexpr std::array takers{Taker("___ratelimit", 0),          Taker("__mutex_init", 2),
                            Taker("__rt_mutex_init", 2),       Taker("__init_rwsem", 2),
                            Taker("__percpu_init_rwsem", 2),   Taker("__raw_spin_lock_init", 2),
                            Taker("__spin_lock_init", 2),      Taker("__rwlock_init", 2),
                            Taker("__init_waitqueue_head", 2), Taker("__init_swait_queue_head", 2),
                            Taker("__init_srcu_struct", 2),    Taker("lockdep_init_map", 2),
                            Taker("lockdep_init_map_type", 2), Taker("lockdep_init_map_waits", 2),
                            Taker("init_timer_key", 4)};

// The instruction at `at` gives the address that it names to one of the takers, as the right argument.
bool is_given_to_taker(const Unit& unit, const Piece& piece, const Instructions& code, size_t at) {
    if (at >= code.size())
        return false;
    const auto argument = unit.machine().argument_number(code[at].first_register);
    if (!argument || code[at].writes_memory || code[at].reads_memory)
        return false;
    for (++at; at < code.size() && !code[at].is_branch && !code[at].is_call; ++at)
        if (unit.machine().argument_number(code[at].first_register) == argument)
            return false; // another value is given
    if (at == code.size() || !unit.leaves(piece, code[at]))
        return false;
    const uint64_t end = code[at].offset + code[at].size;
    return std::ranges::any_of(unit.relocations(piece.section, code[at].offset, end),
                               [&](const elf::Relocation& target) {
                                   const Taker taker(unit.object().symbol(target.symbol).name, *argument);
                                   return std::ranges::find(takers, taker) != takers.end();
                               });
}

} // namespace

std::vector<bool> find_renewable(const Unit& unit, const std::vector<bool>& wanted) {
    std::vector<bool> is_used(wanted.size(), false);
    std::vector<bool> is_kept(wanted.size(), false); // somebody does more with it
    for (const Piece& piece : unit.pieces()) {
        Instructions code;
        for (const elf::Relocation& relocation : unit.relocations(piece)) {
            const Reference reference = unit.reference(piece.section, relocation);
            if (reference.to != Reference::To::piece || !wanted[reference.id] || is_kept[reference.id])
                continue;
            if (piece.kind == PieceKind::function && unit.machine().is_high_part(relocation.type))
                continue; // what completes it says what the address is for
            if (code.empty() && piece.kind == PieceKind::function)
                code = read_instructions(unit, piece);
            is_used[reference.id] = true;
            is_kept[reference.id] = !is_given_to_taker(unit, piece, code, instruction_at(code, relocation.offset));
        }
    }
    std::vector<bool> renewable(wanted.size(), false);
    for (uint32_t index = 0; index < wanted.size(); ++index) {
        const bool is_empty = unit.piece(index).start == unit.piece(index).end;
        renewable[index] = wanted[index] && (is_empty || (is_used[index] && !is_kept[index]));
    }
    return renewable;
}

} // namespace klp::diff
