// The private build directory of a target: kbuild's O= directory with the target's configuration, prepared as far as
// compiling single units and linking modules needs it, and the list of units, read from a dry run. Once per kernel.
#pragma once

#include "kernel/kbuild.h"
#include "report/finding.h"

#include <filesystem>
#include <string>
#include <vector>

namespace klp::kernel {

// Prepares kbuild.build (empty or not there yet): `config` becomes its .config, `symvers` its Module.symvers (empty:
// none). Programs that only a build of the kernel itself runs are not made. Throws report::Refusal "target.prepare"
// with kbuild's own last lines.
void prepare_build(const Kbuild& kbuild, const std::filesystem::path& config, const std::filesystem::path& symvers,
                   unsigned jobs);

// Asks kbuild (`make -n -k vmlinux modules`) for the units of a prepared build directory and for all else that it makes
// (steps.h), and writes them to the files "units" and "steps" in `entry`, where what kbuild prints (50 MB) lies
// meanwhile. Where a dry run wants what prepare_build() left out, that is made (with so many jobs). Throws
// "target.no-units" if it names none then either.
void list_units(const Kbuild& kbuild, const std::filesystem::path& entry, unsigned jobs);

// Options that olddefconfig changed although code depends on them: the machine lacks something the kernel was built
// with.
std::vector<report::Finding> find_config_drift(const std::filesystem::path& wanted, const std::filesystem::path& got);

} // namespace klp::kernel
