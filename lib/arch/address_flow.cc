#include "arch/address_flow.h"

#include <algorithm>
#include <array>
#include <map>

namespace klp::arch {

namespace {

// x86: the field is an immediate operand or the displacement of an address, of which the immediate comes last (Intel
// SDM volume 2, 2.1).
FieldUse use_in_place(const Instruction& instruction, const elf::Relocation& relocation, unsigned width) {
    const bool is_last = relocation.offset + width == instruction.offset + instruction.size;
    const bool is_displacement = instruction.has_address && !(instruction.has_immediate && is_last);
    if (is_displacement) {
        const bool has_registers = !instruction.address_registers.empty();
        if (instruction.reads_memory || instruction.writes_memory)
            return has_registers ? FieldUse::indexed : FieldUse::access;
        return has_registers ? FieldUse::indexed_taken : FieldUse::taken;
    }
    if (instruction.is_call)
        return FieldUse::branch;
    if (!instruction.has_immediate)
        return FieldUse::unknown;
    if (instruction.is_compare || instruction.is_difference || instruction.is_xor)
        return FieldUse::compared;
    if (instruction.writes_memory) // a push as well
        return FieldUse::stored;
    return instruction.read_registers.empty() ? FieldUse::taken : FieldUse::indexed_taken;
}

// Elsewhere: all of the address (s390's larl), or its lower part, to which a register adds the upper one.
FieldUse use_by_register(const Instruction& instruction) {
    if (instruction.reads_memory || instruction.writes_memory)
        return instruction.address_registers.size() > 1 ? FieldUse::indexed : FieldUse::access;
    const size_t registers = instruction.read_registers.size() + instruction.address_registers.size();
    if (instruction.written_registers.empty() || registers > 1)
        return FieldUse::unknown;
    return FieldUse::taken;
}

} // namespace

FieldUse field_use(const Machine& machine, const Instruction& instruction, const elf::Relocation& relocation) {
    const RelocationKind kind = machine.relocation(relocation.type);
    if (!instruction.is_valid || kind.form == Form::none)
        return FieldUse::unknown;
    if (machine.is_high_part(relocation.type))
        return FieldUse::part;
    if (instruction.is_branch && !instruction.has_address)
        return FieldUse::branch;
    if (machine.has_addresses_in_place())
        return kind.width == 0 ? FieldUse::unknown : use_in_place(instruction, relocation, kind.width);
    if (instruction.is_call)
        return FieldUse::branch;
    if (kind.form == Form::table) // the address comes out of the table
        return instruction.written_registers.empty() ? FieldUse::unknown : FieldUse::taken;
    return use_by_register(instruction);
}

bool writes_to_field(const Instruction& instruction, const elf::Relocation& relocation, const Machine& machine) {
    const FieldUse use = field_use(machine, instruction, relocation);
    // x86's PUSH reads the memory that it names and writes to the stack.
    return (use == FieldUse::access || use == FieldUse::indexed) && instruction.writes_memory && !instruction.is_call &&
           !instruction.mnemonic.starts_with("PUSH");
}

namespace {

// Up to 64 registers that hold the address (exact) or something made of it.
struct Holders {
    uint64_t exact = 0;
    uint64_t derived = 0;
    uint64_t all() const { return exact | derived; }
    bool operator==(const Holders&) const = default;
};

class Flow {
public:
    Flow(const Machine& machine, std::span<const Instruction> code,
         const std::function<bool(const Instruction&)>& leaves)
        : machine_(machine), code_(code), leaves_(leaves), states_(code.size()) {}

    // From instruction `at` on with the address in a register.
    AddressUses run(size_t at, unsigned register_number) {
        Holders start;
        start.exact = bit(register_number);
        enter(at, start);
        while (!open_.empty()) {
            const size_t here = open_.back();
            open_.pop_back();
            step(here);
        }
        make_unique(uses_.accessed_at);
        make_unique(uses_.loaded_at);
        make_unique(uses_.stored_at);
        make_unique(uses_.passed);
        make_unique(uses_.returned);
        make_unique(uses_.compared_at);
        make_unique(uses_.comparing);
        return uses_;
    }

private:
    template <typename Place>
    static void make_unique(std::vector<Place>& places) {
        std::ranges::sort(places);
        places.erase(std::ranges::unique(places).begin(), places.end());
    }
    uint64_t bit(unsigned number) {
        auto [found, is_new] = number_.try_emplace(number, static_cast<unsigned>(number_.size()));
        if (found->second >= 64) {
            uses_.is_known = false;
            return 0;
        }
        return uint64_t{1} << found->second;
    }
    uint64_t bits(const Few<unsigned>& numbers) {
        uint64_t all = 0;
        for (size_t at = 0; at < numbers.size(); ++at)
            all |= bit(numbers[at]);
        return all;
    }
    void enter(size_t at, Holders holders) {
        if (at >= code_.size() || holders.all() == 0)
            return;
        Holders& known = states_[at];
        const Holders joined{known.exact | holders.exact, known.derived | holders.derived};
        if (joined == known)
            return;
        known = joined;
        open_.push_back(at);
    }

    void look_at_accesses(size_t at, const Instruction& it, const Holders& holders) {
        const uint64_t address = bits(it.address_registers);
        if (!(address & holders.all()) || !(it.reads_memory || it.writes_memory))
            return;
        uses_.accessed_at.push_back(at);
        if (loads_pointer(machine_, it))
            uses_.loaded_at.push_back(at);
        const bool is_plain = it.address_registers.size() == 1 && (address & holders.exact);
        uses_.is_accessed_there = uses_.is_accessed_there || (is_plain && it.displacement >= 0);
    }

    void look_at_values(size_t at, const Instruction& it, const Holders& holders) {
        const uint64_t values = bits(it.read_registers) & holders.all();
        if (!values)
            return;
        // With itself, or with what was made of it, is no question of identity.
        const uint64_t others = bits(it.read_registers) & ~holders.all();
        if (it.is_compare || it.is_xor || it.is_difference)
            for (unsigned number : it.read_registers)
                if (bit(number) & holders.all())
                    uses_.comparing.push_back({at, number});
        const bool is_compared = it.is_compare && (others || it.has_immediate || it.has_address);
        if (is_compared || ((it.is_xor || it.is_difference) && (others || it.reads_memory)))
            uses_.compared_at.push_back(at);
        if (it.writes_memory && !it.is_call)
            uses_.stored_at.push_back(at);
    }

    Holders after_call(size_t at, const Holders& holders) {
        Holders kept;
        for (const auto& [number, place] : number_) {
            const uint64_t one = place < 64 ? uint64_t{1} << place : 0;
            const std::string_view name = machine_.register_name(number);
            if (!(holders.all() & one))
                continue;
            if (machine_.argument_number(name))
                uses_.passed.push_back({at, number});
            if (machine_.survives_call(name)) {
                kept.exact |= holders.exact & one;
                kept.derived |= holders.derived & one;
            }
        }
        return kept;
    }

    void look_at_return(size_t at, const Holders& holders) {
        for (const auto& [number, place] : number_) {
            const std::string_view name = machine_.register_name(number);
            if (place < 64 && (holders.all() >> place & 1) &&
                (machine_.is_result(name) || machine_.is_second_result(name)))
                uses_.returned.push_back({at, number});
        }
    }

    Holders after(const Instruction& it, const Holders& holders) {
        const uint64_t written = bits(it.written_registers);
        const uint64_t sources = (bits(it.read_registers) | (it.reads_memory ? 0 : bits(it.address_registers)));
        // A number may be taken from an address; an address that is taken from another one leaves a number.
        const bool is_from_it = it.is_difference && (it.has_immediate || (bit(it.minuend) & holders.all()) != 0);
        const bool is_number = it.is_difference ? !is_from_it : it.is_compare || it.is_xor;
        const bool is_made_of_it = (sources & holders.all()) != 0 && !is_number;
        Holders next{holders.exact & ~written, holders.derived & ~written};
        next.derived |= bits(it.stepped_registers) & holders.all();
        if (!is_made_of_it || it.written_registers.empty())
            return next;
        if (bits(it.stepped_registers) &
            bit(it.written_registers[0])) // the address is stepped, whatever is stored there
            return next;
        // A copy holds the address itself; what is computed only something made of it.
        const bool is_copy =
            it.read_registers.size() == 1 && !it.has_immediate && !it.has_address && (sources & holders.exact) != 0;
        (is_copy ? next.exact : next.derived) |= bit(it.written_registers[0]);
        return next;
    }

    void step(size_t at) {
        const Instruction& it = code_[at];
        const Holders holders = states_[at];
        if (!it.is_valid) {
            uses_.is_known = false;
            return;
        }
        look_at_accesses(at, it, holders);
        look_at_values(at, it, holders);
        const bool is_away = leaves_(it) || it.is_call;
        // A pointer to a function, or a place in this one out of a table: nobody says which.
        const bool is_indirect = it.is_branch && it.ends_flow && !it.is_return && !it.branch_target && !is_away;
        if (it.is_return || (is_away && it.ends_flow))
            look_at_return(at, holders);
        const Holders kept = is_away || is_indirect ? after_call(at, holders) : Holders();
        if (is_away) {
            if (!it.ends_flow)
                enter(at + 1, kept);
            return;
        }
        const Holders next = after(it, holders);
        if (it.branch_target && it.is_branch)
            enter_target(*it.branch_target, next);
        else if (is_indirect) // to the beginning of any block
            for (size_t block = 1; block < code_.size(); ++block)
                if (code_[block - 1].ends_flow)
                    enter(block, next);
        if (!it.ends_flow)
            enter(at + 1, next);
    }

    void enter_target(uint64_t target, const Holders& holders) {
        auto found = std::ranges::lower_bound(code_, target, {}, &Instruction::offset);
        if (found != code_.end() && found->offset == target)
            enter(static_cast<size_t>(found - code_.begin()), holders);
        else
            uses_.is_known = false;
    }

    const Machine& machine_;
    std::span<const Instruction> code_;
    const std::function<bool(const Instruction&)>& leaves_;
    std::vector<Holders> states_;
    std::vector<size_t> open_;
    std::map<unsigned, unsigned> number_; // register -> place in Holders
    AddressUses uses_;
};

} // namespace

bool loads_pointer(const Machine& machine, const Instruction& instruction) {
    constexpr auto names = std::to_array<std::pair<std::string_view, std::string_view>>({{"x86_64", "MOV64rm"},
                                                                                         {"arm64", "LDRXui"},
                                                                                         {"arm64", "LDURXi"},
                                                                                         {"arm64", "LDRXroX"},
                                                                                         {"arm64", "LDRXroW"},
                                                                                         {"arm64", "LDRXpost"},
                                                                                         {"arm64", "LDRXpre"},
                                                                                         {"arm64", "LDPXi"},
                                                                                         {"arm64", "LDRXl"},
                                                                                         {"powerpc", "LD"},
                                                                                         {"powerpc", "LDX"},
                                                                                         {"powerpc", "LDU"},
                                                                                         {"s390", "LG"},
                                                                                         {"s390", "LGRL"},
                                                                                         {"s390", "LTG"},
                                                                                         {"loongarch", "LD_D"},
                                                                                         {"loongarch", "LDX_D"},
                                                                                         {"loongarch", "LDPTR_D"}});
    return std::ranges::find(names, std::pair(machine.name(), instruction.mnemonic)) != names.end();
}

AddressUses follow_address(const Machine& machine, std::span<const Instruction> code, size_t at,
                           const std::function<bool(const Instruction&)>& leaves) {
    if (!code[at].written_registers.empty())
        return Flow(machine, code, leaves).run(at + 1, code[at].written_registers[0]);
    AddressUses unknown;
    unknown.is_known = false;
    return unknown;
}

AddressUses follow_register(const Machine& machine, std::span<const Instruction> code, size_t at,
                            unsigned register_number, const std::function<bool(const Instruction&)>& leaves) {
    return Flow(machine, code, leaves).run(at, register_number);
}

} // namespace klp::arch
