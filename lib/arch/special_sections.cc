#include "arch/special_rows.h"

#include <algorithm>
#include <array>
#include <elf.h>
#include <iterator>
#include <unordered_map>

namespace klp::arch {

namespace {

template <size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
    return std::ranges::find(names, name) != names.end();
}

template <size_t N>
bool starts_with_one_of(std::string_view name, const std::array<std::string_view, N>& prefixes) {
    return std::ranges::any_of(prefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
}

bool is_ignored(const elf::Section& section) {
    constexpr auto names = std::to_array<std::string_view>(
        {".comment", "__versions", "__version_ext_crcs", "__version_ext_names", ".gnu.linkonce.this_module", ".BTF",
         ".BTF.ext", ".orc_unwind", ".orc_header", ".discard.addressable", ".gnu.attributes", ".eh_frame",
         ".llvm_addrsig", ".llvm.call-graph-profile", ".export_symbol", ".discard.sym_table", ".no_trim_symbol", ".plt",
         ".init.plt", ".stubs", ".got", ".discard", ".discard.file_name", ".discard.warn_on_reachable",
         // strings that the link compares (include/linux/tracepoint.h, Linux 6.19)
         "__tracepoint_check"});
    constexpr auto prefixes =
        std::to_array<std::string_view>({".note", ".debug", "___ksymtab", "__ksymtab", "__kcrctab", "___kcrctab",
                                         "___kflagstab", "__kflagstab", ".gnu.", ".ARM.attributes", ".stack_sizes",
                                         ".llvm", ".klp.", ".discard.ksym", ".discard.type", ".discard.compiler"});
    if (section.type == SHT_GROUP || section.type == SHT_NOTE || section.type == SHT_SYMTAB || section.type == SHT_RELA)
        return true;
    // One byte in a finished module, which the loader makes room behind (arch/arm64/include/asm/module.lds.h); any
    // more is a function of that name.
    if (section.name == ".text.ftrace_trampoline" && section.data.size() <= 1)
        return true;
    return is_one_of(section.name, names) || starts_with_one_of(section.name, prefixes);
}

bool is_registry(std::string_view name) {
    constexpr auto prefixes = std::to_array<std::string_view>({".initcall",
                                                               ".con_initcall",
                                                               ".security_initcall",
                                                               ".init.setup",
                                                               "__param",
                                                               "__syscalls_metadata",
                                                               "_ftrace_events",
                                                               "__tracepoints_ptrs",
                                                               "__irqchip_of_table",
                                                               "__clk_of_table",
                                                               "__timer_of_table",
                                                               "__earlycon_table",
                                                               ".x86_cpu_dev.init",
                                                               "__kunit",
                                                               ".kunit",
                                                               ".apicdrivers",
                                                               "__lsm_info",
                                                               "__bpf_kfunc",
                                                               ".builtin_fw",
                                                               "__governor_thermal_table",
                                                               ".pci_fixup",
                                                               ".static_call_tramp_key",
                                                               "__reservedmem_of_table",
                                                               "__cpu_method_of_table",
                                                               "__genksyms",
                                                               "__tracepoints_strings",
                                                               "__tracepoint_str",
                                                               ".lsm_info.init",
                                                               ".x86_intel_mid_dev.init",
                                                               "__acpi_probe_table",
                                                               "_ftrace_annotated_branch",
                                                               "_ftrace_branch",
                                                               "__codetag",
                                                               ".modinfo",
                                                               "__modver",
                                                               "__bpf_raw_tp_map",
                                                               "_ftrace_eval_map",
                                                               ".exitcall.exit",
                                                               "alloc_tags"});
    return starts_with_one_of(name, prefixes);
}

bool is_ordinary_data(std::string_view name) {
    constexpr auto prefixes =
        std::to_array<std::string_view>({".data",          ".bss",           ".rodata",
                                         ".init.data",     ".init.rodata",   ".ref.data",
                                         ".exit.data",     ".ro_after_init", ".meminit",
                                         ".sdata",         ".sbss",          ".lrodata",
                                         ".ldata",         ".lbss",          ".toc",
                                         ".hyp.",          ".tdata",         ".tbss",
                                         "__tracepoints",  "__dyndbg",       "__verbose",
                                         "__jump_label",   ".vvar",          ".percpu",
                                         ".srodata",       ".rodata1",       ".got",
                                         "__cpuidle_data", "_ftrace",        ".brk_reservation",
                                         "__bug_strings",  ".kmemleak",      "___srcu_struct_ptrs",
                                         ".memexit",       ".devinit",       ".cpuinit",
                                         ".devexit",       ".cpuexit"});
    return starts_with_one_of(name, prefixes);
}

} // namespace

std::span<const std::string_view> table_readers() {
    static constexpr std::array<std::string_view, 8> sources{"kernel/alternative.c", "lib/bug.c",
                                                             "kernel/extable.c",     "lib/extable.c",
                                                             "kernel/jump_label.c",  "kernel/static_call_inline.c",
                                                             "kernel/static_call.c", "kernel/unwind_orc.c"};
    return sources;
}

std::span<const SpecialSection> special_sections() {
    static const std::vector<SpecialSection> all = [] {
        std::vector<SpecialSection> rows = rows_of_functions();
        std::ranges::move(rows_of_modules(), std::back_inserter(rows));
        return rows;
    }();
    return all;
}

const SpecialSection* find_row(std::string_view section) {
    struct Index {
        std::unordered_map<std::string_view, const SpecialSection*> whole;
        std::vector<const SpecialSection*> beginnings;
    };
    static const Index index = [] {
        Index made;
        for (const SpecialSection& row : special_sections())
            if (row.is_prefix)
                made.beginnings.push_back(&row);
            else
                made.whole.emplace(row.name, &row);
        return made;
    }();
    if (auto found = index.whole.find(section); found != index.whole.end())
        return found->second;
    auto begins = std::ranges::find_if(index.beginnings,
                                       [&](const SpecialSection* row) { return section.starts_with(row->name); });
    return begins == index.beginnings.end() ? nullptr : *begins;
}

const SpecialSection* find_special(std::string_view section) {
    const SpecialSection* row = find_row(section);
    return row && row->role == Role::special ? row : nullptr;
}

const SpecialSection* find_read_while_loading(std::string_view section) {
    const SpecialSection* row = find_row(section);
    return row && !row->reader.empty() ? row : nullptr;
}

const SpecialSection* find_read_before_core(std::string_view section) {
    const SpecialSection* row = find_read_while_loading(section);
    return row && row->precedes_core ? row : nullptr;
}

bool is_per_cpu(std::string_view section) {
    return section.starts_with(".data..percpu") || section.starts_with(".data.percpu");
}

bool is_ro_after_init(std::string_view section) {
    return section.starts_with(".data..ro_after_init") || section.starts_with(".ro_after_init");
}

bool is_read_only(const elf::Section& section) {
    return !section.is_writable() || section.name.starts_with(".data.rel.ro") || section.name.starts_with(".rodata");
}

std::string_view name_in_module(std::string_view section) {
    constexpr std::string_view per_cpu = ".data..percpu";
    return section.starts_with(per_cpu) ? per_cpu : section;
}

bool is_filled_by_link(std::string_view section) {
    const SpecialSection* row = find_row(section);
    return row && row->is_filled_by_link;
}

bool is_decrypted(std::string_view section) {
    return section.ends_with("..decrypted");
}

bool is_init(std::string_view section) {
    return section.starts_with(".init.") || section.starts_with(".head.text") || section == ".initcall";
}

bool is_exit(std::string_view section) {
    return section.starts_with(".exit.");
}

Role role_of(const elf::Section& section) {
    if (section.index == 0)
        return Role::ignored;
    if (section.name.starts_with(".kpatch.") || section.name.starts_with(".discard.klp") ||
        section.name.starts_with(".klp.ignore") || section.name.starts_with(".klp.callbacks") ||
        section.name.starts_with(".klp.force"))
        return Role::macros;
    if (find_special(section.name))
        return Role::special;
    if (is_ignored(section))
        return Role::ignored;
    if (section.name == ".altinstr_replacement" || section.name == ".fixup" || section.name == ".altinstr_aux" ||
        section.name.starts_with("__ftr_alt_"))
        return Role::fragments;
    if (!section.is_allocated())
        return Role::ignored;
    if (section.is_code())
        return Role::code;
    if (section.is_mergeable_strings() && !section.is_writable())
        return Role::strings;
    if ((section.flags & SHF_MERGE) && !section.is_writable() && section.entry_size > 0)
        return Role::constants;
    if (is_registry(section.name))
        return Role::registry;
    if (const SpecialSection* row = find_row(section.name); row && row->role == Role::data)
        return Role::data;
    if (is_ordinary_data(section.name) || section.type == SHT_NOBITS)
        return Role::data;
    return Role::unknown;
}

} // namespace klp::arch
