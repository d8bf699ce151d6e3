// klp-build: from source patches to a live patch module. This file is the table of contents.
#include "options.h"
#include "pipeline.h"
#include "print_target.h"

#include "report/finding.h"

#include <fmt/format.h>

namespace {

using namespace klp;
using namespace klp::build;

void run(const Options& options) {
    report::Progress progress(stderr);
    kernel::Cache cache(kernel::Cache::default_root());
    kernel::Target target = find_target(options, cache, progress);
    if (options.print_target) {
        fmt::print("{}", describe_target(target));
        return;
    }
}

} // namespace

int main(int argc, char** argv) {
    int status = 0;
    std::optional<Options> options = parse_options(argc, argv, status);
    if (!options)
        return status;
    try {
        run(*options);
        return static_cast<int>(report::Exit::done);
    } catch (const report::Refusal& refusal) {
        fmt::print(stderr, "{}\n", refusal.what());
    } catch (const std::exception& error) {
        fmt::print(stderr, "klp-build: internal error: {}\n", error.what());
    }
    return static_cast<int>(report::Exit::refused);
}
