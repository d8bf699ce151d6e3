#include "diff/renewable.h"

#include "diff/instructions.h"

#include <algorithm>
#include <array>
#include <optional>
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

bool is_taker(std::string_view name) {
    return std::ranges::find(takers, name, &Taker::first) != takers.end();
}

// The function of that name does not look at that argument, if a key or state is in its register: it has not as many,
// or it is a taker, which gets one of them only, as another argument.
bool leaves_alone(const Unit& unit, std::string_view name, unsigned argument) {
    if (is_taker(name))
        return true;
    const std::optional<unsigned> count = unit.parameters_of(name);
    return count && *count <= argument;
}

// The instruction at `at` gives the address that it names to one of the takers, as the right argument. A register that
// calls keep (s390's fifth argument) may hold it over calls of others.
bool is_given_to_taker(const Unit& unit, const Piece& piece, const Instructions& code, size_t at) {
    if (at >= code.size())
        return false;
    const arch::Machine& machine = unit.machine();
    const std::string_view holder = code[at].first_register;
    const auto argument = machine.argument_number(holder);
    if (!argument || code[at].writes_memory || code[at].reads_memory)
        return false;
    for (++at; at < code.size(); ++at) {
        if (!unit.leaves(piece, code[at])) {
            if (code[at].is_branch || code[at].is_call || machine.argument_number(code[at].first_register) == argument)
                return false; // another value is given
            continue;
        }
        const auto targets = unit.relocations(piece.section, code[at].offset, code[at].offset + code[at].size);
        const auto name = targets.empty() ? std::string_view() : unit.object().symbol(targets.front().symbol).name;
        if (std::ranges::find(takers, Taker(name, *argument)) != takers.end())
            return true;
        if (!code[at].is_call || !machine.survives_call(holder) || !leaves_alone(unit, name, *argument))
            return false;
    }
    return false;
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
