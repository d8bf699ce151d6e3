#include "verify/rule.h"

#include <algorithm>
#include <stdexcept>

namespace klp::verify {

namespace {

constexpr auto error = report::Severity::error;
constexpr auto warning = report::Severity::warning;
constexpr auto note = report::Severity::note;

constexpr std::string_view reconvert = "run klp-convert of this release on the module as kbuild linked it";
constexpr std::string_view rebuild = "build the module again for this kernel";
constexpr std::string_view format = "Documentation/livepatch/module-elf-format.rst";

} // namespace

const std::vector<Rule>& rules() {
    static const std::vector<Rule> all = {
        // ---- form: the file itself ----
        {"form.not-a-module", error, "the file is a relocatable module with .modinfo and struct module",
         "kernel/module/main.c, elf_validity_cache_copy()", "give the .ko file"},
        {"form.not-livepatch", error, ".modinfo says livepatch=Y", "kernel/module/main.c, check_modinfo_livepatch()",
         "add MODULE_INFO(livepatch, \"Y\") to the source"},
        {"form.license", error, "the licence is compatible with the GPL: the livepatch core is for those only",
         "include/linux/license.h, license_is_gpl_compatible(); klp_enable_patch is EXPORT_SYMBOL_GPL",
         "add MODULE_LICENSE(\"GPL\") to the source"},
        {"form.vermagic", error, ".modinfo has a vermagic", "kernel/module/main.c, check_modinfo()", rebuild},
        {"form.name", error, ".modinfo names the module, in at most 55 characters without a dot",
         "include/linux/module.h, MODULE_NAME_LEN", "give the module a shorter name"},
        {"form.unconverted", error, "nothing of klp-build's intermediate form is left",
         "klp-build, lib/elf/livepatch_abi.h", "run klp-convert on it"},
        {"form.section-name", error,
         "a livepatch relocation section is named .klp.rela.OBJECT.SECTION after its target",
         "Documentation/livepatch/module-elf-format.rst, 3.1; kernel/livepatch/core.c, klp_write_section_relocs()",
         reconvert},
        {"form.section-type", error, "a livepatch relocation section is SHT_RELA", format, reconvert},
        {"form.section-flags", error,
         "SHF_RELA_LIVEPATCH and SHF_ALLOC are set on .klp.rela sections, the first on no other",
         "Documentation/livepatch/module-elf-format.rst, 3.1; kernel/module/main.c, apply_relocations()", reconvert},
        {"form.section-link", error, "sh_link of a livepatch relocation section is the symbol table", format,
         reconvert},
        {"form.section-info", error, "sh_info of a livepatch relocation section is a section that is loaded",
         "kernel/module/main.c, apply_relocations()", reconvert},
        {"form.section-twice", error, "there is one livepatch relocation section per object and target", format,
         reconvert},
        {"form.symbol-name", error, "a livepatch symbol is named .klp.sym.OBJECT.NAME,POS within the kernel's lengths",
         "kernel/livepatch/core.c, klp_resolve_symbols()", reconvert},
        {"form.symbol-place", error, "a symbol is SHN_LIVEPATCH if and only if it is named .klp.sym.*", format,
         reconvert},
        {"form.symbol-order", error, "local symbols come before the others, as sh_info of the symbol table says",
         "System V ABI, \"Symbol Table\"", reconvert},
        {"form.livepatch-relocation", error, "every symbol of a livepatch relocation is a livepatch symbol",
         "kernel/livepatch/core.c, klp_resolve_symbols()", reconvert},
        {"form.normal-relocation", error, "no normal relocation names a livepatch symbol, which the loader leaves at 0",
         "kernel/module/main.c, simplify_symbols()", reconvert},
        {"form.foreign-symbol", error,
         "symbols of vmlinux are in .klp.rela.vmlinux sections and those of modules are not",
         "kernel/livepatch/core.c, klp_resolve_symbols()", reconvert},
        {"form.late-section", error,
         "no relocation for a module is in a section that is read while the patch module loads",
         "kernel/livepatch/core.c, comment at klp_write_section_relocs()",
         "keep symbols of modules out of special sections and init code"},
        {"form.relocation-type", error, "the module loader knows the type of every relocation",
         "arch/*/kernel/module.c, apply_relocate_add()", "compile with the kernel's own flags"},
        {"form.relocation-range", error, "a relocation changes bytes of its section only", "arch/*/kernel/module.c",
         "the file is damaged; build it again"},
        {"form.relocation-twice", error, "no two relocations change the same bytes",
         "arch/x86/kernel/module.c, __write_relocate_add()", reconvert},
        {"form.relocated-bytes", error, "the bytes under a relocation are zero",
         "arch/x86/kernel/module.c, __write_relocate_add(): \"Invalid relocation target, existing value is nonzero\"",
         "the file was relocated already, or damaged; build it again"},
        {"form.common-symbol", error, "there is no common symbol", "kernel/module/main.c, simplify_symbols()",
         "compile with -fno-common"},
        {"form.alignment", error, "no loaded section wants more than a page's alignment",
         "kernel/module/main.c, module_get_offset_and_type() and percpu_modalloc()", "do not align beyond 4096"},
        {"form.table-size", error, "the size of a special section is a multiple of its entries'",
         "kernel/module/main.c, find_module_sections()", rebuild},
        {"form.orc-size", error, ".orc_unwind and .orc_unwind_ip have the same number of entries",
         "arch/x86/kernel/unwind_orc.c, unwind_module_init()", rebuild},
        {"form.orc-order", warning, "the ORC entries of one section ascend",
         "tools/objtool/orc_gen.c; scripts/sorttable.h", "rebuild the object with the kernel's own objtool"},
        {"form.core-table", error, "the table of relocations for klp-build's runtime core is sound",
         "klp-build, template/core/README.md", reconvert},
        {"form.before-core", error,
         "no entry of that table is for what the module loader reads before the core can write it",
         "arch/x86/kernel/module.c, module_finalize()", "keep unexported symbols of vmlinux out of such code"},
        // ---- match: against a target kernel ----
        {"match.runtime", error, "the module is for the livepatch core that the kernel has",
         "kernel/module/main.c, check_modinfo_livepatch()", "build it with klp-build --runtime auto"},
        {"match.core", error, "the runtime core that goes with the module is for the same kernel",
         "klp-build, template/core/kernel/livepatch/init.c",
         "use the klp_core.ko that klp-build wrote with the module"},
        {"match.vermagic", error, "vermagic is the target kernel's", "kernel/module/main.c, check_modinfo()", rebuild},
        {"match.build-id", error, "the kernel and its modules are the builds that the module was made for",
         "klp_build_id of .modinfo, which klp-build writes; NT_GNU_BUILD_ID of vmlinux and the modules", rebuild},
        {"match.not-exported", error, "every import is exported by the target kernel",
         "kernel/module/main.c, resolve_symbol()", "run klp-convert on the module, which makes it a livepatch symbol"},
        {"match.weak-unresolved", error,
         "no weak import is a symbol that the kernel has but does not export: it would be 0",
         "kernel/module/main.c, simplify_symbols()",
         "run klp-convert on the module, which makes it a livepatch symbol"},
        {"match.crc", error, "the CRC of every import is the target's", "kernel/module/version.c, check_version()",
         rebuild},
        {"match.no-crc", error, "every import has a CRC where the target has",
         "kernel/module/version.c, check_version()", rebuild},
        {"match.namespace", error, "the module imports the namespaces of the symbols it uses",
         "kernel/module/main.c, verify_namespace_is_imported()", "add MODULE_IMPORT_NS() to the source"},
        {"match.static-call-key", error, "a static call names its key where the target exports the key",
         "kernel/static_call_inline.c, static_call_add_module(): tramp_key_lookup()", rebuild},
        {"match.depends-on-patched", warning, "the module imports nothing from a module that it patches",
         "Documentation/livepatch/module-elf-format.rst, 4: late module patching",
         "the patch cannot be loaded before that module; make the symbol a livepatch symbol"},
        {"match.unknown-object", error, "every object named is vmlinux or a module of the target",
         "kernel/livepatch/core.c, klp_find_object_module()",
         "objects are named as in /proc/modules, with '_' for '-'"},
        {"match.symbol-missing", error, "every livepatch symbol is in its object",
         "kernel/livepatch/core.c, klp_find_object_symbol()", rebuild},
        {"match.symbol-ambiguous", error, "position 0 stands for a unique symbol",
         "kernel/livepatch/core.c, klp_find_object_symbol()",
         "say which one is meant: klp-convert --symbol NAME=OBJ,POS"},
        {"match.sympos", error, "a position is that of a symbol of the object",
         "kernel/livepatch/core.c, klp_find_object_symbol()", rebuild},
        {"match.sympos-unstable", warning, "a position means the same while a module initialises and after",
         "kernel/module/kallsyms.c, is_core_symbol()", "refer to the symbol through something with a unique name"},
        {"match.freed-symbol", error, "no livepatch symbol is in memory that is freed after boot",
         "include/asm-generic/vmlinux.lds.h, INIT_DATA; mm/init: free_initmem()",
         "the patched code must not use init data"},
        {"match.function-missing", error, "every patched function is in its object",
         "kernel/livepatch/core.c, klp_init_object_loaded()", rebuild},
        {"match.function-ambiguous", error, "a patched function without position has a unique name",
         "kernel/livepatch/core.c, klp_find_object_symbol()", "give old_sympos"},
        {"match.function-sympos", error, "the position of a patched function is one of the object's",
         "kernel/livepatch/core.c, klp_find_object_symbol()", rebuild},
        {"match.not-a-function", error, "what is patched is code", "kernel/livepatch/patch.c, klp_patch_func()", ""},
        {"match.init-function", error, "no patched function is init code, which is gone after boot",
         "kernel/livepatch/core.c, klp_init_object_loaded()", "patch the functions that are left after boot"},
        {"match.no-ftrace", error, "every patched function has an ftrace location",
         "kernel/livepatch/patch.c, klp_patch_func(); Documentation/livepatch/livepatch.rst, 7",
         "notrace, inline and assembler functions cannot be patched; patch their callers"},
        {"match.reload", warning, "a patched module can be loaded again while the patch is active",
         "kernel commit 0c05e7bd2d01 (6.3), clear_relocate_add(): before it, x86 refuses to relocate a place twice",
         "unload the patch before the module is loaded again, or replace the patch by a new build of itself"},
        // ---- sense: does it do what it says? ----
        {"sense.patched-twice", error, "no function is patched twice by one patch",
         "kernel/livepatch/core.c, klp_init_func(): kobject_add()", "keep one of the replacements"},
        {"sense.new-function", error, "every patched function has a replacement that is code of the module",
         "kernel/livepatch/core.c, klp_init_func()", reconvert},
        {"sense.nothing-patched", error, "the patch changes at least one function",
         "kernel/livepatch/core.c, klp_init_patch()", "the patch has no effect on code; there is nothing to load"},
        {"sense.orphan-relocations", error, "the patch has functions of every object that it has relocations for",
         "kernel/livepatch/core.c, klp_apply_object_relocs(): they are applied with the object's functions",
         "the symbols would never be resolved; refer to them from the owner of the patched code"},
        {"sense.state-lost", error, "a patch that replaces all others handles their system states",
         "kernel/livepatch/state.c, klp_is_state_compatible()", "carry the previous patch's states over"},
        {"sense.state-version", error, "the version of a state is not older than the previous patch's",
         "kernel/livepatch/state.c, klp_is_state_compatible()", "raise the version of the state"},
        {"sense.reverts", note, "which functions go back to the original when the new patch replaces the previous",
         "Documentation/livepatch/cumulative-patches.rst", ""},
        {"sense.stays", note, "which functions of the previous patch stay patched by it",
         "Documentation/livepatch/cumulative-patches.rst", ""},
        {"sense.blocks-transition", warning, "no patched function is always on some task's stack",
         "Documentation/livepatch/livepatch.rst, 3: consistency model",
         "the transition may never end; patch a function that is called from the loop instead"},
        {"sense.prototype", warning, "the callers of a function whose prototype changed are patched with it",
         "Documentation/livepatch/livepatch.rst, 3", "patch the callers too, or keep the prototype"},
    };
    return all;
}

const Rule* find_rule(std::string_view code) {
    auto found = std::ranges::find(rules(), code, &Rule::code);
    return found == rules().end() ? nullptr : &*found;
}

void Verdict::add(std::string_view code, std::string_view name, std::string message) {
    const Rule* rule = find_rule(code);
    if (!rule)
        throw std::logic_error("klp-verify has no rule " + std::string(code));
    findings_.push_back(
        {std::string(code), rule->severity, module_, std::string(name), std::move(message), std::string(rule->hint)});
}

} // namespace klp::verify
