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

// Is the licence one of those that may use EXPORT_SYMBOL_GPL symbols (include/linux/license.h)?
bool is_gpl_compatible(std::string_view license);

} // namespace klp::verify
