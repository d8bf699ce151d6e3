#include "arch/module_relocations.h"
#include "convert/load_time_sections.h"
#include "elf/livepatch_abi.h"
#include "verify/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <elf.h>
#include <set>
#include <span>

namespace klp::verify {

namespace {

constexpr uint64_t page_size = 4096;

// ---- .modinfo ----

void check_modinfo(const Subject& subject, Verdict& verdict) {
    if (!subject.runtime)
        verdict.add("form.not-livepatch", "", ".modinfo has no livepatch=Y");
    std::string_view license = subject.modinfo.value("license");
    if (!is_gpl_compatible(license))
        verdict.add("form.license", "",
                    license.empty() ? std::string(".modinfo has no license")
                                    : fmt::format("the licence is {}", license));
    if (subject.modinfo.value("vermagic").empty())
        verdict.add("form.vermagic", "", ".modinfo has no vermagic");
    std::string_view name = subject.modinfo.value("name");
    if (name.empty() || name.size() > elf::max_object_name || name.find('.') != std::string_view::npos)
        verdict.add("form.name", "",
                    name.empty() ? std::string(".modinfo has no name") : fmt::format("the name is {}", name));
}

// ---- sections ----

void check_unconverted(const Subject& subject, Verdict& verdict) {
    for (const elf::Section& section : subject.module.sections())
        if (section.type != SHT_RELA &&
            (section.name == elf::build_symbols_section || section.name.starts_with(elf::annotation_prefix)))
            verdict.add("form.unconverted", section.name, "the section is for klp-convert and not for the kernel");
    for (const elf::Symbol& symbol : subject.module.symbols())
        if (symbol.name.starts_with(elf::reference_prefix))
            verdict.add("form.unconverted", symbol.name, "the symbol is for klp-convert and not for the kernel");
}

void check_livepatch_section(const Subject& subject, const elf::Section& section, Verdict& verdict) {
    bool has_name = section.name.starts_with(elf::klp_section_prefix);
    bool has_flag = section.flags & elf::shf_rela_livepatch;
    if (!has_name && !has_flag)
        return;
    if (!has_flag || !section.is_allocated() || !has_name) {
        verdict.add(
            "form.section-flags", section.name,
            fmt::format("sh_flags is {:#x}{}", section.flags, has_name ? "" : ", but the name is not .klp.rela.*"));
    }
    if (section.type != SHT_RELA) {
        verdict.add("form.section-type", section.name, fmt::format("sh_type is {}", section.type));
        return;
    }
    if (section.link != subject.module.symbol_table_section())
        verdict.add("form.section-link", section.name,
                    fmt::format("sh_link is {}, the symbol table is section {}", section.link,
                                subject.module.symbol_table_section()));
    if (section.info == 0 || section.info >= subject.module.sections().size() ||
        !subject.module.section(section.info).is_allocated()) {
        verdict.add("form.section-info", section.name,
                    fmt::format("sh_info is {}, not a section that is loaded", section.info));
        return;
    }
    std::string_view target = subject.module.section(section.info).name;
    std::optional<convert::LivepatchSectionName> name = convert::parse_livepatch_section(section.name);
    // The document's own examples leave the dot of ".text" out.
    if (!name || (name->section != target && fmt::format(".{}", name->section) != target))
        verdict.add("form.section-name", section.name,
                    fmt::format("the name does not name an object and the target {}", target));
}

void check_sections(const Subject& subject, Verdict& verdict) {
    for (const elf::Section& section : subject.module.sections()) {
        check_livepatch_section(subject, section, verdict);
        if (section.is_allocated() && section.alignment > page_size)
            verdict.add("form.alignment", section.name, fmt::format("its alignment is {}", section.alignment));
    }
    std::set<std::pair<uint32_t, std::string_view>> seen;
    for (const elf::RelocationTable* table : subject.livepatch_tables) {
        std::string_view section_name = subject.module.section(table->section).name;
        std::optional<convert::LivepatchSectionName> name = convert::parse_livepatch_section(section_name);
        if (name && !seen.emplace(table->target, name->object).second)
            verdict.add("form.section-twice", section_name,
                        fmt::format("{} has another one of object {}", subject.module.section(table->target).name,
                                    name->object));
    }
}

// ---- symbols ----

void check_symbols(const Subject& subject, Verdict& verdict) {
    bool seen_global = false;
    bool is_ordered = true;
    uint32_t first_global = static_cast<uint32_t>(subject.module.symbols().size());
    for (const elf::Symbol& symbol : subject.module.symbols()) {
        if (symbol.index == 0)
            continue;
        bool has_name = symbol.name.starts_with(elf::klp_symbol_prefix);
        if (has_name != (symbol.place == elf::Place::livepatch))
            verdict.add("form.symbol-place", symbol.name,
                        has_name ? "it is named like a livepatch symbol but is not SHN_LIVEPATCH"
                                 : "it is SHN_LIVEPATCH but not named .klp.sym.*");
        else if (has_name && !convert::parse_livepatch_symbol(symbol.name))
            verdict.add("form.symbol-name", symbol.name, "the kernel cannot take this name apart");
        if (symbol.place == elf::Place::common && !symbol.name.starts_with("__gnu_lto"))
            verdict.add("form.common-symbol", symbol.name, "it is a common symbol");
        if (!symbol.is_local() && !seen_global)
            first_global = symbol.index;
        seen_global = seen_global || !symbol.is_local();
        is_ordered = is_ordered && !(symbol.is_local() && seen_global);
    }
    uint32_t table = subject.module.symbol_table_section();
    if (table != 0 && (!is_ordered || subject.module.section(table).info != first_global))
        verdict.add("form.symbol-order", "",
                    is_ordered ? fmt::format("sh_info is {}, the first symbol that is not local is {}",
                                             subject.module.section(table).info, first_global)
                               : std::string("a local symbol comes after a global one"));
}

// ---- relocations ----

void check_symbol_of(const Subject& subject, const elf::RelocationTable& table, Verdict& verdict) {
    const elf::Section& section = subject.module.section(table.section);
    std::optional<convert::LivepatchSectionName> owner = convert::parse_livepatch_section(section.name);
    std::set<uint32_t> seen;
    for (const elf::Relocation& relocation : table.entries) {
        if (!seen.insert(relocation.symbol).second)
            continue;
        const elf::Symbol& symbol = subject.module.symbol(relocation.symbol);
        if (symbol.place != elf::Place::livepatch) {
            verdict.add("form.livepatch-relocation", symbol.name,
                        fmt::format("{} refers to it, but it is no livepatch symbol", section.name));
            continue;
        }
        std::optional<convert::LivepatchName> name = convert::parse_livepatch_symbol(symbol.name);
        if (owner && name && (owner->object == "vmlinux") != (name->object == "vmlinux"))
            verdict.add("form.foreign-symbol", symbol.name, fmt::format("{} refers to it", section.name));
    }
}

void check_late(const Subject& subject, const elf::RelocationTable& table, Verdict& verdict) {
    const elf::Section& section = subject.module.section(table.section);
    const elf::Section& target = subject.module.section(table.target);
    std::optional<convert::LivepatchSectionName> owner = convert::parse_livepatch_section(section.name);
    const convert::LoadTimeSection* late = convert::find_load_time_section(target.name);
    if (owner && owner->object != "vmlinux" && late)
        verdict.add("form.late-section", target.name,
                    fmt::format("{} is applied when {} is there, but {} while the patch loads ({})", section.name,
                                owner->object, late->reader, late->source));
}

// All relocations of one loaded section, normal and livepatch, as places: types, ends, overlaps, bytes.
class PlaceCheck {
public:
    PlaceCheck(const Subject& subject, Verdict& verdict) : subject_(subject), verdict_(verdict) {}

    void add(const elf::RelocationTable& table) {
        for (const elf::Relocation& relocation : table.entries)
            add(subject_.module.section(table.target), relocation);
    }
    void add(const convert::CoreRelocation& relocation) {
        if (relocation.section)
            add(*relocation.section, {.offset = relocation.offset, .type = relocation.type});
    }
    // After all tables of all sections.
    void find_overlaps() {
        if (arch::relocations_accumulate(subject_.module.machine()))
            return;
        std::ranges::sort(places_);
        for (size_t at = 1; at < places_.size(); ++at)
            if (places_[at].section == places_[at - 1].section && places_[at].start < places_[at - 1].end)
                verdict_.add("form.relocation-twice", subject_.module.section(places_[at].section).name,
                             fmt::format("two relocations change the bytes at {:#x}", places_[at].start));
    }

private:
    struct Place {
        uint32_t section;
        uint64_t start;
        uint64_t end;
        auto operator<=>(const Place&) const = default;
    };

    void add(const elf::Section& target, const elf::Relocation& relocation) {
        std::optional<unsigned> width = arch::module_relocation_width(subject_.module.machine(), relocation.type);
        if (!width) {
            verdict_.add("form.relocation-type", target.name,
                         fmt::format("the relocation at {:#x} is of type {}", relocation.offset, relocation.type));
            return;
        }
        if (relocation.offset > target.size || *width > target.size - relocation.offset) {
            verdict_.add(
                "form.relocation-range", target.name,
                fmt::format("the relocation at {:#x} reaches beyond the end at {:#x}", relocation.offset, target.size));
            return;
        }
        if (*width == 0)
            return;
        places_.push_back({target.index, relocation.offset, relocation.offset + *width});
        if (!arch::loader_wants_zero_place(subject_.module.machine()) ||
            target.data.size() < relocation.offset + *width)
            return;
        elf::Bytes bytes = target.data.subspan(relocation.offset, *width);
        if (std::ranges::any_of(bytes, [](std::byte byte) { return byte != std::byte{0}; }))
            verdict_.add("form.relocated-bytes", target.name,
                         fmt::format("the bytes at {:#x} are not zero", relocation.offset));
    }

    const Subject& subject_;
    Verdict& verdict_;
    std::vector<Place> places_;
};

void check_relocations(const Subject& subject, Verdict& verdict) {
    PlaceCheck places(subject, verdict);
    for (const elf::RelocationTable* table : subject.livepatch_tables) {
        check_symbol_of(subject, *table, verdict);
        check_late(subject, *table, verdict);
        places.add(*table);
    }
    for (const elf::RelocationTable* table : subject.normal_tables) {
        std::set<uint32_t> seen;
        for (const elf::Relocation& relocation : table->entries)
            if (subject.module.symbol(relocation.symbol).place == elf::Place::livepatch &&
                seen.insert(relocation.symbol).second)
                verdict.add("form.normal-relocation", subject.module.symbol(relocation.symbol).name,
                            fmt::format("{} refers to it", subject.module.section(table->section).name));
        places.add(*table);
    }
    for (const convert::CoreRelocation& relocation : subject.core_table.entries)
        places.add(relocation);
    places.find_overlaps();
}

// ---- special sections ----

struct SpecialTable {
    std::string_view name;
    std::vector<uint64_t> entry_sizes; // any of them: they differ between kernels
};

const std::vector<SpecialTable>& special_tables(uint16_t machine) {
    static const std::vector<SpecialTable> common = {{"__jump_table", {16}},
                                                     {"__mcount_loc", {8}},
                                                     {"__param", {40}},
                                                     {elf::build_functions_section, {32}},
                                                     {elf::build_callbacks_section, {24}}};
    // struct alt_instr 12 bytes (6.1) or 14 (6.3); struct bug_entry 12 with file names, 8 without.
    static const std::vector<SpecialTable> x86_64 = {{"__jump_table", {16}},
                                                     {"__mcount_loc", {8}},
                                                     {"__param", {40}},
                                                     {elf::build_functions_section, {32}},
                                                     {elf::build_callbacks_section, {24}},
                                                     {".altinstructions", {12, 13, 14}},
                                                     {"__bug_table", {12, 8}},
                                                     {"__ex_table", {12}},
                                                     {".static_call_sites", {8}},
                                                     {".retpoline_sites", {4}},
                                                     {".return_sites", {4}},
                                                     {".call_sites", {4}},
                                                     {".ibt_endbr_seal", {4}},
                                                     {".smp_locks", {4}},
                                                     {".parainstructions", {16}},
                                                     {".printk_index", {8}},
                                                     {".orc_unwind", {6}},
                                                     {".orc_unwind_ip", {4}}};
    return machine == EM_X86_64 ? x86_64 : common;
}

void check_orc(const Subject& subject, Verdict& verdict) {
    const elf::Section* places = subject.module.find_section(".orc_unwind_ip");
    const elf::Section* entries = subject.module.find_section(".orc_unwind");
    if (!places && !entries)
        return;
    if (!places || !entries || places->size / 4 != entries->size / 6) {
        verdict.add("form.orc-size", places ? places->name : entries->name, "the two tables do not go together");
        return;
    }
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

void check_special_sections(const Subject& subject, Verdict& verdict) {
    for (const SpecialTable& table : special_tables(subject.module.machine())) {
        const elf::Section* section = subject.module.find_section(table.name);
        if (!section)
            continue;
        auto fits = [&](uint64_t size) { return section->size % size == 0; };
        if (std::ranges::none_of(table.entry_sizes, fits))
            verdict.add("form.table-size", section->name,
                        fmt::format("its size {} is no multiple of {}", section->size, table.entry_sizes.front()));
    }
    if (subject.module.machine() == EM_X86_64)
        check_orc(subject, verdict);
}

} // namespace

bool is_gpl_compatible(std::string_view license) {
    static constexpr std::string_view compatible[] = {"GPL",          "GPL v2",       "GPL and additional rights",
                                                      "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"};
    return std::ranges::find(compatible, license) != std::end(compatible);
}

void check_form(const Subject& subject, Verdict& verdict) {
    check_modinfo(subject, verdict);
    check_unconverted(subject, verdict);
    check_sections(subject, verdict);
    check_symbols(subject, verdict);
    check_relocations(subject, verdict);
    check_core_table(subject, verdict);
    check_special_sections(subject, verdict);
}

} // namespace klp::verify
