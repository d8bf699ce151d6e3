// Entries of special sections, and whom they belong to.
#include "diff/unit.h"

#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace klp::diff {

// Which there are, and how large their entries: what a field means may depend on where its entry begins.
void Unit::find_special_tables(const arch::EntrySizes& entry_sizes) {
    table_of_section_.assign(roles_.size(), none);
    std::unordered_map<std::string_view, std::vector<uint32_t>> by_name;
    for (const elf::Section& section : object_.sections())
        by_name[section.name].push_back(section.index);
    for (const elf::Section& section : object_.sections()) {
        if (roles_[section.index] != Role::special || section.size == 0)
            continue;
        const SpecialSection& kind = *arch::find_special(section.name);
        if (kind.policy == Policy::drop || object_.relocations(section.index).empty())
            continue;
        SpecialTable table;
        table.kind = &kind;
        table.section = section.index;
        table.entry_size = entry_size(kind, section, entry_sizes);
        if (!kind.parallel.empty() && by_name.contains(kind.parallel)) {
            table.parallel = by_name[kind.parallel].front();
            uint64_t count = (section.size + table.entry_size - 1) / table.entry_size;
            uint64_t size = object_.section(table.parallel).data.size();
            check_parallel_size(kind, count, size, entry_sizes);
            table.parallel_size = static_cast<uint32_t>(size / count);
        }
        table_of_section_[section.index] = static_cast<uint32_t>(special_tables_.size());
        special_tables_.push_back(table);
    }
}

void Unit::read_special_tables() {
    std::vector<SpecialEntry> entries;
    for (const SpecialTable& table : special_tables_)
        read_entries(table, entries);
    entries_ = std::move(entries);
    index_entries();
}

void Unit::index_entries() {
    std::ranges::sort(entries_, {},
                      [](const SpecialEntry& entry) { return std::tuple(entry.owner, entry.section, entry.start); });
    for (uint32_t number = 0; number < entries_.size(); ++number)
        entries_by_place_.push_back(number);
    std::ranges::sort(entries_by_place_, {},
                      [&](uint32_t number) { return std::pair(entries_[number].section, entries_[number].start); });
    entries_begin_.assign(pieces_.size() + 1, 0);
    for (const SpecialEntry& entry : entries_)
        if (entry.owner != none)
            ++entries_begin_[entry.owner + 1];
    for (size_t at = 1; at < entries_begin_.size(); ++at)
        entries_begin_[at] += entries_begin_[at - 1];
}

// The bytes of the parallel section are that many entries of one size, and of the one that is known.
void Unit::check_parallel_size(const SpecialSection& kind, uint64_t count, uint64_t size,
                               const arch::EntrySizes& entry_sizes) const {
    if (size % count != 0)
        throw report::Refusal("diff.malformed", object_.name(),
                              fmt::format("{} has {} bytes, which is no multiple of the {} entries of {}",
                                          kind.parallel, size, count, kind.name),
                              "compile the unit again");
    for (const auto& [known, hint] :
         {std::pair{&entry_sizes.given, fmt::format("correct {} or leave it unset", kind.parallel_variable)},
          {&entry_sizes.kernel, std::string("use the target's own source and configuration")}}) {
        auto found = known->find(std::string(kind.parallel));
        if (found != known->end() && size != 0 && found->second != size / count)
            throw report::Refusal("diff.entry-size", object_.name(),
                                  fmt::format("entries of {} are said to have {} bytes, but they have {}",
                                              kind.parallel, found->second, size / count),
                                  hint);
        if (found != known->end())
            return;
    }
}

// Where the compiler was told to mark the beginning of each entry of `section` (ANNOTATE_DATA_SPECIAL of
// linux/annotate.h, Linux 6.18): two words each, of which the first leads there.
std::vector<uint64_t> Unit::annotated_starts(const elf::Section& section) const {
    std::vector<uint64_t> starts;
    for (const elf::Section& marks : object_.sections()) {
        if (marks.name != ".discard.annotate_data")
            continue;
        for (const elf::Relocation& relocation : object_.relocations(marks.index)) {
            const elf::Symbol& symbol = object_.symbol(relocation.symbol);
            if (symbol.place == elf::Place::section && symbol.section == section.index)
                starts.push_back(named_offset(relocation));
        }
    }
    std::ranges::sort(starts);
    return starts;
}

// Every entry has a relocated field that ties it to code, so the distance between entries is where that holds for all
// of them.
uint32_t Unit::entry_size(const SpecialSection& kind, const elf::Section& section,
                          const arch::EntrySizes& entry_sizes) const {
    std::span<const elf::Relocation> relocations = object_.relocations(section.index);
    auto leads_to_code = [&](const elf::Relocation& relocation) {
        const elf::Section* target = object_.section_of(object_.symbol(relocation.symbol));
        return target && target->is_code();
    };
    auto fits = [&](uint64_t size) {
        // The assembler aligns the beginning of an entry: the last one may lack its padding (.parainstructions).
        uint64_t missing = size == 0 ? 0 : (size - section.size % size) % size;
        if (size == 0 || missing >= std::max<uint64_t>(section.alignment, 1) || (missing != 0 && missing >= size / 2))
            return false;
        uint64_t expected = kind.tie;
        std::optional<bool> kind_of_tie;
        for (const elf::Relocation& relocation : relocations) {
            if (relocation.offset > expected)
                return false;
            if (relocation.offset != expected)
                continue;
            // Another field of an entry (a handler, a file's name) is not a tie.
            const bool is_code = leads_to_code(relocation);
            if (kind_of_tie.value_or(is_code) != is_code)
                return false;
            kind_of_tie = is_code;
            expected += size;
        }
        return expected == section.size + missing + kind.tie;
    };
    auto disagree = [&](std::string_view who, uint64_t size, std::string hint) {
        return report::Refusal("diff.entry-size", object_.name(),
                               fmt::format("entries of {} have {} bytes according to {}, but its {} bytes, entry size "
                                           "{}, annotations and relocations do not agree with that",
                                           section.name, size, who, section.size, section.entry_size),
                               std::move(hint));
    };
    if (auto given = entry_sizes.given.find(std::string(section.name)); given != entry_sizes.given.end()) {
        if (fits(given->second))
            return given->second;
        throw disagree("the command's environment", given->second,
                       fmt::format("correct {} or leave it unset", kind.variable));
    }
    const bool has_own = section.entry_size > 1;
    const std::vector<uint64_t> starts = annotated_starts(section);
    const uint64_t annotated = starts.size() > 1 ? starts[1] - starts[0] : section.size;
    if (auto known = entry_sizes.kernel.find(std::string(section.name)); known != entry_sizes.kernel.end()) {
        if (fits(known->second) && (!has_own || section.entry_size == known->second) &&
            (starts.empty() || annotated == known->second))
            return known->second;
        throw disagree("the kernel's debug data", known->second,
                       "the unit was compiled for another kernel; use the target's own source and configuration");
    }
    if (!starts.empty()) {
        const bool is_even = std::ranges::adjacent_find(
                                 starts, [&](uint64_t a, uint64_t b) { return b - a != annotated; }) == starts.end();
        if (is_even && fits(annotated) && (!has_own || section.entry_size == annotated))
            return static_cast<uint32_t>(annotated);
        throw disagree("its annotations", annotated, "compile the unit again");
    }
    if (has_own && fits(section.entry_size))
        return static_cast<uint32_t>(section.entry_size);
    // Two small entries may look like a large one; the other way round a tie would be missing.
    std::vector<unsigned> sizes = kind.sizes;
    std::ranges::sort(sizes);
    for (unsigned size : sizes)
        if (fits(size))
            return size;
    for (unsigned size = 4; size <= 64; ++size)
        if (fits(size))
            return size;
    throw report::Refusal("diff.entry-size", object_.name(),
                          fmt::format("the size of the entries of {} ({} bytes, {} relocations) cannot be told",
                                      section.name, section.size, relocations.size()),
                          kind.variable.empty() ? "this kernel is newer than this tool; please report it"
                                                : fmt::format("set {} in the environment", kind.variable));
}

void Unit::read_entries(const SpecialTable& table, std::vector<SpecialEntry>& entries) const {
    std::span<const elf::Relocation> relocations = object_.relocations(table.section);
    size_t at = 0;
    const uint64_t size = object_.section(table.section).size;
    for (uint64_t start = 0; start < size; start += table.entry_size) {
        SpecialEntry entry{table.section, start,
                           static_cast<uint32_t>(std::min<uint64_t>(table.entry_size, size - start)), none};
        while (at < relocations.size() && relocations[at].offset < start + table.kind->tie)
            ++at;
        if (at < relocations.size() && relocations[at].offset == start + table.kind->tie) {
            Reference tie = reference(table.section, relocations[at]);
            const elf::Symbol& symbol = object_.symbol(relocations[at].symbol);
            if (tie.to == Reference::To::nothing && symbol.place == elf::Place::section) {
                const int64_t bias = bias_of(table.section, relocations[at]);
                entry.owner = piece_around(symbol.section, named_offset(relocations[at]) + static_cast<uint64_t>(bias));
            }
            if (tie.to == Reference::To::piece)
                entry.owner = tie.id;
        }
        entries.push_back(entry);
    }
}

// Code may lead to an entry of its own: a WARN() with a format passes it on (arch/x86/include/asm/bug.h,
// __WARN_bug_entry()).
Reference Unit::entry_reference(uint32_t section, int64_t anchor, int64_t offset) const {
    auto after = std::ranges::upper_bound(
        entries_by_place_, std::pair(section, static_cast<uint64_t>(std::max<int64_t>(anchor, 0))), {},
        [&](uint32_t number) { return std::pair(entries_[number].section, entries_[number].start); });
    if (anchor < 0 || after == entries_by_place_.begin())
        return {};
    const SpecialEntry& found = entries_[*std::prev(after)];
    if (found.section != section || static_cast<uint64_t>(anchor) >= found.start + found.size)
        return {};
    return {Reference::To::entry, *std::prev(after), difference(offset, static_cast<int64_t>(found.start))};
}

uint32_t Unit::rank_of_entry(uint32_t number) const {
    const auto table_and_owner = [](const SpecialEntry& entry) { return std::pair(entry.owner, entry.section); };
    const auto first = std::ranges::lower_bound(entries_, table_and_owner(entries_[number]), {}, table_and_owner);
    return number - static_cast<uint32_t>(first - entries_.begin());
}

std::span<const SpecialEntry> Unit::entries_of(uint32_t piece) const {
    return std::span(entries_).subspan(entries_begin_[piece], entries_begin_[piece + 1] - entries_begin_[piece]);
}

const SpecialTable& Unit::table_of(const SpecialEntry& entry) const {
    return special_tables_[table_of_section_[entry.section]];
}

bool Unit::is_own_place(const SpecialEntry& entry, const elf::Relocation& relocation) const {
    const elf::Symbol& symbol = object_.symbol(relocation.symbol);
    return symbol.place == elf::Place::section && symbol.section == entry.section &&
           named_offset(relocation) - entry.start < entry.size;
}

void Unit::find_ftrace_locations() {
    has_ftrace_.assign(pieces_.size(), false);
    for (uint32_t index = 0; index < pieces_.size(); ++index) {
        const Piece& piece = pieces_[index];
        if (piece.kind != PieceKind::function)
            continue;
        for (const SpecialEntry& entry : entries_of(index)) {
            std::string_view table = table_of(entry).kind->name;
            if (table == "__mcount_loc" ||
                (table == "__patchable_function_entries" && machine_.hooks_patchable_entries()))
                has_ftrace_[index] = true;
        }
        for (const elf::Relocation& relocation : relocations(piece))
            if (relocation.symbol != 0 && machine_.is_profiling_call(object_.symbol(relocation.symbol).name))
                has_ftrace_[index] = true;
        if (auto code = code_of(piece); code && machine_.has_profiling_nop(*code))
            has_ftrace_[index] = true;
    }
}

bool Unit::has_ftrace_location(uint32_t piece) const {
    return has_ftrace_[piece];
}

} // namespace klp::diff
