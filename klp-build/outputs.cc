#include "outputs.h"

#include "pipeline.h"

#include "files/files.h"
#include "files/together.h"
#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::build {

namespace {

// One spelling for one place: "a/./b" and "a/b", and links that are followed.
std::filesystem::path place_of(const std::filesystem::path& path) {
    std::error_code error;
    const std::filesystem::path place = std::filesystem::weakly_canonical(std::filesystem::absolute(path), error);
    return error ? path : place;
}

} // namespace

void check_outputs(const Options& options) {
    if (!options.report.empty())
        files::check_writable(options.report);
    if (!options.rewrite.empty())
        return files::check_writable(options.rewrite / "fix.patch");
    if (!makes_module(options))
        return;
    const std::filesystem::path module = module_path(options);
    files::check_writable(module);
    if (!options.report.empty() && place_of(options.report) == place_of(module))
        throw report::Refusal("output.same-file", options.report.string(),
                              "both the module and the report are to be written to it",
                              "give the report another name with --report");
}

void check_module_name(const Options& options, const kernel::Target& target) {
    std::string name = module_name(options);
    std::ranges::replace(name, '-', '_');
    const bool is_core = name == elf::core_module;
    if (is_core || name == "vmlinux" || target.modules.contains(name))
        throw report::Refusal("module.name-taken", module_name(options),
                              is_core ? "this is the name of klp-build's own runtime core"
                                      : "the kernel has a module of that name, and the loader takes no second one",
                              "give another one with --name");
}

} // namespace klp::build
