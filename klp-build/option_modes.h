// Private to the command line: which options go with what the run is asked for.
#pragma once

#include "options.h"

#include <string>

namespace CLI {
class App;
}

namespace klp::build {

// What is wrong with the command line: an option that the run would never look at, such as --sign-key beside --fleet,
// would leave its author with a belief. Empty if all that was given counts. `app` has parsed the command line.
std::string unheeded_option(const CLI::App& app, const Options& options);

} // namespace klp::build
