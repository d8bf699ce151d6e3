// The sources whose functions shall call the new code of --rewrite, where the changed function itself cannot be
// replaced.
#pragma once

#include "pipeline.h"

#include "rewrite/rewrite.h"

namespace klp::build {

// The unit before and after the patch, as lib/rewrite reads it; `change` of a unit that both trees have.
rewrite::Unit unit_to_rewrite(const kernel::Target& target, const kernel::UnitChange& change);

// Adds --rewrite-callers to the request, with the units that the patch does not change. Throws report::Refusal
// "rewrite.no-such-caller" for a file that is no unit's source.
void add_named_callers(const std::vector<std::string>& named, const kernel::Target& target,
                       const std::filesystem::path& patched_source, rewrite::Request& request);

// All units that name one of these functions and are not in the request. Throws report::Refusal "rewrite.many-callers"
// if they are too many to be what a fix is about.
rewrite::Sources find_callers(const std::set<std::string>& functions, const kernel::Target& target,
                              const std::filesystem::path& patched_source, const rewrite::Request& request);

// Who calls a function of vmlinux in the running kernel; none if it is not known, or of a module.
std::vector<std::string> callers_in_kernel(const std::string& function, const Images& images);

} // namespace klp::build
