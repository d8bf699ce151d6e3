// klp-convert: a module as kbuild linked it -> a module that the kernel's livepatch loader takes.
#include "convert/convert.h"
#include "convert/resolve.h"
#include "elf/builder.h"
#include "files/files.h"
#include "kernel/symbol_files.h"
#include "report/command.h"
#include "symbols/kernel_files.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace {

using namespace klp;

struct Options {
    std::string input;
    std::string output;
    kernel::KernelArguments kernel;
    std::vector<std::string> objects;
    std::vector<std::string> choices;
};

void declare(CLI::App& app, Options& options) {
    app.add_option("INPUT", options.input, "the module as kbuild linked it")->required();
    app.add_option("OUTPUT", options.output, "the finished module (may be INPUT)")->required();
    kernel::declare_kernel(app, options.kernel);
    app.add_option("--object", options.objects, "look undefined symbols up in this module too (may be repeated)");
    app.add_option("--symbol", options.choices, "NAME=OBJ,POS: which symbol NAME stands for (may be repeated)");
    app.set_version_flag("--version", KLP_VERSION);
    app.footer(
        "Undefined symbols that the kernel does not export become livepatch symbols. Without --kernel, --vmlinux\n"
        "or --vmlinuz only the references that create-diff-object wrote are converted.\n"
        "Exit status: 0 written, 1 refused, 2 usage.");
}

std::vector<convert::LivepatchReference> find_references(const elf::Object& module, const Options& options,
                                                std::vector<report::Finding>& findings) {
    if (!kernel::has_image(options.kernel))
        return convert::read_references(module);
    std::vector<convert::Choice> choices;
    for (const std::string& choice : options.choices)
        choices.push_back(convert::parse_choice(choice));
    std::vector<std::string> objects = options.objects;
    for (std::string& object : objects)
        object = symbols::module_name_of(object);
    symbols::KernelFiles kernel(kernel::symbol_files(options.kernel));
    convert::Resolved resolved = convert::resolve_references(module, kernel, objects, choices);
    findings.insert(findings.end(), resolved.findings.begin(), resolved.findings.end());
    return std::move(resolved.references);
}

report::Exit run(const Options& options) {
    elf::Object module = symbols::open_module(options.input);
    std::vector<report::Finding> findings;
    std::vector<convert::LivepatchReference> references = find_references(module, options, findings);
    convert::Result result = convert::rewrite(module, references);
    findings.insert(findings.end(), result.findings.begin(), result.findings.end());
    files::write_synced(options.output, result.bytes);
    report::print(findings);
    return report::Exit::done;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Turns a module's references to unexported symbols into livepatch symbols.", "klp-convert");
    Options options;
    declare(app, options);
    if (std::optional<int> status = report::parse_command_line(app, argc, argv))
        return *status;
    return report::run_command([&] { return run(options); });
}
