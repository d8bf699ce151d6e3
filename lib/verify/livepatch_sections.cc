// kernel/livepatch/core.c, klp_apply_section_relocs(): the livepatch relocation sections and what they may hold.
#include "arch/special_sections.h"
#include "elf/livepatch_abi.h"
#include "verify/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace klp::verify {

namespace {

void check_header(const Subject& subject, const elf::Section& section, Verdict& verdict) {
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

void check_headers(const Subject& subject, Verdict& verdict) {
    for (const elf::Section& section : subject.module.sections()) {
        check_header(subject, section, verdict);
        if (section.type != SHT_RELA &&
            (section.name == elf::build_symbols_section || section.name.starts_with(elf::annotation_prefix)))
            verdict.add("form.unconverted", section.name, "the section is for klp-convert and not for the kernel");
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

void check_symbols_of(const Subject& subject, const elf::RelocationTable& table, Verdict& verdict) {
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
    const arch::SpecialSection* late = arch::find_read_while_loading(target.name);
    if (owner && owner->object != "vmlinux" && late)
        verdict.add("form.late-section", target.name,
                    fmt::format("{} is applied when {} is there, but {} while the patch loads ({})", section.name,
                                owner->object, late->reader, late->source));
}

} // namespace

void check_livepatch_sections(const Subject& subject, Verdict& verdict) {
    check_headers(subject, verdict);
    for (const elf::RelocationTable* table : subject.livepatch_tables) {
        check_symbols_of(subject, *table, verdict);
        check_late(subject, *table, verdict);
    }
}

} // namespace klp::verify
