// Loader steps find_module_sections() and module_finalize(), and what ftrace, jump labels and static calls make of
// their sections: tables that the kernel walks without asking whether what it finds is sound.
#include "arch/machine.h"
#include "arch/special_sections.h"
#include "elf/livepatch_abi.h"
#include "verify/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>

namespace klp::verify {

namespace {

// What fills in the pointer at one place, whoever applies it.
struct Pointer {
    const elf::Section* section = nullptr; // of this module; nullptr: it leads elsewhere
    uint64_t offset = 0;
    std::string_view symbol = {};
};

// All pointers in the tables of a module.
class Pointers {
public:
    explicit Pointers(const Subject& subject) : subject_(subject) {
        for (const elf::RelocationTable* table : subject.livepatch_tables)
            for (const elf::Relocation& relocation : table->entries)
                late_.emplace(Place(table->target, relocation.offset),
                              Pointer{nullptr, 0, subject.module.symbol(relocation.symbol).name});
        for (const convert::CoreRelocation& relocation : subject.core_table.entries)
            if (relocation.section)
                late_.emplace(Place(relocation.section->index, relocation.offset),
                              Pointer{nullptr, 0, relocation.symbol});
    }

    std::optional<Pointer> find(const elf::Section& section, uint64_t offset) const {
        std::span<const elf::Relocation> all = subject_.module.relocations(section.index);
        auto found = std::ranges::lower_bound(all, offset, {}, &elf::Relocation::offset);
        if (found != all.end() && found->offset == offset) {
            const elf::Symbol& symbol = subject_.module.symbol(found->symbol);
            return Pointer{subject_.module.section_of(symbol), symbol.value + static_cast<uint64_t>(found->addend),
                           symbol.name};
        }
        auto late = late_.find({section.index, offset});
        return late == late_.end() ? std::nullopt : std::optional(late->second);
    }

private:
    using Place = std::pair<uint32_t, uint64_t>;
    const Subject& subject_;
    std::map<Place, Pointer> late_;
};

class TableCheck {
public:
    TableCheck(const Subject& subject, const Pointers& pointers, const elf::Section& section,
               const arch::SpecialSection& row, Verdict& verdict)
        : subject_(subject), pointers_(pointers), section_(section), row_(row), verdict_(verdict) {}

    void run() {
        check_header();
        if (section_.size == 0 || !check_size() || row_.layouts.empty())
            return;
        if (const arch::EntryLayout* layout = find_layout())
            check_pointers(*layout);
    }

private:
    void check_header() {
        const bool has_type = section_.type == SHT_PROGBITS || section_.type == SHT_INIT_ARRAY;
        if (!has_type || !section_.is_allocated() || (row_.is_written && !section_.is_writable()))
            verdict_.add("form.table-flags", section_.name,
                         fmt::format("sh_type is {}, sh_flags {:#x}", section_.type, section_.flags));
    }

    bool fits(unsigned size) const { return section_.size % size == 0; }

    bool check_size() {
        std::vector<unsigned> sizes = row_.sizes;
        if (!row_.layouts.empty()) {
            sizes.clear();
            for (const arch::EntryLayout& layout : row_.layouts)
                sizes.push_back(layout.size);
        }
        if (sizes.empty() || std::ranges::any_of(sizes, [&](unsigned size) { return fits(size); }))
            return true;
        verdict_.add("form.table-size", section_.name,
                     fmt::format("its size {} is no multiple of {}", section_.size, sizes.front()));
        return false;
    }

    // The place in the table where an entry of that layout lacks a pointer.
    std::optional<uint64_t> first_gap(const arch::EntryLayout& layout) const {
        for (uint64_t start = 0; start < section_.size; start += layout.size)
            for (const auto& [at, site] : layout.pointers)
                if (!pointers_.find(section_, start + at))
                    return start + at;
        return std::nullopt;
    }

    const arch::EntryLayout* find_layout() {
        uint64_t furthest = 0;
        for (const arch::EntryLayout& layout : row_.layouts) {
            if (!fits(layout.size))
                continue;
            std::optional<uint64_t> gap = first_gap(layout);
            if (!gap)
                return &layout;
            furthest = std::max(furthest, *gap);
        }
        verdict_.add("form.table-pointer", section_.name,
                     fmt::format("the entry at {:#x} has no pointer there", furthest));
        return nullptr;
    }

    void check_pointers(const arch::EntryLayout& layout) {
        for (uint64_t start = 0; start < section_.size; start += layout.size)
            for (const auto& [at, site] : layout.pointers)
                if (!check_pointer(start + at, site))
                    return; // one is enough to know that the table is wrong
    }

    bool check_pointer(uint64_t at, arch::Site site) {
        const Pointer pointer = *pointers_.find(section_, at);
        if (site == arch::Site::anything && !pointer.section)
            return true;
        const bool is_code = pointer.section && pointer.section->is_code();
        if (!pointer.section || (site != arch::Site::anything && !is_code) ||
            pointer.offset > pointer.section->size - (is_code && site != arch::Site::anything ? 1 : 0)) {
            report(at, pointer, site == arch::Site::anything ? "beyond its section" : "out of the module's code");
            return false;
        }
        if (site != arch::Site::anything &&
            !arch::Machine::of(subject_.module).is_site(site, pointer.section->data, pointer.offset)) {
            report(at, pointer, "to an instruction of another kind");
            return false;
        }
        return true;
    }

    void report(uint64_t at, const Pointer& pointer, std::string_view what) {
        verdict_.add("form.table-target", section_.name,
                     fmt::format("the pointer at {:#x} leads {}: {}{}", at, what,
                                 pointer.section ? pointer.section->name : pointer.symbol,
                                 pointer.section ? fmt::format("+{:#x}", pointer.offset) : ""));
    }

    const Subject& subject_;
    const Pointers& pointers_;
    const elf::Section& section_;
    const arch::SpecialSection& row_;
    Verdict& verdict_;
};

// ---- tables that go together ----

uint64_t entries_of(const elf::Section* section) {
    const arch::SpecialSection* row = section ? arch::find_row(section->name) : nullptr;
    return row && !row->sizes.empty() ? section->size / row->sizes.front() : 0;
}

void check_parallel(const Subject& subject, Verdict& verdict) {
    for (const arch::SpecialSection& row : arch::special_sections()) {
        if (row.parallel.empty())
            continue;
        const elf::Section* first = subject.module.find_section(row.name);
        const elf::Section* second = subject.module.find_section(row.parallel);
        if ((first || second) && (!first || !second || entries_of(first) != entries_of(second)))
            verdict.add("form.orc-size", first ? first->name : second->name, "the two tables do not go together");
    }
}

// kernel/module/main.c, check_export_symbol_versions() and find_symbol(): one CRC for each export, in their order.
void check_exports(const Subject& subject, Verdict& verdict) {
    for (std::string_view kind : {"", "_gpl"}) {
        const elf::Section* exports = subject.module.find_section(fmt::format("__ksymtab{}", kind));
        const elf::Section* sums = subject.module.find_section(fmt::format("__kcrctab{}", kind));
        if ((sums || (exports && subject.versions.is_there)) && entries_of(exports) != entries_of(sums))
            verdict.add("form.export-crcs", exports ? exports->name : sums->name,
                        fmt::format("{} exports, {} CRCs", entries_of(exports), entries_of(sums)));
    }
}

void check_orc_order(const Subject& subject, Verdict& verdict) {
    const elf::Section* places = subject.module.find_section(".orc_unwind_ip");
    if (!places)
        return;
    Location last;
    for (const elf::Relocation& relocation : subject.module.relocations(places->index)) {
        const elf::Symbol& symbol = subject.module.symbol(relocation.symbol);
        Location here{subject.module.section_of(symbol), symbol.value + static_cast<uint64_t>(relocation.addend)};
        if (here.section && here.section == last.section && here.offset < last.offset) {
            verdict.add("form.orc-order", here.section->name,
                        fmt::format("the entry for {:#x} comes after that for {:#x}", here.offset, last.offset));
            return;
        }
        last = here;
    }
}

void check_versions(const Subject& subject, Verdict& verdict) {
    for (const std::string& defect : subject.versions.defects)
        verdict.add("form.versions", subject.versions.is_extended ? "__version_ext_crcs" : "__versions", defect);
    std::unordered_set<std::string_view> names;
    for (const elf::Modversion& version : subject.versions.list)
        names.insert(version.name);
    // The new version of an exported function is local, and another unit of the patch may import the old one.
    std::unordered_set<std::string_view> imports;
    for (const elf::Symbol& symbol : subject.module.symbols())
        if (symbol.place == elf::Place::undefined)
            imports.insert(symbol.name);
    for (const elf::Symbol& symbol : subject.module.symbols())
        if (!names.empty() && symbol.place == elf::Place::section && !symbol.name.empty() &&
            names.contains(symbol.name) && !(symbol.is_local() && imports.contains(symbol.name)))
            verdict.add("form.versions", symbol.name, "it has a CRC, but is defined in the module");
}

} // namespace

void check_special_tables(const Subject& subject, Verdict& verdict) {
    const Pointers pointers(subject);
    for (const elf::Section& section : subject.module.sections()) {
        const arch::SpecialSection* row = section.type == SHT_RELA ? nullptr : arch::find_row(section.name);
        const bool is_table = row && (!row->layouts.empty() || !row->sizes.empty() || row->is_written) &&
                              !section.name.starts_with(".discard");
        if (!is_table)
            continue;
        if (subject.module.find_section(section.name) != &section && !row->is_prefix)
            verdict.add("form.table-twice", section.name, "there are two of that name, and one of them is read");
        TableCheck(subject, pointers, section, *row, verdict).run();
    }
    check_parallel(subject, verdict);
    check_exports(subject, verdict);
    check_orc_order(subject, verdict);
    check_versions(subject, verdict);
    check_alternatives(subject, verdict);
}

} // namespace klp::verify
