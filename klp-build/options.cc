#include "options.h"

#include "option_modes.h"

#include "fleet_engines.h"

#include "files/files.h"
#include "kernel/package_folder.h"
#include "report/command.h"
#include "report/finding.h"
#include "sign/module_signature.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <thread>

namespace klp::build {

namespace {

constexpr const char* description =
    "Builds a kernel live patch (a loadable module) from source patches, without building the kernel.";

constexpr const char* footer =
    "The kernel is named in one of three ways:\n"
    "  --kernel debian:NAME      a kernel of the Debian archive: a release (debian:6.1.0-57-cloud-amd64), the\n"
    "                            newest of a series (debian:6.12-cloud) or of a suite (debian:trixie,\n"
    "                            debian:sid/cloud), or this machine's (debian:running)\n"
    "  --kernel packages:DIR [-s DIR]\n"
    "                            a distribution's packages of one kernel, .deb or .rpm, in a folder\n"
    "  -s DIR [--builddir DIR]   a kernel tree that was built, or that has a .config\n"
    "  -s DIR -c FILE --vmlinux FILE --modules DIR --symvers FILE\n"
    "                            the parts, as a packaging job has them\n"
    "\n"
    "Exit status: 0 a module was written, 1 refused, 2 wrong usage, 3 the patches change nothing.\n"
    "klp-build(1) has the whole story.";

// What CLI11 has for a flag without a value.
constexpr const char* no_value = "true";

// So many compilers at once are a slip of the finger.
constexpr unsigned most_jobs = 1024;

// Of CLI11: what is wrong with a module's name; empty if nothing is.
std::string name_complaint(std::string name) {
    if (name.ends_with(".ko"))
        name.resize(name.size() - 3);
    const auto is_letter = [](unsigned char c) { return std::isalnum(c) != 0; };
    const auto is_allowed = [&](unsigned char c) { return is_letter(c) || c == '_' || c == '-' || c == '.'; };
    if (std::ranges::all_of(name, is_allowed) && std::ranges::any_of(name, is_letter))
        return {};
    return fmt::format("'{}' is no name for a module: letters, digits, '-' and '_'", name);
}

const std::map<std::string, std::optional<elf::Runtime>> runtimes = {
    {"kernel", elf::Runtime::kernel}, {"core", elf::Runtime::core}, {"auto", std::nullopt}};

const std::map<std::string, package::Format> package_formats = {{"deb", package::Format::deb},
                                                                {"rpm", package::Format::rpm}};

bool is_elf_file(const std::filesystem::path& path) {
    return files::read_start(path, 4) == "\177ELF";
}

void add_kernel_options(CLI::App& app, Options& options) {
    auto* group = app.add_option_group("Kernel", "Which kernel the patch is for");
    group->add_option("--kernel", options.kernel,
                      "A kernel by name: debian:RELEASE, debian:SERIES-FLAVOUR, debian:SUITE[/...], packages:DIR");
    group->add_option("-s,--sourcedir", options.source, "The kernel's source tree; it is never written to");
    group->add_option("--builddir", options.build, "The build directory of a tree built with O=");
    group->add_option("-c,--config", options.config, "The kernel's configuration file");
    group->add_option("--vmlinux", options.vmlinux, "The kernel's vmlinux, with symbols");
    group->add_option("--vmlinuz", options.vmlinuz, "The kernel's boot image: if there is no vmlinux, or for --test");
    group->add_option("--modules", options.modules, "The directory of the kernel's modules (.ko), with symbols");
    group->add_option("--symvers", options.symvers, "The kernel's Module.symvers");
    group->add_option("--release", options.release,
                      "The running kernel's release (uname -r), where the tree's differs");
    group
        ->add_option("-t,--target", options.targets,
                     "Patch only what this kbuild target covers: vmlinux, modules, DIR/ or DIR/NAME.ko; repeatable")
        ->allow_extra_args(false);
    group->add_option("--oot-module", options.oot_module, "An out-of-tree module (.ko) to patch");
    group->add_option("--oot-module-src", options.oot_source, "The source directory of that module");
    group
        ->add_option(
            "--toolchain", options.toolchain,
            "Where compilers and kbuild run: in this system, in one made for the kernel's compiler, or in the one in "
            "DIR; otherwise in this system if it has that compiler, else in one made for it")
        ->type_name("host|kernel|DIR")
        ->option_text("host|kernel|DIR");
    group
        ->add_option("--launcher", options.launcher,
                     "Put this before the compiler of each unit: ccache, distcc, icecc; arguments after semicolons")
        ->type_name("PROGRAM")
        ->option_text("PROGRAM");
    group->add_flag("--list-kernels")
        ->each([&options](const std::string& pattern) {
            options.lists_kernels = true;
            options.listed = pattern == no_value ? "" : pattern;
        })
        ->description("Print the kernels that --kernel takes, newest first, and stop; only those that PATTERN is for")
        ->type_name("[=PATTERN]");
    group->add_flag("--json", options.as_json, "Print them as JSON");
    group->add_flag("--skip-compiler-check", options.skip_compiler_check,
                    "Go on with another compiler version than the kernel's; proof of origin still decides");
}

void add_module_options(CLI::App& app, Options& options) {
    auto* group = app.add_option_group("Module", "What the module shall be");
    group
        ->add_option("-n,--name", options.name,
                     "The module's name; otherwise livepatch-NAME, from the first patch file")
        ->check(CLI::Validator(name_complaint, ""));
    group
        ->add_option("-o,--output", options.output,
                     "The directory to write the module to, or a file name that ends in .ko")
        ->type_name("DIR|FILE.ko");
    group
        ->add_option("--rewrite", options.rewrite,
                     "Make no module: write fix.patch, where what no live patch can do is done in another way, and "
                     "README to this directory")
        ->type_name("DIR");
    group
        ->add_option(
            "--rewrite-callers", options.rewrite_callers,
            "With --rewrite: which callers get the changed function, where it is an inline one of a header, or "
            "ftrace cannot hook it; otherwise a header's all, and of the others those that are found")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("FILE[:FUNCTION],...");
    group->add_flag("-R,--no-replace,--non-replace", options.stack,
                    "Stack on the patches that are already active; otherwise the module replaces them all");
    group
        ->add_option_function<std::string>(
            "--runtime", [&options](const std::string& name) { options.runtime = runtimes.at(name); },
            "Which livepatch core the module is for: the kernel's own, klp-build's (klp_core.ko, written beside the "
            "module), or whichever the kernel needs")
        ->check(CLI::IsMember(runtimes))
        ->type_name("kernel|core|auto")
        ->option_text("kernel|core|auto");
    group
        ->add_option(
            "--sign-key", options.sign_key,
            "Sign the module with this private key; KBUILD_SIGN_PIN in the environment is its passphrase or PIN")
        ->type_name("FILE|pkcs11:URI");
    group
        ->add_option("--sign-command", options.sign_command,
                     "Have this command sign: it is called with the module's path as its last argument and prints the "
                     "detached signature")
        ->type_name("COMMAND");
    group->add_option("--sign-cert", options.sign_certificate, "The certificate that belongs to the key that signs");
    group
        ->add_option("--sign-hash", options.sign_hash,
                     "The hash that is signed with --sign-key; otherwise that of the kernel's own modules")
        ->check(CLI::IsMember(sign::known_hashes()))
        ->type_name("HASH")
        ->option_text("HASH");
}

const std::map<std::string, Options::CacheAction> cache_actions = {{"list", Options::CacheAction::list},
                                                                   {"prune", Options::CacheAction::prune}};

void add_package_options(CLI::App& app, Options& options) {
    auto* group = app.add_option_group("Package", "The module as a distribution has it");
    CLI::Option* format =
        group
            ->add_option_function<std::string>(
                "--package", [&options](const std::string& name) { options.package = package_formats.at(name); },
                "Make a package beside the module: with its reports, the patches, and what it was made of (SLSA, SPDX)")
            ->check(CLI::IsMember(package_formats))
            ->type_name("deb|rpm")
            ->option_text("deb|rpm");
    group
        ->add_option(
            "--reproduce", options.reproduce,
            "Make the module again that this JSON report is about, say whether it has the same bytes, and stop")
        ->type_name("REPORT");
    group->add_option("--package-version", options.package_version, "The package's version; otherwise 1")
        ->needs(format)
        ->type_name("VERSION");
    group->add_option("--package-maintainer", options.package_maintainer, "Who answers for the package: NAME <MAIL>")
        ->needs(format)
        ->type_name("TEXT");
}

void add_fleet_options(CLI::App& app, Options& options) {
    auto* group = app.add_option_group("Fleet", "Many patches for many kernels");
    CLI::Option* fleet = group
                             ->add_option("--fleet", options.fleet,
                                          "Build what this file names into the folder --output, or go on with it")
                             ->type_name("FLEET.json");
    group->add_option("--fleet-engine", options.fleet_engine, "What runs the cells; otherwise this machine (local)")
        ->needs(fleet)
        ->check(CLI::IsMember(engine_names()))
        ->type_name("ENGINE")
        ->option_text(fmt::format("{}", fmt::join(engine_names(), "|")));
    group->add_option("--fleet-cell", options.fleet_cell, "Build one cell, in its folder, as engines do")
        ->type_name("DIR");
}

// How these go with the others: they do not.
std::string fleet_complaint(const Options& options) {
    if (!options.patches.empty() || !options.kernel.empty() || !options.source.empty())
        return "a fleet's kernels and patches stand in its file: give none besides";
    if (!options.fleet.empty() && !options.fleet_cell.empty())
        return "--fleet and --fleet-cell: give one of them";
    if (!options.fleet.empty() && options.output.empty())
        return "where to? --fleet builds into a folder: give --output DIR";
    return {};
}

void add_cache_options(CLI::App& app, Options& options) {
    auto* group = app.add_option_group("Cache", "What is kept between runs");
    group->add_flag("--prepare", options.prepare, "Make the kernel ready for runs to come, and stop");
    group->add_flag_callback(
        "--cache-shared", [&options] { options.sharing = host::Sharing::group; },
        "The cache (KLP_CACHE) belongs to a group on purpose; what a run adds is kept in a cache of your own");
    CLI::Option* action =
        group
            ->add_option_function<std::string>(
                "--cache", [&options](const std::string& name) { options.cache_action = cache_actions.at(name); },
                "List what is in the cache, or remove what was made from a tree that is gone or was not used for a "
                "while; and stop")
            ->check(CLI::IsMember(cache_actions))
            ->type_name("list|prune")
            ->option_text("list|prune");
    group->add_option("--cache-days", options.cache_days, "How long that while is; otherwise 30 days")
        ->needs(action)
        ->type_name("DAYS");
}

void add_report_options(CLI::App& app, Options& options) {
    auto* group = app.add_option_group("Report", "What to check and to say");
    group->add_flag("--require-proof", options.require_proof,
                    "Refuse units whose origin the kernel image does not prove");
    group->add_flag("-f,--show-first-changed,--explain", options.explain,
                    "Say for each changed function where it first differs, and why");
    group->add_option("--over", options.over, "Check what the module does on top of this livepatch, which is loaded")
        ->type_name("MODULE");
    group->add_option(
        "--report", options.report,
        "Write everything that was found to this file: a page for reviewers if it ends in .html, else JSON");
    // A flag's value comes after '=' alone, so that no patch file is taken for it.
    group->add_flag("--test")
        ->each([&options](const std::string& script) {
            options.is_tested = true;
            options.test_script = script == no_value ? "" : script;
        })
        ->description(
            "Boot the kernel in a virtual machine and load, disable, unload and reload the module there, while "
            "SCRIPT, if there is one, looks at it")
        ->type_name("[=SCRIPT]");
    group->add_flag("--reproducible-report", options.reproducible_report,
                    "Leave out of the report what differs between two runs: times and folders");
    group->add_flag("--print-target", options.print_target,
                    "Prepare the kernel, print where its parts are (JSON), and stop");
    group->add_flag("-v,--verbose", options.verbose, "Print the commands that are run");
    group->add_flag("-d,--debug", options.debug, "The same, and keep temporary files");
    group->add_flag("-T,--keep-tmp", options.keep_temporary, "Keep temporary files and say where they are");
    group->add_option("-j,--jobs", options.jobs, "How many compilers to run at once; otherwise one per processor")
        ->check(CLI::Range(1u, most_jobs));
}

// A name says where all parts of the kernel are: what was given besides would not be looked at.
std::string parts_complaint(const Options& options) {
    if (options.kernel.empty())
        return {};
    const std::pair<const char*, bool> parts[] = {
        {"--builddir", !options.build.empty()},  {"--config", !options.config.empty()},
        {"--vmlinux", !options.vmlinux.empty()}, {"--vmlinuz", !options.vmlinuz.empty()},
        {"--modules", !options.modules.empty()}, {"--symvers", !options.symvers.empty()},
        {"--release", !options.release.empty()}};
    for (const auto& [name, is_given] : parts)
        if (is_given)
            return fmt::format("--kernel names the whole kernel: {} goes with --sourcedir", name);
    return {};
}

// What CLI11 cannot say: how options go together.
std::string complaint(const Options& options) {
    for (const std::filesystem::path& patch : options.patches)
        if (is_elf_file(patch))
            return fmt::format(
                "{} is an ELF file, not a patch; -v is --verbose here, a vmlinux is given with --vmlinux",
                patch.string());
    if (options.cache_action != Options::CacheAction::none)
        return {};
    if (options.as_json && !options.lists_kernels)
        return "--json goes with --list-kernels";
    if (options.lists_kernels)
        return options.patches.empty() ? "" : "--list-kernels only lists: a pattern follows its '=', and no patch";
    if (!options.reproduce.empty())
        return options.kernel.empty() || options.source.empty() ? "" : "--kernel and --sourcedir both name a kernel";
    if (!options.fleet.empty() || !options.fleet_cell.empty())
        return fleet_complaint(options);
    if (options.kernel.empty() && options.source.empty())
        return "which kernel? give --kernel debian:NAME, or --sourcedir DIR";
    if (!options.kernel.empty() && !options.source.empty() && !options.kernel.starts_with(kernel::packages_prefix))
        return "--kernel and --sourcedir both name a kernel; give one of them";
    if (std::ranges::count(options.patches, standard_input) > 1)
        return "standard input can be read once only: give '-' once";
    if (std::ranges::count(options.patches, standard_input) == 1 && options.name.empty() && options.reproduce.empty())
        return "a patch from standard input has no name: give --name";
    if (std::string text = parts_complaint(options); !text.empty())
        return text;
    if (options.patches.empty() && !options.print_target && !options.prepare)
        return "which patch? give at least one patch file";
    if (options.output.filename() == ".ko")
        return fmt::format("{} has no name before its .ko", options.output.string());
    if (options.oot_module.empty() != options.oot_source.empty())
        return "--oot-module and --oot-module-src go together";
    if (options.is_tested && (options.print_target || !options.rewrite.empty()))
        return "--test is for a module, and none is to be made";
    if (options.rewrite.empty() && !options.rewrite_callers.empty())
        return "--rewrite-callers says how to rewrite: give --rewrite DIR as well";
    if (!options.sign_key.empty() && !options.sign_command.empty())
        return "--sign-key and --sign-command both sign; give one of them";
    if (options.sign_certificate.empty() != (options.sign_key.empty() && options.sign_command.empty()))
        return "--sign-cert goes with --sign-key or --sign-command, and these with it";
    if (!options.sign_hash.empty() && options.sign_key.empty())
        return "--sign-hash goes with --sign-key";
    return {};
}

} // namespace

bool makes_module(const Options& options) {
    return options.rewrite.empty() && !options.print_target && !options.prepare;
}

std::optional<Options> parse_options(int argc, char** argv, int& status) {
    Options options;
    CLI::App app(description, "klp-build");
    app.footer(footer);
    app.set_version_flag("--version", "klp-build " KLP_VERSION);
    app.add_option("patch", options.patches, "Patch files, applied in this order (unified diff or git format, -p1)");
    add_kernel_options(app, options);
    add_module_options(app, options);
    add_package_options(app, options);
    add_fleet_options(app, options);
    add_cache_options(app, options);
    add_report_options(app, options);
    if (std::optional<int> end = report::parse_command_line(app, argc, argv)) {
        status = *end;
        return std::nullopt;
    }
    std::string text = complaint(options);
    if (text.empty())
        text = unheeded_option(app, options);
    if (!text.empty()) {
        fmt::print(stderr, "klp-build: {}\nRun klp-build --help for the options.\n", text);
        status = static_cast<int>(report::Exit::usage);
        return std::nullopt;
    }
    if (options.jobs == 0)
        options.jobs = std::max(1u, std::thread::hardware_concurrency());
    options.verbose |= options.debug;
    options.keep_temporary |= options.debug;
    return options;
}

} // namespace klp::build
