#include "diff/address_identity.h"

#include "arch/address_flow.h"
#include "diff/instructions.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <vector>

namespace klp::diff {

namespace {

// What one function, or a part of it, does with the address of what `is_meant`.
class Uses {
public:
    using IsMeant = std::function<bool(const Reference&)>;

    Uses(const Unit& unit, const Piece& piece, const IsMeant& is_meant, bool has_code)
        : unit_(unit), piece_(piece), has_code_(has_code) {
        for (const elf::Relocation& relocation : unit.relocations(piece))
            if (is_meant(unit.reference(piece.section, relocation)))
                add(relocation);
    }

    bool is_compared() const {
        // The end of a loop over the thing: both sides of the comparison are addresses of it.
        return std::ranges::any_of(compared_, [](const auto& it) { return it.second == 1; });
    }
    // The same, and with a pointer that the function got from somewhere: out of memory, from a caller, from a call.
    bool is_compared_with_others() const {
        return std::ranges::any_of(compared_,
                                   [&](const auto& it) { return it.second == 1 && compares_others(it.first); });
    }
    // Functions of other units keep no pointer that this one compares.
    bool is_let_out() const {
        return std::ranges::any_of(all_, [&](const arch::AddressUses& it) {
            return it.is_stored || is_returned(it) ||
                   std::ranges::any_of(it.passed_at, [&](size_t at) { return is_call_inside(code_[at]); });
        });
    }
    std::optional<std::string> identity() const {
        if (is_compared())
            return "compares its address";
        for (const arch::AddressUses& uses : all_) {
            if (uses.is_stored)
                return "stores its address";
            if (is_returned(uses))
                return "returns its address";
            if (has_code_ && uses.is_passed())
                return "passes its address on";
            if (has_code_ && !uses.is_known)
                return "takes its address";
        }
        return std::nullopt;
    }

private:
    // A difference of addresses, which instructions that compare may be as well, is none of identity; nor is a
    // comparison with a number, as IS_ERR() makes it.
    bool compares_others(size_t at) const {
        const arch::Instruction& it = code_[at];
        const auto& registers = it.read_registers;
        const bool is_difference =
            !it.is_xor && std::ranges::any_of(registers, [&](unsigned one) { return writes(it, one); });
        const bool is_with_number = (it.has_immediate && !in_operand_.contains(at)) ||
                                    std::ranges::any_of(registers, [&](unsigned one) { return is_number(at, one); });
        if (is_difference || is_with_number)
            return false;
        return it.reads_memory ||
               std::ranges::any_of(registers, [&](unsigned one) { return comes_from_others(at, one); });
    }
    // A constant was put into the register, perhaps in steps: `lu12i.w $a2, -1` of LoongArch. As comes_from_others().
    bool is_number(size_t at, unsigned number) const {
        while (at-- > 0) {
            const arch::Instruction& it = code_[at];
            if (it.is_call)
                return false;
            if (!writes(it, number))
                continue;
            const bool is_of_numbers = it.has_immediate && !it.has_address && !it.reads_memory;
            if (!is_of_numbers || it.read_registers.size() > 1 || has_relocation(it))
                return false;
            if (it.read_registers.empty())
                return true;
            number = it.read_registers[0];
        }
        return false;
    }
    bool has_relocation(const arch::Instruction& it) const {
        return !unit_.relocations(piece_.section, it.offset, it.offset + it.size).empty();
    }
    // Goes by the instructions above, whatever the jumps between them: the value of a register of instruction `at`.
    bool comes_from_others(size_t at, unsigned number) const {
        const arch::Machine& machine = unit_.machine();
        while (at-- > 0) {
            const arch::Instruction& it = code_[at];
            if (it.is_call && !machine.survives_call(machine.register_name(number)))
                return true;
            if (!writes(it, number))
                continue;
            if (it.reads_memory)
                return true;
            if (it.read_registers.size() != 1 || it.has_immediate || it.has_address)
                return false;
            number = it.read_registers[0];
        }
        return machine.argument_number(machine.register_name(number)).has_value();
    }
    static bool writes(const arch::Instruction& it, unsigned number) {
        return std::ranges::find(it.written_registers, number) != it.written_registers.end();
    }
    bool is_return(const arch::Instruction& it) const {
        return it.is_return || returns_through_thunk(unit_, piece_, it);
    }
    // Not where a jump to another function ends this one, and the register is that one's argument.
    bool is_returned(const arch::AddressUses& uses) const {
        return std::ranges::any_of(uses.returned_at, [&](size_t at) { return is_return(code_[at]); });
    }
    // Of a function of this unit, or of whatever a pointer leads to.
    bool is_call_inside(const arch::Instruction& call) const {
        return std::ranges::none_of(
            unit_.relocations(piece_.section, call.offset, call.offset + call.size),
            [&](const elf::Relocation& it) { return unit_.reference(piece_.section, it).to == Reference::To::symbol; });
    }
    void add(const elf::Relocation& relocation) {
        if (code_.empty())
            code_ = read_instructions(unit_, piece_);
        const size_t at = instruction_at(code_, relocation.offset);
        if (at >= code_.size())
            return; // in the padding before the function
        arch::AddressUses uses;
        switch (arch::field_use(unit_.machine(), code_[at], relocation)) {
        case arch::FieldUse::part:
        case arch::FieldUse::access:
        case arch::FieldUse::indexed:
        case arch::FieldUse::branch:
            return;
        case arch::FieldUse::compared:
            uses.compared_at.push_back(at);
            in_operand_.insert(at);
            break;
        case arch::FieldUse::stored:
            uses.is_stored = true;
            break;
        case arch::FieldUse::unknown:
            uses.is_known = false;
            break;
        case arch::FieldUse::taken:
        case arch::FieldUse::indexed_taken:
            uses = arch::follow_address(unit_.machine(), code_, at,
                                        [&](const arch::Instruction& it) { return unit_.leaves(piece_, it); });
            break;
        }
        for (size_t where : uses.compared_at)
            ++compared_[where];
        all_.push_back(std::move(uses));
    }

    const Unit& unit_;
    const Piece& piece_;
    bool has_code_;
    Instructions code_;
    std::vector<arch::AddressUses> all_;
    std::set<size_t> in_operand_;         // instructions that compare with the address itself
    std::map<size_t, unsigned> compared_; // instruction -> how many references get there
};

} // namespace

bool holds_code_pointers(const Unit& unit, uint32_t variable) {
    const Piece& piece = unit.piece(variable);
    return std::ranges::any_of(unit.relocations(piece), [&](const elf::Relocation& relocation) {
        const Reference reference = unit.reference(piece.section, relocation);
        if (reference.to == Reference::To::symbol) // of a function or not: nobody says
            return true;
        // Labels inside of a function (&&label) are its own affair.
        return reference.to == Reference::To::piece && unit.piece(reference.id).kind == PieceKind::function &&
               reference.offset <= 0;
    });
}

std::optional<std::string> identity_use(const Unit& unit, uint32_t function, uint32_t variable) {
    const bool has_code = holds_code_pointers(unit, variable);
    const auto is_meant = [&](const Reference& it) { return it.to == Reference::To::piece && it.id == variable; };
    const uint32_t root = unit.root_of(function);
    if (auto use = Uses(unit, unit.piece(root), is_meant, has_code).identity())
        return use;
    for (uint32_t part : unit.parts_of(root))
        if (auto use = Uses(unit, unit.piece(part), is_meant, has_code).identity())
            return use;
    return std::nullopt;
}

std::string_view string_meant(const Unit& unit, const Reference& reference) {
    if (reference.to != Reference::To::literal || unit.role(reference.id) != Role::strings)
        return {};
    return elf::Object::string_at(unit.object().section(reference.id), unit.literal_of(reference).start);
}

StringUses string_uses(const Unit& unit, uint32_t piece, std::string_view text) {
    const Piece& user = unit.piece(piece);
    const auto is_meant = [&](const Reference& it) { return string_meant(unit, it) == text; };
    if (user.kind == PieceKind::function) {
        const Uses uses(unit, user, is_meant, false);
        return {uses.is_compared_with_others(), uses.is_let_out()};
    }
    const bool is_held = std::ranges::any_of(
        unit.relocations(user), [&](const elf::Relocation& it) { return is_meant(unit.reference(user.section, it)); });
    return {false, is_held};
}

} // namespace klp::diff
