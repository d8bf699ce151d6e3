#include "convert/load_time_sections.h"

#include <algorithm>

namespace klp::convert {

const std::vector<LoadTimeSection>& load_time_sections() {
    static const std::vector<LoadTimeSection> sections = {
        {".init*", "init code and data are gone when the module's relocations are applied",
         "kernel/module/main.c, do_init_module()"},
        {".exit*", "exit code may be dropped by the loader", "kernel/module/main.c, rewrite_section_headers()"},
        {"__jump_table", "jump labels are linked to their keys", "kernel/jump_label.c, jump_label_add_module()"},
        {".static_call_sites", "static calls are linked to their keys",
         "kernel/static_call_inline.c, static_call_add_module()"},
        {".static_call_tramp_key", "static call keys are looked up by trampoline", "kernel/static_call_inline.c"},
        {".altinstructions", "alternatives are applied", "arch/*/kernel/module.c, module_finalize()", true},
        {".altinstr_replacement", "alternatives are copied from it",
         "arch/*/kernel/alternative.c, apply_alternatives()", true},
        {".altinstr_aux", "alternatives jump into it", "arch/x86/include/asm/cpufeature.h", true},
        {".parainstructions", "paravirt calls are patched", "arch/x86/kernel/module.c, module_finalize()", true},
        {".retpoline_sites", "retpolines are patched", "arch/x86/kernel/module.c, module_finalize()", true},
        {".return_sites", "return thunks are patched", "arch/x86/kernel/module.c, module_finalize()", true},
        {".call_sites", "call depth tracking is patched in", "arch/x86/kernel/module.c, module_finalize()", true},
        {".ibt_endbr_seal", "unused ENDBR instructions are sealed", "arch/x86/kernel/module.c, module_finalize()",
         true},
        {".cfi_sites", "CFI hashes are rewritten", "arch/x86/kernel/module.c, module_finalize()", true},
        {".kcfi_traps", "CFI traps are registered", "kernel/module/main.c, find_module_sections()"},
        {".smp_locks", "lock prefixes are patched", "arch/x86/kernel/module.c, module_finalize()", true},
        {".orc_header", "the format of the unwind tables is checked",
         "arch/x86/kernel/unwind_orc.c, unwind_module_init()", true},
        {"__bug_table", "places of WARN() and BUG() are registered", "lib/bug.c, module_bug_finalize()", true},
        {".orc_unwind*", "unwind tables are sorted", "arch/x86/kernel/unwind_orc.c, unwind_module_init()", true},
        {"__mcount_loc", "ftrace locations are sorted", "kernel/trace/ftrace.c, ftrace_module_init()", true},
        {"__patchable_function_entries", "ftrace locations are sorted", "kernel/trace/ftrace.c, ftrace_module_init()"},
        {"__ex_table", "exception entries are sorted", "kernel/module/main.c, post_relocation()", true},
        {"__param", "parameters are parsed", "kernel/module/main.c, load_module()"},
        {"__ksymtab*", "exports are entered", "kernel/module/main.c, find_module_sections()", true},
        {"___ksymtab*", "exports are entered", "kernel/module/main.c, find_module_sections()", true},
        {"__tracepoints_ptrs", "tracepoints are registered", "kernel/tracepoint.c, tracepoint_module_notify()"},
        {"_ftrace_events", "trace events are registered", "kernel/trace/trace_events.c, trace_module_add_events()"},
        {"__bpf_raw_tp_map", "raw tracepoints are registered", "kernel/module/main.c, find_module_sections()"},
        {"_error_injection_whitelist", "error injection points are registered",
         "kernel/module/main.c, find_module_sections()"},
        {"_kprobe_blacklist", "the kprobe blacklist is read", "kernel/module/main.c, find_module_sections()"},
        {".ctors*", "constructors are called", "kernel/module/main.c, do_mod_ctors()"},
        {".gnu.linkonce.this_module", "struct module is read", "kernel/module/main.c, load_module()", true},
        {".modinfo", "the module's description is read", "kernel/module/main.c, check_modinfo()", true},
        {"__versions", "symbol versions are read", "kernel/module/version.c, check_version()", true},
        {"__ftr_fixup*", "CPU feature fixups are applied", "arch/powerpc/kernel/module.c, module_finalize()"},
        {"__ftr_alt_*", "CPU feature fixups are copied from it", "arch/powerpc/lib/feature-fixups.c"},
        {"__mmu_ftr_fixup", "MMU feature fixups are applied", "arch/powerpc/kernel/module.c, module_finalize()"},
        {"__fw_ftr_fixup", "firmware feature fixups are applied", "arch/powerpc/kernel/module.c, module_finalize()"},
        {"__lwsync_fixup", "lwsync fixups are applied", "arch/powerpc/kernel/module.c, module_finalize()"},
        {".s390_indirect*", "expolines are patched", "arch/s390/kernel/module.c, module_finalize()"},
        {".s390_return*", "expolines are patched", "arch/s390/kernel/module.c, module_finalize()"},
    };
    return sections;
}

const LoadTimeSection* find_load_time_section(std::string_view name) {
    auto matches = [name](const LoadTimeSection& entry) {
        if (!entry.name.ends_with('*'))
            return entry.name == name;
        return name.starts_with(entry.name.substr(0, entry.name.size() - 1));
    };
    const std::vector<LoadTimeSection>& sections = load_time_sections();
    auto found = std::ranges::find_if(sections, matches);
    return found == sections.end() ? nullptr : &*found;
}

const LoadTimeSection* find_section_before_core(std::string_view name) {
    const LoadTimeSection* found = find_load_time_section(name);
    return found && found->precedes_core ? found : nullptr;
}

} // namespace klp::convert
