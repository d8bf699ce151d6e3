#include "arch/origins.h"

#include <algorithm>

namespace klp::arch {

OriginFinder::OriginFinder(const Machine& machine, std::span<const Instruction> code,
                           const std::function<bool(const Instruction&)>& leaves)
    : machine_(machine), code_(code), is_away_(code.size()) {
    for (size_t at = 0; at < code.size(); ++at) {
        const Instruction& it = code[at];
        is_away_[at] = it.is_call || leaves(it);
        if (!it.is_branch || is_away_[at])
            continue;
        if (!it.branch_target) {
            indirect_.push_back(at);
            continue;
        }
        const auto target = std::ranges::lower_bound(code, *it.branch_target, {}, &Instruction::offset);
        if (target != code.end() && target->offset == *it.branch_target)
            jumps_.emplace_back(static_cast<size_t>(target - code.begin()), at);
    }
    std::ranges::sort(jumps_);
}

template <typename Visit>
void OriginFinder::for_each_before(size_t at, Visit visit) const {
    const bool begins_block = at > 0 && code_[at - 1].ends_flow;
    if (at > 0 && !begins_block)
        visit(at - 1);
    for (auto jump = std::ranges::lower_bound(jumps_, std::pair(at, size_t{0}));
         jump != jumps_.end() && jump->first == at; ++jump)
        visit(jump->second);
    if (begins_block)
        std::ranges::for_each(indirect_, visit);
}

Origins OriginFinder::of(size_t at, unsigned register_number) const {
    Origins origins;
    const bool survives = machine_.survives_call(machine_.register_name(register_number));
    std::vector<bool> seen(code_.size());
    std::vector<size_t> open{at};
    while (!open.empty()) {
        const size_t here = open.back();
        open.pop_back();
        bool is_reached = here == 0;
        origins.is_from_caller = origins.is_from_caller || here == 0;
        for_each_before(here, [&](size_t before) {
            is_reached = true;
            if (seen[before])
                return;
            seen[before] = true;
            const Instruction& it = code_[before];
            const bool writes = std::ranges::find(it.written_registers, register_number) != it.written_registers.end();
            origins.is_known = origins.is_known && it.is_valid;
            if (is_away_[before] && !survives)
                origins.called_at.push_back(before);
            else if (writes && !is_away_[before])
                origins.written_at.push_back(before);
            else
                open.push_back(before);
        });
        origins.is_known = origins.is_known && is_reached;
    }
    return origins;
}

} // namespace klp::arch
