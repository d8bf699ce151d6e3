#include "diff/companions.h"

#include "arch/conditions.h"
#include "diff/instructions.h"

#include <algorithm>
#include <bit>
#include <map>
#include <span>
#include <string>
#include <tuple>

namespace klp::diff {

namespace {

using arch::Instruction;
using Steps = std::vector<uint32_t>;

// What a reference leads to, in words that hold for both units: a piece is named by its number in the original.
using Event = std::tuple<Reference::To, uint32_t, std::string, int64_t>;

// An instruction but for its registers.
using Kind = std::pair<unsigned, std::vector<int64_t>>;

struct Guard {
    arch::Condition condition;      // that it is contrary to its test and taken, or neither: the same
    std::optional<Kind> comparison; // that the branch may go by
    std::optional<Event> call;      // whose result it may be
    auto operator<=>(const Guard&) const = default;
};

// The name of an event in both units; `to_original` is null for the original.
class Namer {
public:
    Namer(const Unit& unit, const std::vector<uint32_t>* to_original) : unit_(unit), to_original_(to_original) {}

    std::optional<Event> name(const Reference& reference) const {
        switch (reference.to) {
        case Reference::To::symbol:
            return Event(reference.to, 0, unit_.object().symbol(reference.id).name, reference.offset);
        case Reference::To::literal: {
            const elf::Bytes bytes = unit_.literal_of(reference).bytes;
            return Event(reference.to, 0, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()), 0);
        }
        case Reference::To::piece: {
            const uint32_t piece = to_original_ ? (*to_original_)[reference.id] : reference.id;
            if (piece == none)
                return std::nullopt;
            return Event(reference.to, piece, {}, reference.offset);
        }
        default:
            return std::nullopt;
        }
    }

private:
    const Unit& unit_;
    const std::vector<uint32_t>* to_original_;
};

// A function with its parts, instruction by instruction, and the ways between them.
class Flow {
public:
    Flow(const Unit& unit, uint32_t function) : unit_(unit) {
        add(function);
        for (uint32_t part : unit.parts_of(function))
            add(part);
        next_.resize(code_.size());
        previous_.resize(code_.size());
        for (const Part& part : parts_)
            for (uint32_t step = part.begin; step < part.end; ++step)
                connect(part, step);
        leave_padding_out();
        find_ends();
    }

    uint32_t size() const { return static_cast<uint32_t>(code_.size()); }

    template <typename Visit>
    void visit_references(Visit visit) const {
        for (const Part& part : parts_)
            for (uint32_t step = part.begin; step < part.end; ++step)
                for (const elf::Relocation& relocation : relocations(part, step))
                    if (!unit_.machine().is_high_part(relocation.type))
                        visit(step, unit_.reference(unit_.piece(part.piece).section, relocation));
    }

    // What decided last whether one gets to this step, on every way alike (compilers copy a test to where ways part);
    // nothing where that differs or cannot be told.
    std::optional<Guard> guard_of(uint32_t step, const Namer& namer) const {
        const uint32_t first = straight_back(step).back();
        std::optional<Guard> guard;
        for (uint32_t branch : previous_[first]) {
            const std::optional<Guard> one = guard_by(branch, first, namer);
            if (!one || (guard && *guard != *one))
                return std::nullopt;
            guard = one;
        }
        return guard;
    }

    // Of up to `batch` sets of steps, a bit for each: for each step, through which of them leads all that leads from
    // the entry to it, or from it to an end.
    using Bits = uint64_t;
    static constexpr size_t batch = 64;
    std::vector<Bits> reached_only(std::span<const Steps* const> through) const {
        std::vector<Bits> blocked(code_.size(), 0);
        for (size_t set = 0; set < through.size(); ++set)
            for (uint32_t step : *through[set])
                blocked[step] |= Bits{1} << set;
        std::vector<Bits> result = reach(entries_, next_, blocked);
        const std::vector<Bits> backwards = reach(ends_, previous_, blocked);
        for (size_t step = 0; step < result.size(); ++step)
            result[step] = ~(result[step] & backwards[step]);
        return result;
    }

private:
    struct Part {
        uint32_t piece;
        uint32_t begin, end; // of its steps
    };

    void add(uint32_t piece) {
        const Instructions code = read_instructions(unit_, unit_.piece(piece));
        parts_.push_back({piece, size(), size() + static_cast<uint32_t>(code.size())});
        code_.insert(code_.end(), code.begin(), code.end());
    }

    std::span<const elf::Relocation> relocations(const Part& part, uint32_t step) const {
        return unit_.relocations(unit_.piece(part.piece).section, code_[step].offset,
                                 code_[step].offset + code_[step].size);
    }

    const Part& part_of(uint32_t step) const {
        return *std::ranges::find_if(parts_, [&](const Part& it) { return step < it.end; });
    }

    // What `branch` decides about getting to `first`, one of the steps behind it.
    std::optional<Guard> guard_by(uint32_t branch, uint32_t first, const Namer& namer) const {
        if (code_[branch].is_call)
            return std::nullopt;
        Guard guard{arch::condition_of(code_[branch]), {}, {}};
        guard.condition.is_contrary = guard.condition.is_contrary != (first != branch + 1);
        const std::optional<uint32_t> comparison = comparison_of(branch);
        if (comparison)
            guard.comparison = Kind(code_[*comparison].opcode,
                                    {code_[*comparison].immediates.begin(), code_[*comparison].immediates.end()});
        for (uint32_t before : straight_back(comparison.value_or(branch))) {
            if (!code_[before].is_call)
                continue;
            for (const elf::Relocation& relocation : relocations(part_of(before), before))
                if (!unit_.machine().is_profiling_call(unit_.object().symbol(relocation.symbol).name))
                    guard.call = namer.name(unit_.reference(unit_.piece(part_of(before).piece).section, relocation));
            break;
        }
        return guard;
    }

    // The comparison that a branch may go by. Several branches may go by one: `if (x == 0) ...; if (x < 0) ...`.
    std::optional<uint32_t> comparison_of(uint32_t branch) const {
        constexpr unsigned enough = 8; // branches that go by one comparison
        uint32_t step = branch;
        for (unsigned count = 0; count < enough; ++count) {
            for (uint32_t before : straight_back(step)) {
                // One that jumps as well is the condition itself.
                if (code_[before].is_compare && !code_[before].is_branch)
                    return before;
                if (code_[before].is_call)
                    return std::nullopt;
                step = before;
            }
            // All that stands between is other branches.
            const bool goes_on = code_[step].is_branch && !code_[step].is_call && previous_[step].size() == 1 &&
                                 code_[previous_[step].front()].is_branch;
            if (!goes_on)
                return std::nullopt;
            step = previous_[step].front();
        }
        return std::nullopt;
    }

    // The step and those before it, as long as there is one way only.
    Steps straight_back(uint32_t step) const {
        Steps steps{step};
        while (previous_[steps.back()].size() == 1 && next_[previous_[steps.back()].front()].size() == 1)
            steps.push_back(previous_[steps.back()].front());
        return steps;
    }

    void join(uint32_t from, uint32_t to) {
        next_[from].push_back(to);
        previous_[to].push_back(from);
    }

    void connect(const Part& part, uint32_t step) {
        const Instruction& it = code_[step];
        if (!it.ends_flow && !it.is_return && step + 1 < part.end)
            join(step, step + 1);
        if (!it.is_branch || it.is_call)
            return;
        const auto references = relocations(part, step);
        if (references.empty() && it.branch_target)
            join_place(step, unit_.piece(part.piece).section, *it.branch_target);
        for (const elf::Relocation& relocation : references) {
            const Reference target = unit_.reference(unit_.piece(part.piece).section, relocation);
            if (target.to == Reference::To::piece)
                join_place(step, unit_.piece(target.id).section,
                           static_cast<uint64_t>(static_cast<int64_t>(unit_.piece(target.id).start) + target.offset));
        }
    }

    void join_place(uint32_t step, uint32_t section, uint64_t offset) {
        for (const Part& part : parts_) {
            const Piece& piece = unit_.piece(part.piece);
            if (piece.section != section || offset < piece.start || offset >= piece.end)
                continue;
            const auto begin = code_.begin() + part.begin, end = code_.begin() + part.end;
            const auto at = std::lower_bound(begin, end, offset,
                                             [](const Instruction& it, uint64_t wanted) { return it.offset < wanted; });
            if (at != end && at->offset == offset)
                join(step, static_cast<uint32_t>(at - code_.begin()));
        }
    }

    // Nobody goes through what fills the room before the target of a jump.
    void leave_padding_out() {
        for (uint32_t step = 0; step + 1 < size(); ++step) {
            if (!previous_[step].empty() || step == 0 || !unit_.machine().is_padding(code_[step]))
                continue;
            next_[step].clear();
            std::erase(previous_[step + 1], step);
        }
    }

    // What only a table of labels, an exception or a static key leads to is an entry as well.
    void find_ends() {
        for (uint32_t step = 0; step < size(); ++step) {
            if (step == 0 || previous_[step].empty())
                entries_.push_back(step);
            if (next_[step].empty())
                ends_.push_back(step);
        }
    }

    // For each step, in which of the worlds one gets there; in each of them other steps are blocked.
    static std::vector<Bits> reach(const Steps& from, const std::vector<Steps>& ways,
                                   const std::vector<Bits>& blocked) {
        std::vector<Bits> seen(ways.size(), 0), coming(ways.size(), 0);
        for (uint32_t step : from)
            coming[step] = ~Bits{0};
        Steps open = from;
        while (!open.empty()) {
            const uint32_t step = open.back();
            open.pop_back();
            const Bits fresh = coming[step] & ~blocked[step] & ~seen[step];
            coming[step] = 0;
            seen[step] |= fresh;
            for (uint32_t next : ways[step])
                if ((fresh & ~seen[next] & ~blocked[next]) != 0) {
                    coming[next] |= fresh;
                    open.push_back(next);
                }
        }
        return seen;
    }

    const Unit& unit_;
    std::vector<Part> parts_;
    Instructions code_;
    std::vector<Steps> next_, previous_;
    Steps entries_, ends_;
};

// Of one function.
struct Company {
    std::map<Event, uint32_t> of_event;         // the variable that it accompanies, or `none`; if it is there once
    std::map<uint32_t, std::set<Guard>> guards; // of a variable; those without one at a use are left out
};

// Many variables are looked at in one walk through the code: functions with hundreds of them have long code.
void add_events(const Flow& flow, const std::map<uint32_t, Steps>& uses, const std::map<Event, Steps>& events,
                Company& company) {
    for (auto next = uses.begin(); next != uses.end();) {
        std::vector<uint32_t> variables;
        std::vector<const Steps*> through;
        for (; next != uses.end() && variables.size() < Flow::batch; ++next) {
            variables.push_back(next->first);
            through.push_back(&next->second);
        }
        const std::vector<Flow::Bits> only = flow.reached_only(through);
        const Flow::Bits all = ~Flow::Bits{0} >> (Flow::batch - variables.size());
        for (const auto& [event, at] : events) {
            const Flow::Bits owners = at.size() == 1 ? only[at.front()] & all : 0;
            if (owners == 0)
                continue;
            const bool is_first = std::has_single_bit(owners) && !company.of_event.contains(event);
            company.of_event[event] = is_first ? variables[static_cast<size_t>(std::countr_zero(owners))] : none;
        }
    }
}

Company company_of(const Flow& flow, const Namer& namer, const std::vector<uint32_t>& variables) {
    std::map<uint32_t, Steps> uses;
    std::map<Event, Steps> events;
    const std::set<uint32_t> wanted(variables.begin(), variables.end());
    flow.visit_references([&](uint32_t step, const Reference& reference) {
        if (reference.to == Reference::To::piece && wanted.contains(reference.id))
            uses[reference.id].push_back(step);
        else if (const auto event = namer.name(reference))
            events[*event].push_back(step);
    });
    Company company;
    add_events(flow, uses, events, company);
    for (const auto& [variable, steps] : uses) {
        std::set<Guard> guards;
        const bool has_all = std::ranges::all_of(steps, [&](uint32_t step) {
            const std::optional<Guard> guard = flow.guard_of(step, namer);
            if (guard)
                guards.insert(*guard);
            return guard.has_value();
        });
        if (has_all)
            company.guards.emplace(variable, std::move(guards));
    }
    return company;
}

} // namespace

std::set<std::pair<uint32_t, uint32_t>>
pair_by_companions(const Unit& original, uint32_t original_function, const Unit& patched, uint32_t patched_function,
                   const Correlation& known, const std::vector<uint32_t>& before, const std::vector<uint32_t>& after) {
    const Company then = company_of(Flow(original, original_function), Namer(original, nullptr), before);
    const Company now = company_of(Flow(patched, patched_function), Namer(patched, &known.to_original), after);
    const auto is_guarded_alike = [&](uint32_t a, uint32_t b) {
        const auto p = then.guards.find(a), q = now.guards.find(b);
        return p != then.guards.end() && q != now.guards.end() && p->second == q->second;
    };
    std::set<std::pair<uint32_t, uint32_t>> pairs;
    for (const auto& [event, variable] : then.of_event)
        if (const auto found = now.of_event.find(event);
            found != now.of_event.end() && variable != none && found->second != none)
            pairs.emplace(variable, found->second);
    std::map<uint32_t, unsigned> of_original, of_patched;
    for (auto [a, b] : pairs) {
        ++of_original[a];
        ++of_patched[b];
    }
    std::erase_if(pairs, [&](const auto& it) {
        return of_original[it.first] > 1 || of_patched[it.second] > 1 || !is_guarded_alike(it.first, it.second);
    });
    return pairs;
}

} // namespace klp::diff
