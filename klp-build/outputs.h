// What a run is to write, looked at before any work is done.
#pragma once

#include "options.h"

#include "kernel/target.h"

namespace klp::build {

// Throws report::Refusal where what is asked for could not be written: "file.unwritable" for a folder that is none or
// may not be written to, "output.same-file" for two results of one name. Writes nothing.
void check_outputs(const Options& options);

// Throws report::Refusal "module.name-taken" for a name that the kernel or klp-build's runtime core has: the loader
// takes no two modules of one name (kernel/module/main.c, module_patient_check_exists()).
void check_module_name(const Options& options, const kernel::Target& target);

} // namespace klp::build
