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

std::vector<std::filesystem::path> inputs_of(const Options& options) {
    std::vector<std::filesystem::path> inputs = {
        options.config,     options.vmlinux,  options.vmlinuz,          options.symvers,    options.over,
        options.oot_module, options.sign_key, options.sign_certificate, options.test_script};
    inputs.insert(inputs.end(), options.patches.begin(), options.patches.end());
    std::erase_if(inputs, [](const std::filesystem::path& input) { return input.empty(); });
    return inputs;
}

void check_output(const Options& options, const std::filesystem::path& output) {
    files::check_writable(output);
    for (const std::filesystem::path& input : inputs_of(options)) {
        std::error_code error;
        const bool is_same = std::filesystem::equivalent(input, output, error) || place_of(input) == place_of(output);
        if (is_same && std::filesystem::is_regular_file(input, error))
            throw report::Refusal("output.same-file", output.string(), "this file is read, and would be written over",
                                  "write to another file");
    }
}

} // namespace

void check_outputs(const Options& options) {
    if (!options.report.empty())
        check_output(options, options.report);
    if (!options.rewrite.empty())
        return check_output(options, options.rewrite / "fix.patch");
    if (!makes_module(options))
        return;
    const std::filesystem::path module = module_path(options);
    check_output(options, module);
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
