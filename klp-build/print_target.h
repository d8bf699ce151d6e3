// --print-target: where the parts of a prepared kernel are, for scripts.
#pragma once

#include "kernel/runtime.h"
#include "kernel/target.h"

#include <optional>
#include <string>

namespace klp::build {

// JSON, indented, with a final newline.
std::string describe_target(const kernel::Target& target, const std::optional<kernel::RuntimeCore>& core);

} // namespace klp::build
