// Live patches for klp-build's own runtime core: their table of relocations, and the core that is loaded with them.
#include "arch/field.h"
#include "arch/special_sections.h"
#include "elf/build_id.h"
#include "elf/livepatch_abi.h"
#include "verify/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <elf.h>
#include <optional>

namespace klp::verify {

namespace {

void check_place(const convert::CoreRelocation& relocation, const std::vector<arch::CodeRange>& read_by_loader,
                 Verdict& verdict) {
    if (!relocation.section || !relocation.section->is_allocated()) {
        verdict.add("form.core-table", relocation.symbol, "an entry's place is not in a section that is loaded");
        return;
    }
    const std::string_view section = relocation.section->name;
    if (arch::is_per_cpu(section))
        verdict.add("form.percpu-content", section,
                    fmt::format("{} is written into the module's copy, no processor has it", relocation.symbol));
    if (relocation.object != "vmlinux") {
        if (const arch::SpecialSection* late = arch::find_read_while_loading(section))
            verdict.add("form.late-section", section,
                        fmt::format("{} is written when {} is there, but {} while the patch loads ({})",
                                    relocation.symbol, relocation.object, late->reader, late->source));
        return;
    }
    if (const arch::SpecialSection* early = arch::find_read_before_core(section))
        verdict.add("form.before-core", section,
                    fmt::format("{} before {} is written ({})", early->reader, relocation.symbol, early->source));
    for (const arch::CodeRange& range : read_by_loader)
        if (range.section == relocation.section->index && relocation.offset >= range.offset &&
            relocation.offset - range.offset < range.size)
            verdict.add("form.before-core", section,
                        fmt::format("the instruction at {:#x} is replaced before {} is written", range.offset,
                                    relocation.symbol));
}

void check_owner(const convert::CoreRelocation& relocation, Verdict& verdict) {
    if ((relocation.object == "vmlinux") != (relocation.symbol_object == "vmlinux"))
        verdict.add(
            "form.foreign-symbol", relocation.symbol,
            fmt::format("it is a symbol of {}, written when {} is there", relocation.symbol_object, relocation.object));
}

// The CRC that a module gives to what it exports (include/linux/export.h, __crc_NAME).
std::optional<uint32_t> exported_crc(const elf::Object& module, std::string_view name) {
    for (const elf::Symbol& symbol : module.symbols()) {
        const elf::Section* section = module.section_of(symbol);
        if (symbol.name == fmt::format("__crc_{}", name) && section && section->data.size() >= 4 &&
            symbol.value <= section->data.size() - 4)
            return static_cast<uint32_t>(module.read_integer(section->data, symbol.value, 4));
    }
    return std::nullopt;
}

bool is_exported(const elf::Object& module, std::string_view name) {
    return std::ranges::any_of(module.symbols(), [&](const elf::Symbol& symbol) {
        return symbol.place == elf::Place::section && symbol.name == fmt::format("__ksymtab_{}", name);
    });
}

// The CRC that the module wants of what it imports.
std::optional<uint64_t> imported_crc(const elf::Modversions& versions, std::string_view name) {
    const auto found = std::ranges::find(versions.list, name, &elf::Modversion::name);
    return found == versions.list.end() ? std::nullopt : std::optional(found->crc);
}

void check_imports(const Subject& subject, const elf::Object& core, Verdict& verdict) {
    for (const elf::Symbol& symbol : subject.module.symbols()) {
        if (!symbol.is_undefined() || std::ranges::find(elf::core_exports, symbol.name) == std::end(elf::core_exports))
            continue;
        const std::optional<uint64_t> wanted = imported_crc(subject.versions, symbol.name);
        const std::optional<uint32_t> given = exported_crc(core, symbol.name);
        if (!is_exported(core, symbol.name))
            verdict.add("match.core", symbol.name, fmt::format("{} does not export it", core.name()));
        else if (wanted && given && *wanted != *given)
            verdict.add("match.core", symbol.name,
                        fmt::format("the module was built for CRC {:#010x}, that of {} is {:#010x}", *wanted,
                                    core.name(), *given));
    }
}

} // namespace

void check_core_table(const Subject& subject, Verdict& verdict) {
    for (const std::string& defect : subject.core_table.defects)
        verdict.add("form.core-table", elf::core_relocs_section, defect);
    if (!subject.core_table.entries.empty() && subject.runtime != elf::Runtime::core)
        verdict.add("form.core-table", elf::core_relocs_section, "it is in a module for the kernel's own core");
    const std::vector<arch::CodeRange> read_by_loader = arch::code_read_by_loader(subject.module);
    for (const convert::CoreRelocation& relocation : subject.core_table.entries) {
        check_place(relocation, read_by_loader, verdict);
        check_owner(relocation, verdict);
    }
}

void check_core(const Subject& subject, const elf::Object& core, const symbols::KernelView* kernel, Verdict& verdict) {
    const elf::Modinfo modinfo = elf::read_modinfo(core);
    if (modinfo.value("name") != elf::core_module) {
        verdict.add("match.core", "", fmt::format("{} is not {}.ko", core.name(), elf::core_module));
        return;
    }
    if (modinfo.value("vermagic") != subject.modinfo.value("vermagic"))
        verdict.add("match.core", "",
                    fmt::format("{} has the vermagic \"{}\"", core.name(), modinfo.value("vermagic")));
    check_imports(subject, core, verdict);
    const elf::Object* image = kernel ? kernel->image("vmlinux") : nullptr;
    const std::string wanted(modinfo.value(elf::build_id_tag));
    const std::string given = image ? elf::build_id(*image) : std::string();
    if (!wanted.empty() && !given.empty() && wanted != given)
        verdict.add("match.core", "",
                    fmt::format("{} is for the kernel with build id {}, this one is {}", core.name(), wanted, given));
}

} // namespace klp::verify
