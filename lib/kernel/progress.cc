#include "kernel/progress.h"

#include <cstdio>
#include <fmt/format.h>

namespace klp::kernel {

Progress on_standard_error() {
    return {.line = [](const std::string& text) { fmt::print(stderr, "{}\n", text); }, .bytes = {}};
}

} // namespace klp::kernel
