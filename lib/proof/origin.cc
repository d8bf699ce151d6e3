#include "proof/origin.h"

#include "proof/relaxed_match.h"

#include <fmt/format.h>

#include <algorithm>
#include <elf.h>
#include <map>

namespace klp::proof {

size_t UnitOrigin::count(OriginStatus status) const {
    return static_cast<size_t>(std::ranges::count(functions, status, &FunctionOrigin::status));
}

const FunctionOrigin* UnitOrigin::find(uint32_t symbol) const {
    auto found = std::ranges::find(functions, symbol, &FunctionOrigin::symbol);
    return found == functions.end() ? nullptr : &*found;
}

namespace {

// The unit's sections and symbols, in the order in which the image gives their places away: functions that are unique
// first, then what they refer to, then what that refers to.
class Prover {
public:
    Prover(const elf::Object& unit, const Image& image)
        : unit_(unit), image_(image), rewritten_(arch::rewritten_code(unit)) {}
    UnitOrigin run();

private:
    void collect_functions();
    void prove_pending();
    std::vector<arch::CodeRange> holes(const elf::Symbol& symbol, std::vector<uint64_t>& relocated) const;
    bool is_rewritten(uint32_t section, uint64_t offset) const;
    bool matches(const elf::Symbol& symbol, Location location) const;
    std::vector<Location> matching_places(const elf::Symbol& symbol) const;
    std::vector<Location> relaxed_places(const elf::Symbol& symbol);
    bool matches_relaxed(const elf::Symbol& symbol, Location location, uint64_t size);
    OriginStatus status_of_absent(const elf::Symbol& symbol) const;
    void accept(FunctionOrigin& function, Location location);
    void learn(const elf::Symbol& symbol, Reference reference);
    void learn_section(uint32_t section, Location start);
    // `place_of` says where in the image an offset of the section is, if anywhere.
    template <typename PlaceOf>
    void learn_from_relocations(const elf::Section& section, uint64_t from, uint64_t to, PlaceOf place_of);
    void learn_relaxed(const elf::Symbol& symbol, Location location, const RelaxedMatch& match);
    void follow_data();

    const elf::Object& unit_;
    const Image& image_;
    std::vector<arch::CodeRange> rewritten_;
    UnitOrigin origin_;
    std::unordered_map<uint32_t, Location> section_start_; // unit's section -> place of its offset 0
    std::vector<uint32_t> data_to_follow_;
    std::map<std::pair<uint32_t, Location>, RelaxedMatch> relaxed_; // by function and place
};

bool is_function_of_interest(const elf::Object& unit, const elf::Symbol& symbol) {
    const elf::Section* section = unit.section_of(symbol);
    if (!symbol.is_function() || symbol.size == 0 || !section || !section->is_code() || section->data.empty())
        return false;
    if (symbol.value > section->data.size() || symbol.size > section->data.size() - symbol.value)
        return false;
    return section->name.starts_with(".text") || section->name.starts_with(".noinstr") ||
           section->name.starts_with(".sched") || section->name.starts_with(".cpuidle") ||
           section->name.starts_with(".spinlock") || section->name.starts_with(".kprobes");
}

UnitOrigin Prover::run() {
    collect_functions();
    // Each round may tell same-named functions apart by what the last one learnt; it ends when a round adds nothing.
    size_t proven = 0;
    do {
        proven = origin_.count(OriginStatus::proven);
        prove_pending();
        follow_data();
    } while (origin_.count(OriginStatus::proven) != proven);
    origin_.symbols.reserve(origin_.symbols.size() + section_start_.size());
    return std::move(origin_);
}

void Prover::collect_functions() {
    for (const elf::Symbol& symbol : unit_.symbols())
        if (is_function_of_interest(unit_, symbol))
            origin_.functions.push_back({symbol.index, OriginStatus::ambiguous, 0});
}

void Prover::prove_pending() {
    for (FunctionOrigin& function : origin_.functions) {
        if (function.status != OriginStatus::ambiguous)
            continue;
        const elf::Symbol& symbol = unit_.symbol(function.symbol);
        std::vector<Location> places = matching_places(symbol);
        if (places.empty())
            places = relaxed_places(symbol);
        if (auto start = section_start_.find(symbol.section); start != section_start_.end())
            std::erase_if(places, [&](Location place) { return place != start->second + symbol.value; });
        if (places.size() == 1)
            accept(function, places.front());
        else if (places.empty())
            function.status = status_of_absent(symbol);
    }
}

OriginStatus Prover::status_of_absent(const elf::Symbol& symbol) const {
    if (image_.symbols().find(symbol.name).empty())
        return OriginStatus::missing;
    return symbol.is_weak() ? OriginStatus::overridden : OriginStatus::different;
}

std::vector<Location> Prover::matching_places(const elf::Symbol& symbol) const {
    std::vector<Location> places;
    for (uint32_t index : image_.symbols().find(symbol.name)) {
        const symbols::KernelSymbol& candidate = image_.symbols().symbols()[index];
        Location place = image_.location(candidate);
        if ((candidate.size == 0 || candidate.size == symbol.size) && matches(symbol, place) &&
            std::ranges::find(places, place) == places.end())
            places.push_back(place);
    }
    return places;
}

std::vector<Location> Prover::relaxed_places(const elf::Symbol& symbol) {
    std::vector<Location> places;
    for (uint32_t index : image_.symbols().find(symbol.name)) {
        const symbols::KernelSymbol& candidate = image_.symbols().symbols()[index];
        Location place = image_.location(candidate);
        if (candidate.size != 0 && std::ranges::find(places, place) == places.end() &&
            matches_relaxed(symbol, place, candidate.size))
            places.push_back(place);
    }
    return places;
}

bool Prover::matches_relaxed(const elf::Symbol& symbol, Location location, uint64_t size) {
    elf::Bytes theirs = image_.bytes(location, size);
    if (theirs.empty())
        return false;
    std::optional<RelaxedMatch> match = match_relaxed(unit_, symbol, rewritten_, theirs);
    if (!match)
        return false;
    std::vector<uint64_t> ours, relocated;
    holes(symbol, ours);
    for (uint64_t offset : ours)
        if (std::optional<uint64_t> place = match->theirs(offset))
            relocated.push_back(*place);
    if (image_.has_other_relocations(location, size, relocated))
        return false;
    relaxed_.insert_or_assign({symbol.index, location}, std::move(*match));
    return true;
}

bool Prover::matches(const elf::Symbol& symbol, Location location) const {
    const elf::Section& section = unit_.section(symbol.section);
    elf::Bytes ours = section.data.subspan(symbol.value, symbol.size);
    elf::Bytes theirs = image_.bytes(location, symbol.size);
    if (theirs.size() != ours.size())
        return false;
    std::vector<uint64_t> relocated;
    uint64_t done = 0; // compared, or passed over, up to here
    for (const arch::CodeRange& hole : holes(symbol, relocated)) {
        uint64_t length = hole.offset > done ? hole.offset - done : 0;
        if (!std::ranges::equal(ours.subspan(done, length), theirs.subspan(done, length)))
            return false;
        done = std::min<uint64_t>(std::max(done, hole.offset + hole.size), ours.size());
    }
    return std::ranges::equal(ours.subspan(done), theirs.subspan(done)) &&
           !image_.has_other_relocations(location, symbol.size, relocated);
}

// What must not be compared of a function: the fields of its relocations, whose offsets go to `relocated`, and the code
// that the build rewrites. Offsets count from the function's start; sorted.
std::vector<arch::CodeRange> Prover::holes(const elf::Symbol& symbol, std::vector<uint64_t>& relocated) const {
    std::vector<arch::CodeRange> holes;
    auto add = [&](uint64_t offset, uint64_t size) {
        if (offset >= symbol.value)
            holes.push_back({symbol.section, offset - symbol.value, size});
    };
    const uint64_t end = symbol.value + symbol.size;
    std::span<const elf::Relocation> relocations = unit_.relocations(symbol.section);
    auto at = std::ranges::lower_bound(relocations, symbol.value, {}, &elf::Relocation::offset);
    for (; at != relocations.end() && at->offset < end; ++at) {
        std::optional<arch::Field> field = arch::relocated_field(unit_.machine(), at->type);
        if (!field)
            continue;
        add(at->offset, field->width);
        relocated.push_back(at->offset - symbol.value);
    }
    auto rewritten = std::ranges::lower_bound(rewritten_, arch::CodeRange{symbol.section, symbol.value, 0});
    for (; rewritten != rewritten_.end() && rewritten->section == symbol.section && rewritten->offset < end;
         ++rewritten)
        add(rewritten->offset, rewritten->size);
    std::ranges::sort(holes);
    return holes;
}

bool Prover::is_rewritten(uint32_t section, uint64_t offset) const {
    auto after = std::ranges::upper_bound(rewritten_, arch::CodeRange{section, offset, UINT64_MAX});
    if (after == rewritten_.begin())
        return false;
    const arch::CodeRange& range = *std::prev(after);
    return range.section == section && offset < range.offset + range.size;
}

void Prover::accept(FunctionOrigin& function, Location location) {
    const elf::Symbol& symbol = unit_.symbol(function.symbol);
    function.status = OriginStatus::proven;
    function.location = location;
    if (auto relaxed = relaxed_.find({symbol.index, location}); relaxed != relaxed_.end())
        return learn_relaxed(symbol, location, relaxed->second);
    learn(symbol, {location, {}, 0});
    learn_from_relocations(unit_.section(symbol.section), symbol.value, symbol.value + symbol.size,
                           [&](uint64_t offset) { return std::optional(location + (offset - symbol.value)); });
}

// Offsets in the section say nothing here of what else is in it.
void Prover::learn_relaxed(const elf::Symbol& symbol, Location location, const RelaxedMatch& match) {
    origin_.symbols.emplace(symbol.index, Reference{location, {}, 0});
    for (const RelaxedMatch::Jump& jump : match.jumps)
        learn(unit_.symbol(jump.symbol), {location + static_cast<uint64_t>(jump.place), {}, 0});
    learn_from_relocations(unit_.section(symbol.section), symbol.value, symbol.value + symbol.size,
                           [&](uint64_t offset) -> std::optional<Location> {
                               std::optional<uint64_t> theirs = match.theirs(offset - symbol.value);
                               return theirs ? std::optional(location + *theirs) : std::nullopt;
                           });
}

void Prover::learn(const elf::Symbol& symbol, Reference reference) {
    if (symbol.index == 0 || (symbol.is_undefined() && symbol.name.empty()))
        return;
    if (!origin_.symbols.emplace(symbol.index, reference).second)
        return;
    if (symbol.place == elf::Place::section && reference.location)
        learn_section(symbol.section, *reference.location - symbol.value);
}

void Prover::learn_section(uint32_t section, Location start) {
    // Merged strings and constants have no place of their own in the image: the linker moves each entry by itself.
    if (unit_.section(section).flags & SHF_MERGE)
        return;
    // A code section that holds several functions may be laid out differently only if it was never in the image.
    if (!section_start_.emplace(section, start).second)
        return;
    if (!unit_.section(section).is_code())
        data_to_follow_.push_back(section);
}

template <typename PlaceOf>
void Prover::learn_from_relocations(const elf::Section& section, uint64_t from, uint64_t to, PlaceOf place_of) {
    std::span<const elf::Relocation> relocations = unit_.relocations(section.index);
    auto at = std::ranges::lower_bound(relocations, from, {}, &elf::Relocation::offset);
    for (; at != relocations.end() && at->offset < to; ++at) {
        std::optional<arch::Field> field = arch::relocated_field(unit_.machine(), at->type);
        const elf::Symbol& symbol = unit_.symbol(at->symbol);
        if (!field || is_rewritten(section.index, at->offset))
            continue;
        std::optional<Location> place = place_of(at->offset);
        if (!place)
            continue;
        if (std::optional<Reference> reference = image_.reference(*place, *field, at->addend))
            learn(symbol, *reference);
    }
}

// Static data gives away the functions that nobody calls by name: operation tables and the like.
void Prover::follow_data() {
    while (!data_to_follow_.empty()) {
        uint32_t index = data_to_follow_.back();
        data_to_follow_.pop_back();
        const elf::Section& section = unit_.section(index);
        if (section.is_allocated() && !section.data.empty() &&
            !image_.bytes(section_start_[index], section.size).empty())
            learn_from_relocations(section, 0, section.size, [start = section_start_[index]](uint64_t offset) {
                return std::optional(start + offset);
            });
    }
    // A section's place is that of every symbol in it, whether or not anything refers to the symbol by name.
    for (const elf::Symbol& symbol : unit_.symbols())
        if (symbol.place == elf::Place::section && !symbol.is_section())
            if (auto start = section_start_.find(symbol.section); start != section_start_.end())
                origin_.symbols.emplace(symbol.index, Reference{start->second + symbol.value, {}, 0});
}

} // namespace

UnitOrigin prove_origin(const elf::Object& unit, const Image& image) {
    return Prover(unit, image).run();
}

OriginResolver::OriginResolver(const UnitOrigin& origin, const elf::Object& unit, const Image& owner,
                               const Image& vmlinux, const symbols::Exports& exports)
    : origin_(origin), owner_(owner), vmlinux_(vmlinux), exports_(exports) {
    for (const elf::Symbol& symbol : unit.symbols())
        if (symbol.is_undefined() && !symbol.name.empty())
            undefined_.emplace(symbol.name, symbol.index);
}

const Reference* OriginResolver::known(uint32_t symbol) const {
    auto found = origin_.symbols.find(symbol);
    return found == origin_.symbols.end() ? nullptr : &found->second;
}

namespace {

using symbols::Resolution;

Resolution livepatch_symbol(const Image& image, const symbols::KernelSymbol& symbol, bool is_proven) {
    Resolution result;
    result.kind = Resolution::Kind::livepatch;
    result.object = image.object();
    result.sympos = image.symbols().sympos(symbol);
    result.is_global = symbol.global && !image.is_module();
    result.is_proven = is_proven;
    return result;
}

Resolution imported_symbol(const symbols::Export& entry) {
    Resolution result;
    result.kind = Resolution::Kind::imported;
    result.object = entry.module;
    result.name_space = entry.name_space;
    result.is_global = true;
    return result;
}

// By name alone: the symbols of `image` that `wanted` accepts; one is an answer, several are a question.
template <typename Wanted>
Resolution by_name(const Image& image, std::string_view name, Wanted wanted) {
    std::vector<const symbols::KernelSymbol*> found;
    for (uint32_t index : image.symbols().find(name))
        if (wanted(image.symbols().symbols()[index]))
            found.push_back(&image.symbols().symbols()[index]);
    if (found.size() == 1)
        return livepatch_symbol(image, *found.front(), false);
    Resolution result;
    if (found.empty())
        return result;
    result.kind = Resolution::Kind::ambiguous;
    for (const symbols::KernelSymbol* symbol : found)
        result.candidates.push_back(fmt::format("{} {},{} at {:#x} ({})", image.object(), name,
                                                image.symbols().sympos(*symbol), symbol->address,
                                                image.symbols().file_of(*symbol)));
    return result;
}

} // namespace

Resolution OriginResolver::find_defined(const elf::Symbol& original) const {
    if (const Reference* reference = known(original.index); reference && reference->location)
        if (const symbols::KernelSymbol* symbol = owner_.symbol_at(*reference->location, original.name))
            return livepatch_symbol(owner_, *symbol, true);
    return by_name(owner_, original.name,
                   [&](const symbols::KernelSymbol& symbol) { return symbol.global == !original.is_local(); });
}

Resolution OriginResolver::resolve_defined(const elf::Symbol& original) const {
    Resolution result = find_defined(original);
    const symbols::Export* entry = original.is_local() ? nullptr : exports_.find(original.name);
    // What the patched module exports itself is still its own: a dependency would make it load before its own patch.
    if (entry && entry->module == "vmlinux" && !owner_.is_module()) {
        result.kind = Resolution::Kind::imported;
        result.name_space = entry->name_space;
    }
    return result;
}

Resolution OriginResolver::resolve_undefined(std::string_view name) const {
    const symbols::Export* entry = exports_.find(name);
    if (entry && entry->module == "vmlinux")
        return imported_symbol(*entry);
    if (auto unit_symbol = undefined_.find(name); unit_symbol != undefined_.end() && !owner_.is_module())
        if (const Reference* reference = known(unit_symbol->second); reference && reference->location)
            if (const symbols::KernelSymbol* symbol = vmlinux_.symbol_at(*reference->location, name))
                return livepatch_symbol(vmlinux_, *symbol, true);
    auto is_global = [](const symbols::KernelSymbol& symbol) { return symbol.global; };
    if (owner_.is_module())
        if (Resolution own = by_name(owner_, name, is_global); own.kind != Resolution::Kind::absent)
            return own;
    if (entry) {
        // Another module's export: that module need not be loaded when the patch is, so it is no dependency.
        Resolution result;
        result.kind = Resolution::Kind::livepatch;
        result.object = entry->module;
        return result;
    }
    return by_name(vmlinux_, name, is_global);
}

} // namespace klp::proof
