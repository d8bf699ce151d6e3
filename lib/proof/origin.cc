#include "proof/origin.h"

#include "arch/machine.h"
#include "arch/special_sections.h"
#include "proof/content.h"

#include <algorithm>
#include <elf.h>
#include <set>

namespace klp::proof {

size_t UnitOrigin::count(OriginStatus status) const {
    return static_cast<size_t>(std::ranges::count(functions, status, &FunctionOrigin::status));
}

const FunctionOrigin* UnitOrigin::find(uint32_t symbol) const {
    auto found = std::ranges::lower_bound(functions, symbol, {}, &FunctionOrigin::symbol);
    return found == functions.end() || found->symbol != symbol ? nullptr : &*found;
}

const DataOrigin* UnitOrigin::find_data(uint32_t symbol) const {
    auto found = std::ranges::lower_bound(data, symbol, {}, &DataOrigin::symbol);
    return found == data.end() || found->symbol != symbol ? nullptr : &*found;
}

namespace {

bool is_in_section(const elf::Symbol& symbol, const elf::Section& section) {
    return symbol.size != 0 && symbol.value <= section.data.size() && symbol.size <= section.data.size() - symbol.value;
}

// Code that the image need not hold, because nothing of it is left in a kernel that runs.
bool is_passing(std::string_view section) {
    return arch::is_init(section) || arch::is_exit(section) || section.starts_with(".discard");
}

bool is_merged(const elf::Section& section) {
    return (section.flags & SHF_MERGE) != 0;
}

// Neither the kernel's link, nor the kernel at boot, nor the module loader writes to it.
bool is_constant(const elf::Section& section) {
    return section.is_allocated() && !section.is_writable() && !section.is_code() && !is_merged(section) &&
           !section.data.empty() && !is_passing(section.name) && !arch::is_filled_by_link(section.name) &&
           arch::role_of(section) == arch::Role::data;
}

// The unit's sections and symbols, in the order in which the image gives their places away: functions that are unique
// first, then what they refer to, then what that refers to.
class Prover {
public:
    Prover(const elf::Object& unit, const Image& image)
        : unit_(unit), image_(image), machine_(arch::Machine::of(unit)), content_(unit) {}
    UnitOrigin run();

private:
    void collect_functions();
    void place_globals();
    void prove_pending();
    std::vector<Location> matching_places(const elf::Symbol& symbol);
    bool matches(const elf::Symbol& symbol, const symbols::KernelSymbol& candidate);
    bool is_overridden(const elf::Symbol& symbol) const;
    void accept(FunctionOrigin& function, Location location);
    void learn(const elf::Symbol& symbol, const FieldTarget& reference, uint32_t section);
    void learn_section(const elf::Symbol& symbol, Location start, uint32_t section);
    bool tells_place(const elf::Section& section, const elf::Relocation& relocation) const;
    // Calls `take` with each symbol that relocations in [from, to) of the section refer to and with what the image has
    // there; `place_of` says where in the image an offset of the section is, if anywhere.
    template <typename PlaceOf, typename Take>
    void visit_references(const elf::Section& section, uint64_t from, uint64_t to, PlaceOf place_of, Take take) const;
    // The same for a function that matches at `location`.
    template <typename Take>
    void visit_references(const elf::Symbol& function, Location location, Take take) const;
    bool is_named_so(const elf::Symbol& symbol, const FieldTarget& reference) const;
    bool keeps_names(const elf::Symbol& function, Location location) const;
    void follow_data();
    void place_symbols();
    void check_data();
    void check_names();

    const elf::Object& unit_;
    const Image& image_;
    const arch::Machine& machine_;
    Content content_;
    UnitOrigin origin_;
    std::set<std::pair<uint32_t, uint64_t>> function_starts_;
    std::set<uint32_t> named_sections_;                    // in which something has a name
    std::unordered_map<uint32_t, Location> section_start_; // unit's section -> place of its offset 0
    std::vector<uint32_t> data_to_follow_;
    std::map<std::pair<uint32_t, Location>, RelaxedMatch> relaxed_; // by function and place
    std::set<uint32_t> shifted_;                                    // sections whose code is of another length there
};

UnitOrigin Prover::run() {
    collect_functions();
    if (!arch::has_relocated_fields(unit_.machine())) {
        for (FunctionOrigin& function : origin_.functions)
            function.status = OriginStatus::unreadable;
        return std::move(origin_);
    }
    place_globals();
    // Each round may tell same-named functions apart by what the last one learnt; it ends when a round adds nothing.
    size_t proven = 0;
    do {
        proven = origin_.count(OriginStatus::proven);
        prove_pending();
        follow_data();
    } while (origin_.count(OriginStatus::proven) != proven);
    place_symbols();
    check_data();
    check_names();
    return std::move(origin_);
}

void Prover::collect_functions() {
    for (const elf::Symbol& symbol : unit_.symbols()) {
        const elf::Section* section = unit_.section_of(symbol);
        if (section && !symbol.is_section() && !symbol.name.empty())
            named_sections_.insert(section->index);
        if (!symbol.is_function() || !section || !section->is_code())
            continue;
        if (is_passing(section->name) || !is_in_section(symbol, *section)) {
            ++origin_.not_looked_for[std::string(section->name)];
            continue;
        }
        origin_.functions.push_back({symbol.index, OriginStatus::ambiguous, 0});
        function_starts_.emplace(symbol.section, symbol.value);
    }
}

// The linker takes one strong definition of a name and no more: where the unit is in the image, it is this one's.
void Prover::place_globals() {
    for (const elf::Symbol& symbol : unit_.symbols()) {
        const elf::Section* section = unit_.section_of(symbol);
        if (!section || symbol.type != STT_OBJECT || symbol.is_local() || symbol.is_weak() || is_passing(section->name))
            continue;
        const symbols::KernelSymbol* found = nullptr;
        size_t count = 0;
        for (uint32_t index : image_.symbols().find(symbol.name))
            if (const symbols::KernelSymbol& it = image_.symbols().symbols()[index]; it.global && !it.weak) {
                found = &it;
                ++count;
            }
        if (count == 1)
            learn(symbol, {image_.location(*found), {}, 0}, symbol.section);
    }
}

void Prover::prove_pending() {
    for (FunctionOrigin& function : origin_.functions) {
        if (function.status != OriginStatus::ambiguous)
            continue;
        const elf::Symbol& symbol = unit_.symbol(function.symbol);
        if (is_overridden(symbol)) {
            function.status = OriginStatus::overridden;
            continue;
        }
        std::vector<Location> places = matching_places(symbol);
        if (auto start = section_start_.find(symbol.section); start != section_start_.end())
            std::erase_if(places, [&](Location place) { return place != start->second + symbol.value; });
        if (auto known = origin_.symbols.find(symbol.index); known != origin_.symbols.end())
            std::erase_if(places, [&](Location place) { return known->second.location != place; });
        if (places.size() > 1)
            std::erase_if(places, [&](Location place) { return !keeps_names(symbol, place); });
        if (places.size() == 1)
            accept(function, places.front());
        else if (places.empty())
            function.status =
                image_.symbols().find(symbol.name).empty() ? OriginStatus::missing : OriginStatus::different;
    }
}

// Of a weak function: the image has another unit's, which is not weak, in its place. It may have the same code but for
// what that refers to, so that a comparison would not tell.
bool Prover::is_overridden(const elf::Symbol& symbol) const {
    return symbol.is_weak() && std::ranges::any_of(image_.symbols().find(symbol.name), [&](uint32_t index) {
               const symbols::KernelSymbol& other = image_.symbols().symbols()[index];
               return other.global && !other.weak;
           });
}

std::vector<Location> Prover::matching_places(const elf::Symbol& symbol) {
    std::vector<Location> places;
    for (uint32_t index : image_.symbols().find(symbol.name)) {
        const symbols::KernelSymbol& candidate = image_.symbols().symbols()[index];
        Location place = image_.location(candidate);
        if (std::ranges::find(places, place) == places.end() && matches(symbol, candidate))
            places.push_back(place);
    }
    return places;
}

bool Prover::matches(const elf::Symbol& symbol, const symbols::KernelSymbol& candidate) {
    Location place = image_.location(candidate);
    const bool may_be_equal = candidate.size == 0 || candidate.size == symbol.size;
    if (may_be_equal && content_.is_at(image_, {symbol.section, symbol.value, symbol.value + symbol.size}, place))
        return true;
    if (candidate.size == 0)
        return false;
    std::optional<RelaxedMatch> match = content_.relaxed_at(image_, symbol, place, candidate.size);
    if (!match)
        return false;
    relaxed_.insert_or_assign({symbol.index, place}, std::move(*match));
    return true;
}

void Prover::accept(FunctionOrigin& function, Location location) {
    const elf::Symbol& symbol = unit_.symbol(function.symbol);
    function.status = OriginStatus::proven;
    function.location = location;
    // Offsets in the section say nothing then of what else is in it.
    if (relaxed_.contains({symbol.index, location}))
        shifted_.insert(symbol.section);
    learn(symbol, {location, {}, 0}, symbol.section);
    visit_references(symbol, location, [&](const elf::Symbol& other, const FieldTarget& reference) {
        learn(other, reference, symbol.section);
    });
}

template <typename Take>
void Prover::visit_references(const elf::Symbol& function, Location location, Take take) const {
    const elf::Section& section = unit_.section(function.section);
    const uint64_t end = function.value + function.size;
    const auto relaxed = relaxed_.find({function.index, location});
    if (relaxed == relaxed_.end())
        return visit_references(
            section, function.value, end,
            [&](uint64_t offset) { return std::optional(location + (offset - function.value)); }, take);
    const RelaxedMatch& match = relaxed->second;
    for (const RelaxedMatch::Jump& jump : match.jumps)
        take(unit_.symbol(jump.symbol), {location + static_cast<uint64_t>(jump.place), {}, 0});
    visit_references(
        section, function.value, end,
        [&](uint64_t offset) -> std::optional<Location> {
            std::optional<uint64_t> theirs = match.theirs(offset - function.value);
            return theirs ? std::optional(location + *theirs) : std::nullopt;
        },
        take);
}

// Of several functions of one name some may differ in nothing but what they call: `jmp unlock` and the jump to the
// return thunk that an empty function is.
bool Prover::keeps_names(const elf::Symbol& function, Location location) const {
    bool keeps = true;
    visit_references(function, location, [&](const elf::Symbol& symbol, const FieldTarget& reference) {
        keeps &= is_named_so(symbol, reference);
    });
    return keeps;
}

// `section` is where the reference was read.
void Prover::learn(const elf::Symbol& symbol, const FieldTarget& reference, uint32_t section) {
    if (symbol.index == 0 || (symbol.is_undefined() && symbol.name.empty()))
        return;
    auto [known, is_new] = origin_.symbols.emplace(symbol.index, reference);
    if (!is_new) {
        if (known->second != reference)
            origin_.contradictions.push_back({symbol.index, known->second, reference, section, false});
        return;
    }
    // Another unit's may have taken the place of what is weak here.
    if (symbol.place == elf::Place::section && reference.location && !symbol.is_weak())
        learn_section(symbol, *reference.location - symbol.value, section);
}

void Prover::learn_section(const elf::Symbol& symbol, Location start, uint32_t section) {
    auto [known, is_new] = section_start_.emplace(symbol.section, start);
    if (!is_new) {
        if (known->second != start && !shifted_.contains(symbol.section))
            origin_.contradictions.push_back(
                {symbol.index, {known->second + symbol.value, {}, 0}, {start + symbol.value, {}, 0}, section, false});
        return;
    }
    if (!unit_.section(symbol.section).is_code())
        data_to_follow_.push_back(symbol.section);
}

// The link moves each merged string and constant by itself: a reference to one says nothing of its section. Nor does
// one to an entry of a table that functions have entries in (code of 7.x names its own in __bug_table): they stand in
// the order in which the compiler wrote the functions, which is another one with -ffunction-sections. Nameless
// constants (a text with a zero byte in it) stand among the variables in the kernel, and in a section of their own
// where these have sections. And code behind a jump whose length the link's neighbourhood decides lies elsewhere, so
// only functions' starts count.
bool Prover::tells_place(const elf::Section& section, const elf::Relocation& relocation) const {
    const elf::Symbol& symbol = unit_.symbol(relocation.symbol);
    const elf::Section* target = unit_.section_of(symbol);
    if (!target)
        return true;
    if (is_merged(*target))
        return !symbol.is_section() && !machine_.is_mark(symbol);
    if (symbol.is_section() && !target->is_code() && !named_sections_.contains(target->index))
        return false;
    if (arch::role_of(*target) == arch::Role::special)
        return false;
    if (!target->is_code())
        return true;
    const int64_t bias = section.is_code() ? machine_.usual_bias(relocation.type) : 0;
    const uint64_t offset = symbol.value + static_cast<uint64_t>(relocation.addend) + static_cast<uint64_t>(bias);
    return function_starts_.contains({symbol.section, offset});
}

template <typename PlaceOf, typename Take>
void Prover::visit_references(const elf::Section& section, uint64_t from, uint64_t to, PlaceOf place_of,
                              Take take) const {
    std::span<const elf::Relocation> relocations = unit_.relocations(section.index);
    auto at = std::ranges::lower_bound(relocations, from, {}, &elf::Relocation::offset);
    for (; at != relocations.end() && at->offset < to; ++at) {
        std::optional<arch::Field> field = arch::relocated_field(unit_.machine(), at->type);
        if (!field || content_.is_rewritten(section.index, at->offset) || !tells_place(section, *at))
            continue;
        std::optional<Location> place = place_of(at->offset);
        if (!place)
            continue;
        if (std::optional<FieldTarget> reference = image_.reference(*place, *field, at->addend))
            take(unit_.symbol(at->symbol), *reference);
    }
}

// Static data gives away the functions that nobody calls by name: operation tables and the like.
void Prover::follow_data() {
    while (!data_to_follow_.empty()) {
        uint32_t index = data_to_follow_.back();
        data_to_follow_.pop_back();
        const elf::Section& section = unit_.section(index);
        if (section.is_allocated() && !section.data.empty() && !is_merged(section) &&
            !image_.bytes(section_start_[index], section.size).empty())
            visit_references(
                section, 0, section.size,
                [start = section_start_[index]](uint64_t offset) { return std::optional(start + offset); },
                [&](const elf::Symbol& symbol, const FieldTarget& reference) { learn(symbol, reference, index); });
    }
}

// A section's place is that of every symbol in it, whether or not anything refers to the symbol by name.
void Prover::place_symbols() {
    for (const elf::Symbol& symbol : unit_.symbols()) {
        if (symbol.place != elf::Place::section || symbol.is_section() || symbol.is_weak() ||
            is_merged(unit_.section(symbol.section)) || shifted_.contains(symbol.section))
            continue;
        if (auto start = section_start_.find(symbol.section); start != section_start_.end())
            learn(symbol, {start->second + symbol.value, {}, 0}, symbol.section);
    }
}

void Prover::check_data() {
    for (const elf::Symbol& symbol : unit_.symbols()) {
        const elf::Section* section = unit_.section_of(symbol);
        if (!section || symbol.type != STT_OBJECT || !is_constant(*section) || !is_in_section(symbol, *section))
            continue;
        auto known = origin_.symbols.find(symbol.index);
        if (known == origin_.symbols.end() || !known->second.location)
            continue;
        const bool is_same =
            content_.is_at(image_, {symbol.section, symbol.value, symbol.value + symbol.size}, *known->second.location);
        // A weak one with other content is another unit's, which took its place.
        if (is_same || !symbol.is_weak())
            origin_.data.push_back({symbol.index, is_same});
    }
}

// The linker binds a name that is not local to one thing: where the image has the name, but something else at the place
// that its code refers to, that code was made from another text.
bool Prover::is_named_so(const elf::Symbol& symbol, const FieldTarget& reference) const {
    if (symbol.is_local() || symbol.name.empty())
        return true;
    if (!reference.location)
        return reference.undefined_name == symbol.name;
    return image_.symbols().find(symbol.name).empty() || image_.symbol_at(*reference.location, symbol.name);
}

void Prover::check_names() {
    for (const auto& [index, reference] : origin_.symbols)
        if (!is_named_so(unit_.symbol(index), reference))
            origin_.contradictions.push_back({index, reference, reference, 0, true});
    std::ranges::sort(origin_.contradictions, {},
                      [](const Contradiction& it) { return std::tuple(it.symbol, it.section, it.is_misnamed); });
}

} // namespace

UnitOrigin prove_origin(const elf::Object& unit, const Image& image) {
    return Prover(unit, image).run();
}

} // namespace klp::proof
