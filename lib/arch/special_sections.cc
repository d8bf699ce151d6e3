#include "arch/special_sections.h"

#include <algorithm>
#include <array>
#include <elf.h>
#include <unordered_map>

namespace klp::arch {

namespace {

// Sources: include/asm-generic/vmlinux.lds.h, arch/*/include/asm/{alternative,bug,asm-extable,jump_label}.h,
// tools/objtool/include/objtool/special.h, scripts/module.lds.S; sizes over the kernels from 4.4 to 6.12.
const std::vector<SpecialSection>& table() {
    static const std::vector<SpecialSection> sections = {
        {.name = ".altinstructions",
         .sizes = {12, 14, 13, 16, 8},
         .variable = "ALT_STRUCT_SIZE",
         .structure = "alt_instr"},
        {.name = "__bug_table",
         .sizes = {12, 8, 16, 24, 6, 20},
         .variable = "BUG_STRUCT_SIZE",
         .structure = "bug_entry",
         .blind = {{12, 8, 10}, {16, 8, 10}, {24, 16, 18}, {16, 12, 14}, {20, 16, 18}, {20, 12, 14}}},
        {.name = "__ex_table",
         .sizes = {12, 8, 16},
         .variable = "EX_STRUCT_SIZE",
         .structure = "exception_table_entry"},
        {.name = "__jump_table",
         .sizes = {16, 24, 12},
         .variable = "JUMP_STRUCT_SIZE",
         .structure = "jump_entry",
         .key_field = "jump label"},
        {.name = ".static_call_sites",
         .sizes = {8},
         .variable = "STATIC_CALL_STRUCT_SIZE",
         .structure = "static_call_site",
         .key_field = "static call"},
        {.name = ".parainstructions",
         .policy = Policy::derived,
         .sizes = {16},
         .variable = "PARA_STRUCT_SIZE",
         .structure = "paravirt_patch_site"},
        {.name = ".smp_locks", .policy = Policy::derived, .sizes = {4}},
        {.name = ".retpoline_sites", .policy = Policy::derived, .sizes = {4}},
        {.name = ".return_sites", .policy = Policy::derived, .sizes = {4}},
        {.name = ".call_sites", .policy = Policy::derived, .sizes = {4}},
        {.name = ".cfi_sites", .policy = Policy::derived, .sizes = {4}},
        {.name = ".kcfi_traps", .policy = Policy::derived, .sizes = {4}},
        // Sealing is an optional hardening; a live patch's functions are entered by return, never by an indirect
        // branch, but nobody here can know who will take their address.
        {.name = ".ibt_endbr_seal", .policy = Policy::drop, .sizes = {4}},
        {.name = "__mcount_loc", .policy = Policy::derived, .sizes = {8}},
        {.name = "__patchable_function_entries", .policy = Policy::derived, .sizes = {8}},
        {.name = ".orc_unwind_ip",
         .policy = Policy::derived,
         .sizes = {4},
         .parallel = ".orc_unwind",
         .parallel_variable = "ORC_STRUCT_SIZE",
         .parallel_structure = "orc_entry"},
        {.name = ".printk_index", .policy = Policy::drop, .sizes = {8}, .variable = "PRINTK_INDEX_STRUCT_SIZE"},
        {.name = "_kprobe_blacklist", .policy = Policy::drop, .sizes = {8}},
        {.name = "_error_injection_whitelist", .policy = Policy::drop, .sizes = {16}},
        {.name = "__stack_protector_loc", .policy = Policy::derived, .sizes = {8, 4}},
        // ppc64: arch/powerpc/include/asm/feature-fixups.h, struct fixup_entry
        {.name = "__ftr_fixup", .sizes = {48}, .tie = 16},
        {.name = "__mmu_ftr_fixup", .sizes = {48}, .tie = 16},
        {.name = "__fw_ftr_fixup", .sizes = {48}, .tie = 16},
        {.name = "__lwsync_fixup", .policy = Policy::derived, .sizes = {8, 4}},
        {.name = "__barrier_nospec_fixup", .policy = Policy::derived, .sizes = {8}},
        {.name = "__rfi_flush_fixup", .policy = Policy::derived, .sizes = {8}},
        {.name = "__stf_entry_barrier_fixup", .policy = Policy::derived, .sizes = {8}},
        {.name = "__stf_exit_barrier_fixup", .policy = Policy::derived, .sizes = {8}},
        {.name = "__uaccess_flush_fixup", .policy = Policy::derived, .sizes = {8}},
        {.name = "__entry_flush_fixup", .policy = Policy::derived, .sizes = {8}},
        {.name = "__btb_flush_fixup", .policy = Policy::derived, .sizes = {8}},
        {.name = "__spec_barrier_fixup", .policy = Policy::derived, .sizes = {8}},
        // s390: arch/s390/kernel/nospec-branch.c
        {.name = ".s390_indirect_jump", .policy = Policy::derived, .sizes = {4}},
        {.name = ".s390_indirect_call", .policy = Policy::derived, .sizes = {4}},
        {.name = ".s390_indirect_branches", .policy = Policy::derived, .sizes = {4}},
        {.name = ".s390_return_mem", .policy = Policy::derived, .sizes = {4}},
        {.name = ".s390_return_reg", .policy = Policy::derived, .sizes = {4}},
        {.name = ".nospec_call_table", .policy = Policy::derived, .sizes = {4}},
        {.name = ".nospec_return_table", .policy = Policy::derived, .sizes = {4}},
        // arm64: what has to be relocated in the hypervisor's own image (arch/arm64/kvm/hyp/nvhe/gen-hyprel.c), which
        // no live patch reaches
        {.name = ".hyp.reloc", .policy = Policy::drop, .sizes = {4}},
        // Marks for objtool, which reads them from the finished module on kernels that run it late.
        {.name = ".discard.reachable", .policy = Policy::derived, .sizes = {4, 8}},
        {.name = ".discard.unreachable", .policy = Policy::derived, .sizes = {4, 8}},
        {.name = ".discard.retpoline_safe", .policy = Policy::derived, .sizes = {4, 8}},
        {.name = ".discard.ignore_alts", .policy = Policy::derived, .sizes = {4, 8}},
        {.name = ".discard.noendbr", .policy = Policy::derived, .sizes = {4, 8}},
        {.name = ".discard.instr_begin", .policy = Policy::derived, .sizes = {4, 8}},
        {.name = ".discard.instr_end", .policy = Policy::derived, .sizes = {4, 8}},
        {.name = ".discard.intra_function_calls", .policy = Policy::derived, .sizes = {4, 8}},
        {.name = ".discard.validate_unret", .policy = Policy::derived, .sizes = {4, 8}},
        {.name = ".discard.ibt_endbr_noseal", .policy = Policy::derived, .sizes = {8}},
        {.name = ".discard.rethunk_safe", .policy = Policy::derived, .sizes = {4, 8}},
        {.name = ".discard.annotate_insn", .policy = Policy::derived, .sizes = {8}},
        {.name = ".discard.annotate_data", .policy = Policy::derived, .sizes = {8}},
        {.name = ".discard.unwind_hints", .policy = Policy::derived, .sizes = {12, 8}},
        {.name = ".discard.func_stack_frame_non_standard", .policy = Policy::derived, .sizes = {8, 4}},
        {.name = ".discard.tablejump_annotate", .policy = Policy::derived, .sizes = {16}},
        {.name = ".rodata..c_jump_table_annotate", .policy = Policy::drop, .sizes = {8}},
        // arch/*/include/asm/runtime-const.h
        {.name = "runtime_ptr_", .policy = Policy::constant, .sizes = {4}},
        {.name = "runtime_shift_", .policy = Policy::constant, .sizes = {4}},
    };
    return sections;
}

template <size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
    return std::ranges::find(names, name) != names.end();
}

template <size_t N>
bool starts_with_one_of(std::string_view name, const std::array<std::string_view, N>& prefixes) {
    return std::ranges::any_of(prefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
}

bool is_ignored(const elf::Section& section) {
    constexpr auto names = std::to_array<std::string_view>({".comment",
                                                            ".modinfo",
                                                            "__versions",
                                                            ".gnu.linkonce.this_module",
                                                            ".BTF",
                                                            ".BTF.ext",
                                                            ".BTF_ids",
                                                            ".orc_unwind",
                                                            ".orc_header",
                                                            ".discard.addressable",
                                                            ".gnu.attributes",
                                                            ".eh_frame",
                                                            ".llvm_addrsig",
                                                            "__modver",
                                                            "__trace_printk_fmt",
                                                            ".llvm.call-graph-profile",
                                                            ".export_symbol",
                                                            ".discard.sym_table",
                                                            "__bpf_raw_tp_map",
                                                            "_ftrace_eval_map",
                                                            ".no_trim_symbol",
                                                            ".plt",
                                                            ".init.plt",
                                                            ".text.ftrace_trampoline",
                                                            ".stubs",
                                                            ".got",
                                                            ".discard",
                                                            ".exitcall.exit",
                                                            ".discard.file_name",
                                                            ".discard.warn_on_reachable"});
    constexpr auto prefixes = std::to_array<std::string_view>(
        {".note", ".debug", "___ksymtab", "__ksymtab", "__kcrctab", "___kcrctab", ".gnu.", ".ARM.attributes",
         ".stack_sizes", ".llvm", ".klp.", ".discard.ksym", ".discard.type", ".discard.compiler"});
    if (section.type == SHT_GROUP || section.type == SHT_NOTE || section.type == SHT_SYMTAB || section.type == SHT_RELA)
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

std::span<const SpecialSection> special_sections() {
    return table();
}

std::span<const std::string_view> table_readers() {
    static constexpr std::array<std::string_view, 8> sources{"kernel/alternative.c", "lib/bug.c",
                                                             "kernel/extable.c",     "lib/extable.c",
                                                             "kernel/jump_label.c",  "kernel/static_call_inline.c",
                                                             "kernel/static_call.c", "kernel/unwind_orc.c"};
    return sources;
}

const SpecialSection* find_special(std::string_view section) {
    static const auto by_name = [] {
        std::unordered_map<std::string_view, const SpecialSection*> map;
        for (const SpecialSection& entry : table())
            map.emplace(entry.name, &entry);
        return map;
    }();
    auto found = by_name.find(section);
    if (found != by_name.end())
        return found->second;
    if (!section.starts_with("runtime_"))
        return nullptr;
    auto begins = std::ranges::find_if(table(), [&](const SpecialSection& entry) {
        return entry.policy == Policy::constant && section.starts_with(entry.name);
    });
    return begins == table().end() ? nullptr : &*begins;
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
    if (is_ordinary_data(section.name) || section.type == SHT_NOBITS)
        return Role::data;
    return Role::unknown;
}

} // namespace klp::arch
