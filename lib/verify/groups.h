// The three groups of rules. Private to this room.
#pragma once

#include "symbols/kernel_view.h"
#include "verify/rule.h"
#include "verify/subject.h"

namespace klp::verify {

void check_form(const Subject& subject, Verdict& verdict);
void check_match(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict);
void check_sense(const Subject& subject, Verdict& verdict);
void check_prototypes(const Subject& subject, const symbols::KernelView& kernel, Verdict& verdict);
void check_succession(const Subject& subject, const elf::Object& previous, Verdict& verdict);

// The table of a module for klp-build's own core.
void check_core_table(const Subject& subject, Verdict& verdict);
// Does `core`, a klp_core.ko, go with the module and (if not nullptr) with the kernel?
void check_core(const Subject& subject, const elf::Object& core, const symbols::KernelView* kernel, Verdict& verdict);

// Is the licence one of those that may use EXPORT_SYMBOL_GPL symbols (include/linux/license.h)?
bool is_gpl_compatible(std::string_view license);

} // namespace klp::verify
