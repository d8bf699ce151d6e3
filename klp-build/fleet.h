// klp-build --fleet: many patches for many kernels.
#pragma once

#include "options.h"

#include "report/finding.h"

namespace klp::build {

// Builds what options.fleet names below options.output, and writes fleet.json and fleet.html there. What an earlier
// run, however it ended, has finished for the same inputs is not done again. Exit::done if each cell is as expected.
// Throws report::Refusal as read_fleet(), ready_kernels() and cells_of(), "fleet.busy" if another run is at work there,
// and "fleet.engine".
report::Exit build_fleet(const Options& options);

// One cell of it, in the folder options.fleet_cell, for engines: Exit::done if there is a result, good or bad.
report::Exit build_fleet_cell(const Options& options);

} // namespace klp::build
