// The rules' functions: `form` is the loader's steps in its own order. Private to this room.
#pragma once

#include "symbols/kernel_view.h"
#include "verify/module_code.h"
#include "verify/rule.h"
#include "verify/subject.h"

namespace klp::verify {

// ---- form: docs/verify.md lists which function of the kernel each stands for ----

void check_file(const Subject& subject, Verdict& verdict);
void check_sections(const Subject& subject, Verdict& verdict);
void check_modinfo(const Subject& subject, Verdict& verdict);
void check_this_module(const Subject& subject, Verdict& verdict);
void check_symbols(const Subject& subject, Verdict& verdict);
void check_relocations(const Subject& subject, Verdict& verdict);
void check_special_tables(const Subject& subject, Verdict& verdict);
void check_alternatives(const Subject& subject, Verdict& verdict);
void check_btf(const Subject& subject, Verdict& verdict);
void check_livepatch_sections(const Subject& subject, Verdict& verdict);
// The table of a module for klp-build's own core.
void check_core_table(const Subject& subject, Verdict& verdict);

// ---- match ----

void check_match(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict);
void check_imports(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict);
void check_target(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict);
// Does `core`, a klp_core.ko, go with the module and (if not nullptr) with the kernel?
void check_core(const Subject& subject, const elf::Object& core, const symbols::KernelView* kernel, Verdict& verdict);

// ---- sense ----

void check_sense(const Subject& subject, Verdict& verdict);
void check_callbacks(const Subject& subject, const ModuleCode& code, Verdict& verdict);
void check_shadow_variables(const ModuleCode& code, Verdict& verdict);
void check_prototypes(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict);
void check_succession(const Subject& subject, const elf::Object& previous, Verdict& verdict);

// ---- what several of them ask ----

// Is the licence one of those that may use EXPORT_SYMBOL_GPL symbols (include/linux/license.h)?
bool is_gpl_compatible(std::string_view license);
// Does the module import a symbol of that name?
bool imports(const elf::Object& module, std::string_view name);
// Is it one of the livepatch core's exports?
bool is_core_api(std::string_view symbol);

} // namespace klp::verify
