#include "diff/renewable.h"

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

// The instruction that holds the relocation gives its address to one of the takers, as the right argument.
bool is_given_to_taker(const Unit& unit, const Piece& piece, const elf::Relocation& relocation) {
    const auto code = unit.machine().disassemble(*unit.code_of(piece), false);
    auto at = std::ranges::upper_bound(code, relocation.offset, {}, &arch::Instruction::offset);
    if (at == code.begin())
        return false;
    --at;
    const auto argument = unit.machine().argument_number(at->first_register);
    if (!argument || at->writes_memory || at->reads_memory)
        return false;
    for (++at; at != code.end() && !at->is_branch && !at->is_call; ++at)
        if (unit.machine().argument_number(at->first_register) == argument)
            return false; // another value is given
    if (at == code.end() || !unit.leaves(piece, *at))
        return false;
    for (const elf::Relocation& target : unit.relocations(piece.section, at->offset, at->offset + at->size))
        if (std::ranges::find(takers, Taker(unit.object().symbol(target.symbol).name, *argument)) != takers.end())
            return true;
    return false;
}

} // namespace

bool is_renewable(const Unit& unit, uint32_t variable) {
    if (unit.piece(variable).start == unit.piece(variable).end)
        return true;
    bool is_used = false;
    for (uint32_t index = 0; index < unit.pieces().size(); ++index) {
        const Piece& piece = unit.piece(index);
        for (const elf::Relocation& relocation : unit.relocations(piece)) {
            const Reference reference = unit.reference(piece.section, relocation);
            if (reference.to != Reference::To::piece || reference.id != variable)
                continue;
            if (piece.kind != PieceKind::function || !is_given_to_taker(unit, piece, relocation))
                return false;
            is_used = true;
        }
    }
    return is_used;
}

} // namespace klp::diff
