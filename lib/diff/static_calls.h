// Static calls of patched code: __SCT__NAME is the trampoline that is called, __SCK__NAME the key
// (include/linux/static_call_types.h).
#pragma once

#include "diff/unit.h"
#include "report/finding.h"

#include <string>
#include <string_view>

namespace klp::diff {

bool is_static_call_trampoline(std::string_view symbol);
// The name of the key that belongs to a trampoline.
std::string key_of_trampoline(std::string_view symbol);

// An error "diff.module-key" about `owner`, which makes the static call of that key or trampoline. The site's key would
// be relocated after the kernel has looked at the site (kernel/static_call_inline.c, static_call_module_notify()).
report::Finding static_call_of_module(const Unit& patched, uint32_t owner, std::string_view symbol,
                                      std::string_view module);

} // namespace klp::diff
