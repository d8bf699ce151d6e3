// GCC's command line of a unit in the words of Clang's front end.
#pragma once

#include "source/include_graph.h"

#include <string>
#include <vector>

namespace klp::source {

// The arguments of `clang -cc1`, without these two words and without an action, to read the unit as the kernel's
// compiler does: where it looks for headers, what is defined, the dialect and the basic types. All that is only about
// code and warnings is left out, and Clang passes itself off as the GCC that kbuild uses, since headers ask which
// compiler reads them.
std::vector<std::string> clang_arguments(const CompileCommand& command);

} // namespace klp::source
