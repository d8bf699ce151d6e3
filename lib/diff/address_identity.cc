#include "diff/address_identity.h"

#include "arch/address_flow.h"
#include "arch/origins.h"
#include "diff/handovers.h"
#include "diff/pointer_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <elf.h>
#include <functional>
#include <map>
#include <set>
#include <vector>

namespace klp::diff {

namespace {

using Relocations = std::span<const elf::Relocation* const>;

// What one function, or a part of it, does with the address that `relocations` of it name, and with the pointers that
// are there in `words`, if given.
class Uses {
public:
    Uses(CodeReader& reader, uint32_t piece, Relocations relocations, bool has_code,
         const PointerWords* words = nullptr)
        : reader_(reader), unit_(reader.unit()), piece_(unit_.piece(piece)), has_code_(has_code), words_(words),
          code_(reader.code_of(piece)) {
        for (const elf::Relocation* relocation : relocations)
            add(*relocation);
    }
    // Of what a function gets in a register of an argument.
    Uses(CodeReader& reader, uint32_t piece, unsigned register_number, bool has_code, const PointerWords* words)
        : reader_(reader), unit_(reader.unit()), piece_(unit_.piece(piece)), has_code_(has_code), words_(words),
          code_(reader.code_of(piece)), followed_(register_number) {
        add(arch::follow_register(unit_.machine(), code_, behind_profiling_call(), register_number, leaves()), 0);
    }

    bool is_compared() const {
        return std::ranges::any_of(
            compared_, [&](size_t at) { return has_other(at) && !is_with_number(at) && !is_index_of_own(at); });
    }
    // The same, and with a pointer that the function got from somewhere: out of memory, from a caller, from a call.
    bool is_compared_with_others() const {
        return std::ranges::any_of(compared_, [&](size_t at) { return has_other(at) && compares_others(at); });
    }
    // Functions of other units keep no pointer that this one compares.
    bool is_let_out() const {
        const auto is_kept_inside = [&](const arch::Handover& it) {
            return is_call_inside(code_[it.at]) && is_argument(it);
        };
        return std::ranges::any_of(all_, [&](const arch::AddressUses& it) {
            return it.is_stored() || is_returned(it) || std::ranges::any_of(it.passed, is_kept_inside);
        });
    }
    // `seen`: functions of the unit that were looked at, with the register in which they got it.
    using Seen = std::set<std::pair<uint32_t, unsigned>>;
    std::optional<std::string> identity(Seen& seen) const {
        if (is_compared())
            return "compares its address";
        for (const arch::AddressUses& uses : all_) {
            if (uses.is_stored())
                return "stores its address";
            if (is_returned(uses))
                return "returns its address";
            if (has_code_ && is_passed_on(uses))
                return "passes its address on";
            if (has_code_ && !uses.is_known)
                return "takes its address";
            for (const arch::Handover& handover : uses.passed)
                if (auto use = use_by_callee(handover, seen))
                    return use;
        }
        return std::nullopt;
    }

private:
    // One of the two values is none of the addresses, nor made of one: the end of a loop over a table, and the middle
    // of what is searched in it, are compared with places in it.
    bool has_other(size_t at) const {
        const arch::Instruction& it = code_[at];
        const auto holders = holders_.find(at);
        return it.reads_memory || (it.has_immediate && !in_operand_.contains(at)) || holders == holders_.end() ||
               std::ranges::any_of(it.read_registers, [&](unsigned one) { return !holders->second.contains(one); });
    }
    // A difference of addresses, which instructions that compare may be as well, is none of identity.
    bool compares_others(size_t at) const {
        const arch::Instruction& it = code_[at];
        const bool is_difference =
            !it.is_xor && std::ranges::any_of(it.read_registers, [&](unsigned one) { return writes(it, one); });
        return !is_difference && !is_with_number(at) && is_with_others(at);
    }
    // The place in the table of a pointer that the function got: an index into it. What a function returns that was
    // given the table is a place in the same one: bsearch(&key, table, ...) - table.
    bool is_index_of_own(size_t at) const {
        const arch::Instruction& it = code_[at];
        if (!it.is_difference || it.reads_memory)
            return false;
        const auto holders = holders_.find(at);
        const bool is_from_it = holders != holders_.end() && holders->second.contains(it.minuend);
        return !is_with_others(at) || (is_from_it && follow(at).is_accessed_there); // table[n - i]
    }
    bool is_with_others(size_t at) const {
        const arch::Instruction& it = code_[at];
        return it.reads_memory ||
               std::ranges::any_of(it.read_registers, [&](unsigned one) { return comes_from_others(at, one); });
    }
    // As IS_ERR() and a test for NULL make it.
    bool is_with_number(size_t at) const {
        const arch::Instruction& it = code_[at];
        return (it.has_immediate && !in_operand_.contains(at)) ||
               std::ranges::any_of(it.read_registers, [&](unsigned one) { return is_number(at, one); });
    }
    // On every path a constant was put into the register, perhaps in steps: `lu12i.w $a2, -1` of LoongArch.
    bool is_number(size_t at, unsigned number) const {
        Steps seen;
        return is_number(at, number, seen);
    }
    using Steps = std::set<std::pair<size_t, unsigned>>;
    bool is_number(size_t at, unsigned number, Steps& seen) const {
        if (!seen.insert({at, number}).second)
            return true;
        const arch::Origins origins = origins_of(at, number);
        if (!origins.is_known || origins.is_from_caller || !origins.called_at.empty())
            return false;
        return std::ranges::all_of(origins.written_at, [&](size_t where) {
            const arch::Instruction& it = code_[where];
            if (it.is_xor && it.read_registers.size() == 2 && it.read_registers[0] == it.read_registers[1])
                return true;
            const bool is_of_numbers = it.has_immediate && !it.has_address && !it.reads_memory;
            if (!is_of_numbers || it.read_registers.size() > 1 || has_relocation(it))
                return false;
            return it.read_registers.empty() || is_number(where, it.read_registers[0], seen);
        });
    }
    bool has_relocation(const arch::Instruction& it) const {
        return !unit_.relocations(piece_.section, it.offset, it.offset + it.size).empty();
    }
    // The value of a register of instruction `at` comes out of memory, from a caller or from a call, on some path.
    bool comes_from_others(size_t at, unsigned number) const {
        Steps seen;
        return comes_from_others(at, number, seen);
    }
    bool comes_from_others(size_t at, unsigned number, Steps& seen) const {
        if (!seen.insert({at, number}).second)
            return false;
        const arch::Machine& machine = unit_.machine();
        const arch::Origins origins = origins_of(at, number);
        const bool is_argument = machine.argument_number(machine.register_name(number)) && number != followed_;
        if (!origins.is_known || (origins.is_from_caller && is_argument) ||
            std::ranges::any_of(origins.called_at, [&](size_t call) { return !passed_at_.contains(call); }))
            return true;
        return std::ranges::any_of(origins.written_at, [&](size_t where) {
            const arch::Instruction& it = code_[where];
            if (it.reads_memory)
                return true;
            const bool is_made_of_one = it.read_registers.size() == 1 && !it.has_address; // perhaps a way behind it
            return is_made_of_one && comes_from_others(where, it.read_registers[0], seen);
        });
    }
    arch::Origins origins_of(size_t at, unsigned number) const {
        if (!finder_)
            finder_.emplace(unit_.machine(), code_, leaves());
        return finder_->of(at, number);
    }
    static bool writes(const arch::Instruction& it, unsigned number) {
        return std::ranges::find(it.written_registers, number) != it.written_registers.end();
    }
    bool is_returned(const arch::AddressUses& uses) const {
        return std::ranges::any_of(uses.returned, [&](const arch::Handover& it) {
            return may_be_result(unit_, piece_, code_, it.at, it.register_number);
        });
    }
    // To others than functions of the unit, which are followed.
    bool is_passed_on(const arch::AddressUses& uses) const {
        return std::ranges::any_of(uses.passed, [&](const arch::Handover& it) {
            return callee_of(unit_, piece_, code_[it.at]) == none && is_argument(it);
        });
    }
    bool is_argument(const arch::Handover& it) const {
        return may_be_argument(unit_, piece_, code_, it.at, it.register_number);
    }
    std::optional<std::string> use_by_callee(const arch::Handover& handover, Seen& seen) const {
        const uint32_t callee = callee_of(unit_, piece_, code_[handover.at]);
        if (callee == none || !is_argument(handover) || !seen.insert({callee, handover.register_number}).second)
            return std::nullopt;
        const Uses uses(reader_, callee, handover.register_number, has_code_, words_);
        const std::optional<std::string> use = uses.identity(seen);
        return use ? std::optional(fmt::format("passes its address to {}, which {}", unit_.title(callee),
                                               *use == "stores its address" ? "stores it" : "does not only read it"))
                   : std::nullopt;
    }
    // The instruction behind `call __fentry__`, which keeps all registers.
    size_t behind_profiling_call() const {
        constexpr size_t first_instructions = 8;
        for (size_t at = 0; at < std::min(code_.size(), first_instructions); ++at)
            for (const elf::Relocation& relocation :
                 unit_.relocations(piece_.section, code_[at].offset, code_[at].offset + code_[at].size))
                if (unit_.machine().is_profiling_call(unit_.object().symbol(relocation.symbol).name))
                    return at + 1;
        return 0;
    }
    // Of a function of this unit, or of whatever a pointer leads to.
    bool is_call_inside(const arch::Instruction& call) const {
        return std::ranges::none_of(
            unit_.relocations(piece_.section, call.offset, call.offset + call.size),
            [&](const elf::Relocation& it) { return unit_.reference(piece_.section, it).to == Reference::To::symbol; });
    }
    void add(const elf::Relocation& relocation) {
        const size_t at = instruction_at(code_, relocation.offset);
        if (at >= code_.size())
            return; // in the padding before the function
        const int64_t offset = unit_.reference(piece_.section, relocation).offset;
        arch::AddressUses uses;
        switch (arch::field_use(unit_.machine(), code_[at], relocation)) {
        case arch::FieldUse::part:
        case arch::FieldUse::branch:
            return;
        case arch::FieldUse::access:
        case arch::FieldUse::indexed:
            if (words_ && words_->leads_there(offset) && arch::loads_pointer(unit_.machine(), code_[at]))
                add(follow(at));
            return;
        case arch::FieldUse::compared:
            uses.compared_at.push_back(at);
            in_operand_.insert(at);
            break;
        case arch::FieldUse::stored:
            uses.stored_at.push_back(at);
            break;
        case arch::FieldUse::unknown:
            uses.is_known = false;
            break;
        case arch::FieldUse::taken:
        case arch::FieldUse::indexed_taken:
            uses = follow(at);
            break;
        }
        add(std::move(uses), offset);
    }
    void add(arch::AddressUses uses) {
        compared_.insert(uses.compared_at.begin(), uses.compared_at.end());
        for (const arch::Handover& it : uses.comparing)
            holders_[it.at].insert(it.register_number);
        for (const arch::Handover& handover : uses.passed)
            passed_at_.insert(handover.at);
        all_.push_back(std::move(uses));
    }
    // Of an address that is `offset` bytes into the table.
    void add(arch::AddressUses uses, int64_t offset) {
        for (size_t load : uses.loaded_at)
            if (words_ && words_->leads_there(offset + code_[load].displacement))
                add(follow(load));
        add(std::move(uses));
    }
    std::function<bool(const arch::Instruction&)> leaves() const {
        return [this](const arch::Instruction& it) { return unit_.leaves(piece_, it); };
    }
    arch::AddressUses follow(size_t at) const { return arch::follow_address(unit_.machine(), code_, at, leaves()); }

    CodeReader& reader_;
    const Unit& unit_;
    const Piece& piece_;
    bool has_code_;
    const PointerWords* words_;
    const Instructions& code_;
    std::vector<arch::AddressUses> all_;
    std::set<size_t> in_operand_;                  // instructions that compare with the address itself
    std::set<size_t> compared_;                    // instructions that compare one of the addresses
    std::map<size_t, std::set<unsigned>> holders_; // such an instruction -> its registers that hold one
    std::set<size_t> passed_at_;                   // calls that get it
    unsigned followed_ = 0;                        // the register of the argument that it comes in
    mutable std::optional<arch::OriginFinder> finder_;
};

} // namespace

std::optional<std::string> identity_use(CodeReader& reader, const CodePointers& code, uint32_t function,
                                        uint32_t variable, std::span<const uint32_t> pointed) {
    const Unit& unit = reader.unit();
    std::optional<PointerWords> words;
    if (!pointed.empty())
        words.emplace(unit, variable, pointed);
    Uses::Seen seen;
    const auto use_by = [&](uint32_t piece) -> std::optional<std::string> {
        const Relocations relocations = reader.references(piece, variable);
        if (relocations.empty())
            return std::nullopt;
        return Uses(reader, piece, relocations, code.lead_from(variable), words ? &*words : nullptr).identity(seen);
    };
    const uint32_t root = unit.root_of(function);
    if (auto use = use_by(root))
        return use;
    for (uint32_t part : unit.parts_of(root))
        if (auto use = use_by(part))
            return use;
    return std::nullopt;
}

std::string_view constant_meant(const Unit& unit, const Reference& reference) {
    const auto text_of = [](elf::Bytes bytes) {
        return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    if (reference.to == Reference::To::literal)
        return unit.role(reference.id) == Role::strings ? text_of(unit.literal_of(reference).bytes)
                                                        : std::string_view();
    if (reference.to != Reference::To::piece)
        return {};
    const Piece& piece = unit.piece(reference.id);
    const elf::Section& section = unit.object().section(piece.section);
    const bool is_made = piece.kind == PieceKind::fragment ||
                         (piece.kind == PieceKind::variable && piece.identity == Identity::by_content);
    const bool is_constant = is_made && !section.is_code() && arch::is_read_only(section) &&
                             section.type != SHT_NOBITS && unit.relocations(piece).empty();
    return is_constant ? text_of(unit.bytes(piece)) : std::string_view();
}

ConstantUses constant_uses(CodeReader& reader, uint32_t piece, std::span<const elf::Relocation* const> relocations) {
    if (reader.unit().piece(piece).kind != PieceKind::function)
        return {false, true};
    const Uses uses(reader, piece, relocations, false);
    return {uses.is_compared_with_others(), uses.is_let_out()};
}

} // namespace klp::diff
