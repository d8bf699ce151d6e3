// Loader step apply_relocations(): every relocation of a loaded section, those of livepatch sections included.
#include "arch/field.h"
#include "arch/machine.h"
#include "elf/addend.h"
#include "elf/livepatch_abi.h"
#include "verify/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace klp::verify {

namespace {

// The memory for modules and the kernel lies within 2 GB (arch/x86/include/asm/pgtable_64_types.h).
constexpr int64_t reach = int64_t{1} << 31;
// How far out of its variable a compiler lets an address lie that an index then brings back (`table[i - first]`). The
// modules of a distribution have some thousand bytes.
constexpr int64_t slack = int64_t{1} << 24;

// ---- places: types, ends, overlaps, bytes ----

class PlaceCheck {
public:
    PlaceCheck(const Subject& subject, Verdict& verdict)
        : subject_(subject), machine_(arch::Machine::of(subject.module)), verdict_(verdict) {}

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
        if (machine_.relocations_accumulate())
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
        std::optional<unsigned> width = machine_.loaded_width(relocation.type);
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
        if (!machine_.loader_wants_zero_place() || target.data.size() < relocation.offset + *width)
            return;
        elf::Bytes bytes = target.data.subspan(relocation.offset, *width);
        if (std::ranges::any_of(bytes, [](std::byte byte) { return byte != std::byte{0}; }))
            verdict_.add("form.relocated-bytes", target.name,
                         fmt::format("the bytes at {:#x} are not zero", relocation.offset));
    }

    const Subject& subject_;
    const arch::Machine& machine_;
    Verdict& verdict_;
    std::vector<Place> places_;
};

// ---- values: what is meant, and whether it fits ----

class ValueCheck {
public:
    ValueCheck(const Subject& subject, Verdict& verdict)
        : module_(subject.module), machine_(arch::Machine::of(subject.module)), verdict_(verdict) {}

    void add(const elf::RelocationTable& table) {
        const elf::Section& target = module_.section(table.target);
        for (const elf::Relocation& relocation : table.entries)
            check(target, relocation);
    }

private:
    void check(const elf::Section& target, const elf::Relocation& relocation) {
        const elf::Symbol& symbol = module_.symbol(relocation.symbol);
        const std::optional<arch::Field> field = arch::relocated_field(module_.machine(), relocation.type);
        check_symbol(target, relocation, symbol, field.has_value());
        if (field && relocation.symbol != 0)
            check_fit(target, relocation, symbol, *field);
        if (relocation.symbol != 0 && target.is_code() && relocation.offset < target.data.size() &&
            machine_.is_branch(target.data, relocation))
            check_branch(target, relocation, symbol);
    }

    void report(std::string_view rule, const elf::Section& target, const elf::Relocation& relocation,
                const elf::Symbol& symbol, std::string_view what) {
        verdict_.add(rule, symbol.name,
                     fmt::format("the relocation at {:#x} of {} ({}{:+#x}) {}", relocation.offset, target.name,
                                 symbol.name, relocation.addend, what));
    }

    void check_symbol(const elf::Section& target, const elf::Relocation& relocation, const elf::Symbol& symbol,
                      bool has_field) {
        if (relocation.symbol == 0 && has_field)
            report("form.relocation-symbol", target, relocation, symbol, "names no symbol");
        if (symbol.is_file())
            report("form.relocation-symbol", target, relocation, symbol, "names a file");
        const elf::Section* section = module_.section_of(symbol);
        if (section &&
            (!section->is_allocated() || section->name == ".modinfo" || section->name.starts_with("__version")))
            report("form.relocation-symbol", target, relocation, symbol,
                   fmt::format("leads to {}, which is not kept in memory", section->name));
        if (target.type == SHT_NOBITS)
            report("form.nobits", target, relocation, symbol, "is for a section that has no bytes");
    }

    void check_fit(const elf::Section& target, const elf::Relocation& relocation, const elf::Symbol& symbol,
                   const arch::Field& field) {
        const int64_t distance = elf::sum(static_cast<int64_t>(symbol.value), relocation.addend);
        const elf::Section* section = module_.section_of(symbol);
        if (symbol.place == elf::Place::absolute)
            return check_absolute(target, relocation, symbol, field, distance);
        if (field.width == 4 && (distance >= reach || distance < -reach))
            return report("form.relocation-overflow", target, relocation, symbol, "does not fit into four bytes");
        // Addresses of modules are in the upper half: they fit only where four bytes are extended by their sign.
        // Per-cpu variables have small ones.
        if (field.width == 4 && !field.pc_relative && !field.is_signed && section &&
            !section->name.starts_with(".data..percpu"))
            return report("form.relocation-overflow", target, relocation, symbol,
                          "is for an address below 4 GB, where no module is");
        if (section && (distance < -slack || distance > static_cast<int64_t>(section->size) + slack))
            report("form.relocation-target", target, relocation, symbol,
                   fmt::format("leads far out of {}", section->name));
    }

    void check_absolute(const elf::Section& target, const elf::Relocation& relocation, const elf::Symbol& symbol,
                        const arch::Field& field, int64_t value) {
        if (field.width != 4)
            return;
        const auto address = static_cast<int64_t>(symbol.value);
        const bool fits = field.pc_relative ? address < 0 && address >= -reach
                          : field.is_signed ? value >= -reach && value < reach
                                            : value >= 0 && value <= int64_t{UINT32_MAX};
        if (!fits)
            report("form.relocation-overflow", target, relocation, symbol, "does not fit into four bytes");
    }

    // A call or jump leads to the start of what is elsewhere, and into code of what is here.
    void check_branch(const elf::Section& target, const elf::Relocation& relocation, const elf::Symbol& symbol) {
        const uint64_t place =
            symbol.value + static_cast<uint64_t>(elf::sum(relocation.addend, machine_.usual_bias(relocation.type)));
        const elf::Section* section = module_.section_of(symbol);
        if (section ? !section->is_code() || place >= section->size
                    : symbol.place != elf::Place::absolute && place != symbol.value)
            report("form.branch-target", target, relocation, symbol, "is a call or jump that leads nowhere");
    }

    const elf::Object& module_;
    const arch::Machine& machine_;
    Verdict& verdict_;
};

// ---- tables ----

void check_normal_table(const Subject& subject, const elf::RelocationTable& table, Verdict& verdict) {
    const elf::Section& section = subject.module.section(table.section);
    const elf::Section& target = subject.module.section(table.target);
    if (section.name != fmt::format(".rela{}", target.name))
        verdict.add("form.relocation-section", section.name,
                    fmt::format("sh_info says that it is for {}", target.name));
    std::set<uint32_t> seen;
    for (const elf::Relocation& relocation : table.entries)
        if (subject.module.symbol(relocation.symbol).place == elf::Place::livepatch &&
            seen.insert(relocation.symbol).second)
            verdict.add("form.normal-relocation", subject.module.symbol(relocation.symbol).name,
                        fmt::format("{} refers to it", section.name));
}

} // namespace

void check_relocations(const Subject& subject, Verdict& verdict) {
    PlaceCheck places(subject, verdict);
    ValueCheck values(subject, verdict);
    for (const elf::RelocationTable& table : subject.module.relocation_tables()) {
        const bool is_livepatch = subject.module.section(table.section).flags & elf::shf_rela_livepatch;
        if (!is_livepatch && !subject.module.section(table.target).is_allocated()) {
            check_normal_table(subject, table, verdict);
            continue;
        }
        if (!is_livepatch)
            check_normal_table(subject, table, verdict);
        places.add(table);
        values.add(table);
    }
    for (const convert::CoreRelocation& relocation : subject.core_table.entries)
        places.add(relocation);
    places.find_overlaps();
}

} // namespace klp::verify
