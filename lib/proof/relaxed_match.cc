#include "proof/relaxed_match.h"

#include "arch/machine.h"
#include "elf/addend.h"

#include <algorithm>

namespace klp::proof {

namespace {

class Matcher {
public:
    Matcher(const elf::Object& unit, const elf::Symbol& function, std::span<const arch::CodeRange> rewritten,
            elf::Bytes image)
        : unit_(unit), machine_(arch::Machine::of(unit)), function_(function), rewritten_(rewritten), image_(image),
          section_(unit.section(function.section).data),
          ours_(machine_.disassemble({section_, function.value, function.value + function.size}, false)),
          theirs_(machine_.disassemble({image, 0, image.size()}, false)) {}
    std::optional<RelaxedMatch> run();

private:
    // A pair of instructions by their numbers on the two sides.
    struct Step {
        size_t ours = 0, theirs = 0;
    };
    const arch::CodeRange* rewritten_at(uint64_t offset) const;
    bool pass_rewritten(const arch::CodeRange& range, Step& at);
    bool pair(Step at);
    bool same_bytes(const arch::Instruction& ours, const arch::Instruction& theirs) const;
    std::span<const elf::Relocation> relocations_of(const arch::Instruction& instruction) const;
    bool jumps_agree() const;
    size_t next_at(uint64_t offset, uint64_t RelaxedMatch::Pair::* side) const;

    const elf::Object& unit_;
    const arch::Machine& machine_;
    const elf::Symbol& function_;
    std::span<const arch::CodeRange> rewritten_;
    elf::Bytes image_, section_;
    std::vector<arch::Instruction> ours_, theirs_;
    std::vector<std::pair<uint64_t, uint64_t>> inner_; // targets of jumps within the function: the unit's, the image's
    RelaxedMatch result_;
};

const arch::CodeRange* Matcher::rewritten_at(uint64_t offset) const {
    auto found = std::ranges::lower_bound(rewritten_, arch::CodeRange{function_.section, offset, 0});
    bool is_here = found != rewritten_.end() && found->section == function_.section && found->offset == offset;
    return is_here ? &*found : nullptr;
}

// The build puts other instructions there, but as many bytes of them.
bool Matcher::pass_rewritten(const arch::CodeRange& range, Step& at) {
    const uint64_t our_end = range.offset + range.size;
    while (at.ours < ours_.size() && ours_[at.ours].offset < our_end)
        ++at.ours;
    if (at.theirs == theirs_.size())
        return false;
    const uint64_t their_end = theirs_[at.theirs].offset + range.size;
    result_.instructions.push_back(
        {range.offset - function_.value, theirs_[at.theirs].offset, static_cast<uint32_t>(range.size)});
    while (at.theirs < theirs_.size() && theirs_[at.theirs].offset < their_end)
        ++at.theirs;
    auto begins_at = [](const std::vector<arch::Instruction>& list, size_t index, uint64_t offset) {
        return index < list.size() ? list[index].offset == offset
                                   : !list.empty() && list.back().offset + list.back().size == offset;
    };
    return begins_at(ours_, at.ours, our_end) && begins_at(theirs_, at.theirs, their_end);
}

// An instruction may have two: `movq $thing, slot(%rip)`.
std::span<const elf::Relocation> Matcher::relocations_of(const arch::Instruction& instruction) const {
    std::span<const elf::Relocation> relocations = unit_.relocations(function_.section);
    auto first = std::ranges::lower_bound(relocations, instruction.offset, {}, &elf::Relocation::offset);
    auto end =
        std::ranges::lower_bound(relocations, instruction.offset + instruction.size, {}, &elf::Relocation::offset);
    return {first, end};
}

bool Matcher::same_bytes(const arch::Instruction& ours, const arch::Instruction& theirs) const {
    if (ours.size != theirs.size)
        return false;
    elf::Bytes a = section_.subspan(ours.offset, ours.size);
    elf::Bytes b = image_.subspan(theirs.offset, theirs.size);
    uint64_t done = 0; // compared, or part of a relocated field, up to here
    for (const elf::Relocation& relocation : relocations_of(ours)) {
        std::optional<arch::Field> field = arch::relocated_field(unit_.machine(), relocation.type);
        if (!field)
            continue;
        const uint64_t from = std::max(relocation.offset - ours.offset, done);
        if (!std::ranges::equal(a.subspan(done, from - done), b.subspan(done, from - done)))
            return false;
        done = std::min<uint64_t>(std::max(from, relocation.offset - ours.offset + field->width), ours.size);
    }
    return std::ranges::equal(a.subspan(done), b.subspan(done));
}

bool Matcher::pair(Step at) {
    const arch::Instruction& ours = ours_[at.ours];
    const arch::Instruction& theirs = theirs_[at.theirs];
    if (!ours.is_valid || !theirs.is_valid)
        return false;
    const bool has_equal_size = ours.size == theirs.size;
    result_.instructions.push_back(
        {ours.offset - function_.value, theirs.offset, has_equal_size ? ours.size : uint32_t{0}});
    std::span<const elf::Relocation> relocations = relocations_of(ours);
    const bool are_jumps = ours.branch_target && theirs.branch_target && machine_.is_same_jump(ours, theirs);
    if (are_jumps && relocations.empty()) {
        inner_.emplace_back(*ours.branch_target, *theirs.branch_target);
        return true;
    }
    if (are_jumps && !has_equal_size) {
        const elf::Relocation& relocation = relocations.front();
        const int64_t distance = elf::sum(relocation.addend, machine_.usual_bias(relocation.type));
        result_.jumps.push_back(
            {relocation.symbol, elf::difference(static_cast<int64_t>(*theirs.branch_target), distance)});
        return true;
    }
    return same_bytes(ours, theirs);
}

// The number of the pair, or of the range that the build rewrites, that a jump to there comes to: padding, which has
// neither, is run through.
size_t Matcher::next_at(uint64_t offset, uint64_t RelaxedMatch::Pair::* side) const {
    return static_cast<size_t>(std::ranges::lower_bound(result_.instructions, offset, {}, side) -
                               result_.instructions.begin());
}

bool Matcher::jumps_agree() const {
    auto begins_at = [](const std::vector<arch::Instruction>& list, uint64_t offset) {
        return std::ranges::binary_search(list, offset, {}, &arch::Instruction::offset);
    };
    return std::ranges::all_of(inner_, [&](const auto& targets) {
        return begins_at(ours_, targets.first) && begins_at(theirs_, targets.second) &&
               next_at(targets.first - function_.value, &RelaxedMatch::Pair::ours) ==
                   next_at(targets.second, &RelaxedMatch::Pair::theirs);
    });
}

std::optional<RelaxedMatch> Matcher::run() {
    auto is_padding = [&](const std::vector<arch::Instruction>& list, size_t index) {
        return index < list.size() && machine_.is_padding(list[index]);
    };
    Step at;
    for (;;) {
        while (is_padding(ours_, at.ours) && !rewritten_at(ours_[at.ours].offset))
            ++at.ours;
        if (at.ours < ours_.size())
            if (const arch::CodeRange* range = rewritten_at(ours_[at.ours].offset)) {
                if (!pass_rewritten(*range, at))
                    return std::nullopt;
                continue;
            }
        while (is_padding(theirs_, at.theirs))
            ++at.theirs;
        if (at.ours == ours_.size() || at.theirs == theirs_.size())
            break;
        if (!pair(at))
            return std::nullopt;
        ++at.ours;
        ++at.theirs;
    }
    if (at.ours != ours_.size() || at.theirs != theirs_.size() || !jumps_agree())
        return std::nullopt;
    return std::move(result_);
}

} // namespace

std::optional<uint64_t> RelaxedMatch::theirs(uint64_t ours) const {
    auto after = std::ranges::upper_bound(instructions, ours, {}, &Pair::ours);
    if (after == instructions.begin())
        return std::nullopt;
    const Pair& pair = *std::prev(after);
    if (ours - pair.ours >= pair.size)
        return std::nullopt;
    return pair.theirs + (ours - pair.ours);
}

std::optional<RelaxedMatch> match_relaxed(const elf::Object& unit, const elf::Symbol& function,
                                          std::span<const arch::CodeRange> rewritten, elf::Bytes image) {
    return Matcher(unit, function, rewritten, image).run();
}

} // namespace klp::proof
