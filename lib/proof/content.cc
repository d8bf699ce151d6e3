#include "proof/content.h"

#include "arch/machine.h"

#include <algorithm>
#include <elf.h>
#include <string_view>

namespace klp::proof {

namespace {

// A source file's name, as __FILE__ has it, depends on the folder in which the compiler was called: one path may go on
// further to the left than the other.
bool is_same_source_file(std::string_view one, std::string_view other) {
    auto name_of = [](std::string_view path) { return path.substr(path.rfind('/') + 1); };
    std::string_view name = name_of(one);
    bool is_path = one.find('/') != one.npos || other.find('/') != other.npos;
    bool is_source = name.size() > 2 && (name.ends_with(".c") || name.ends_with(".h"));
    return is_path && is_source && name == name_of(other);
}

// The length of the string at `offset`, its end included, in characters of `width` bytes; up to the end of the section
// where it has none.
uint64_t string_size(elf::Bytes section, uint64_t offset, uint64_t width) {
    uint64_t end = offset;
    while (width <= section.size() - end) {
        bool is_end = std::ranges::all_of(section.subspan(end, width), [](std::byte b) { return b == std::byte{0}; });
        end += width;
        if (is_end)
            return end - offset;
    }
    return section.size() - offset;
}

} // namespace

Content::Content(const elf::Object& unit) : unit_(unit), rewritten_(arch::rewritten_code(unit)) {}

bool Content::is_at(const Image& image, const Part& part, Location location) const {
    const elf::Section& section = unit_.section(part.section);
    elf::Bytes ours = section.data.subspan(part.from, part.to - part.from);
    elf::Bytes theirs = image.bytes(location, ours.size());
    if (theirs.size() != ours.size())
        return false;
    std::vector<uint64_t> relocated;
    uint64_t done = 0; // compared, or passed over, up to here
    for (const arch::CodeRange& hole : holes(part, relocated)) {
        uint64_t length = hole.offset > done ? hole.offset - done : 0;
        if (!std::ranges::equal(ours.subspan(done, length), theirs.subspan(done, length)))
            return false;
        done = std::min<uint64_t>(std::max(done, hole.offset + hole.size), ours.size());
    }
    return std::ranges::equal(ours.subspan(done), theirs.subspan(done)) &&
           !image.has_other_relocations(location, ours.size(), relocated) &&
           has_same_literals(image, part,
                             [&](uint64_t offset) { return std::optional(location + (offset - part.from)); });
}

std::optional<RelaxedMatch> Content::relaxed_at(const Image& image, const elf::Symbol& function, Location location,
                                                uint64_t size) const {
    elf::Bytes theirs = image.bytes(location, size);
    if (theirs.empty())
        return std::nullopt;
    std::optional<RelaxedMatch> match = match_relaxed(unit_, function, rewritten_, theirs);
    if (!match)
        return std::nullopt;
    const Part part{function.section, function.value, function.value + function.size};
    std::vector<uint64_t> ours, relocated;
    holes(part, ours);
    for (uint64_t offset : ours)
        if (std::optional<uint64_t> place = match->theirs(offset))
            relocated.push_back(*place);
    bool is_same = !image.has_other_relocations(location, size, relocated) &&
                   has_same_literals(image, part, [&](uint64_t offset) -> std::optional<Location> {
                       std::optional<uint64_t> place = match->theirs(offset - function.value);
                       return place ? std::optional(location + *place) : std::nullopt;
                   });
    return is_same ? std::move(match) : std::nullopt;
}

// What must not be compared: the fields of relocations, whose offsets go to `relocated`, and the code that the build
// rewrites. Offsets count from the part's start; sorted.
std::vector<arch::CodeRange> Content::holes(const Part& part, std::vector<uint64_t>& relocated) const {
    std::vector<arch::CodeRange> holes;
    std::span<const elf::Relocation> relocations = unit_.relocations(part.section);
    auto at = std::ranges::lower_bound(relocations, part.from, {}, &elf::Relocation::offset);
    for (; at != relocations.end() && at->offset < part.to; ++at) {
        std::optional<arch::Field> field = arch::relocated_field(unit_.machine(), at->type);
        if (!field)
            continue;
        holes.push_back({part.section, at->offset - part.from, field->width});
        relocated.push_back(at->offset - part.from);
    }
    auto rewritten = std::ranges::lower_bound(rewritten_, arch::CodeRange{part.section, part.from, 0});
    for (; rewritten != rewritten_.end() && rewritten->section == part.section && rewritten->offset < part.to;
         ++rewritten)
        holes.push_back({part.section, rewritten->offset - part.from, rewritten->size});
    std::ranges::sort(holes);
    return holes;
}

bool Content::is_rewritten(uint32_t section, uint64_t offset) const {
    auto after = std::ranges::upper_bound(rewritten_, arch::CodeRange{section, offset, UINT64_MAX});
    if (after == rewritten_.begin())
        return false;
    const arch::CodeRange& range = *std::prev(after);
    return range.section == section && offset < range.offset + range.size;
}

// The link moves each string and constant by itself, so only the reference says where it went.
bool Content::has_same_literals(const Image& image, const Part& part, const PlaceOf& place_of) const {
    const elf::Section& section = unit_.section(part.section);
    const arch::Machine& machine = arch::Machine::of(unit_);
    const std::optional<arch::Code> code =
        section.is_code() ? std::optional(arch::Code{section.data, part.from, part.to}) : std::nullopt;
    std::span<const elf::Relocation> relocations = unit_.relocations(part.section);
    auto at = std::ranges::lower_bound(relocations, part.from, {}, &elf::Relocation::offset);
    for (; at != relocations.end() && at->offset < part.to; ++at) {
        const elf::Symbol& symbol = unit_.symbol(at->symbol);
        const elf::Section* literals = unit_.section_of(symbol);
        std::optional<arch::Field> field = arch::relocated_field(unit_.machine(), at->type);
        if (!literals || !(literals->flags & SHF_MERGE) || !field || is_rewritten(part.section, at->offset))
            continue;
        std::optional<Location> place = place_of(at->offset);
        std::optional<FieldTarget> theirs = place ? image.reference(*place, *field, at->addend) : std::nullopt;
        if (!theirs)
            continue;
        if (!theirs->location)
            return false;
        auto is_same = [&](int64_t bias) {
            const auto distance = static_cast<uint64_t>(at->addend) + static_cast<uint64_t>(bias);
            return is_same_literal(image, *literals, symbol.value + distance, *theirs->location + distance);
        };
        // The look at the instruction is dear, and seldom needed.
        if (!is_same(code ? machine.usual_bias(at->type) : 0) && !is_same(machine.addend_bias(code, *at)))
            return false;
    }
    return true;
}

bool Content::is_same_literal(const Image& image, const elf::Section& literals, uint64_t offset,
                              Location location) const {
    if (offset >= literals.data.size())
        return offset == literals.data.size(); // the end of the last one
    const uint64_t width = std::max<uint64_t>(literals.entry_size, 1);
    if (!literals.is_mergeable_strings()) {
        const uint64_t inner = offset % width;
        const uint64_t size = std::min<uint64_t>(width, literals.data.size() - (offset - inner));
        return std::ranges::equal(literals.data.subspan(offset - inner, size), image.bytes(location - inner, size));
    }
    elf::Bytes ours = literals.data.subspan(offset, string_size(literals.data, offset, width));
    return std::ranges::equal(ours, image.bytes(location, ours.size())) ||
           (width == 1 && is_same_source_file(elf::Object::string_at(literals, offset), image.text(location)));
}

} // namespace klp::proof
