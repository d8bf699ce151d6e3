#include "kernel/prepare.h"

#include "files/files.h"
#include "kernel/config.h"
#include "kernel/rust.h"
#include "kernel/steps.h"
#include "kernel/unit.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// Options that say where a kernel was built, not what it is.
bool is_about_the_builder(std::string_view name) {
    constexpr std::array exact = {std::string_view("CC_VERSION_TEXT"),   std::string_view("BUILD_SALT"),
                                  std::string_view("MODULE_SIG_KEY"),    std::string_view("SYSTEM_TRUSTED_KEYS"),
                                  std::string_view("PAHOLE_VERSION"),    std::string_view("AS_VERSION"),
                                  std::string_view("LD_VERSION"),        std::string_view("LOCALVERSION"),
                                  std::string_view("LOCALVERSION_AUTO"), std::string_view("TOOLS_SUPPORT_RELR")};
    for (const std::string_view known : exact) {
        if (name == known)
            return true;
    }
    return name.starts_with("RUSTC_") || name.starts_with("PAHOLE_") || name.starts_with("BINDGEN") ||
           name.starts_with("AS_HAS_") || name.starts_with("CC_HAS_");
}

// With this the kernel's Makefile does not have resolve_btfids built, and libbpf for it, half of all that is compiled
// here. Kbuild runs it only where the build directory has a vmlinux (scripts/Makefile.modfinal), which this one has not
// before the kernel itself is built, and that build makes it. What compilers see of the option is in autoconf.h, which
// comes from .config.
constexpr const char* without_resolve_btfids = "CONFIG_DEBUG_INFO_BTF=";

// What a dry run wants to be there, which does not leave it out.
void make_folders_of_resolve_btfids(const fs::path& build) {
    for (const char* name : {"libbpf", "libsubcmd"})
        files::make_folder(build / "tools/bpf/resolve_btfids" / name);
}

void prepare_modules(const Kbuild& kbuild, std::vector<std::string> variables, unsigned jobs) {
    variables.insert(variables.begin(), "modules_prepare");
    host::run_or_refuse(make_command(kbuild, std::move(variables), jobs), "target.prepare",
                        "prepare the kernel's build directory");
}

struct DryRun {
    std::string output, errors;
    std::vector<BuildUnit> units;
};

DryRun dry_run(const Kbuild& kbuild, const fs::path& entry, unsigned jobs) {
    host::Command command = dry_run_command(kbuild, {"vmlinux", "modules"}, jobs);
    command.output = entry / "dry-run";
    // Some rules always fail (the signing key that only the distribution has); what they hide is no unit.
    host::Outcome outcome = host::run(command);
    files::refuse_full_disk(outcome.errors, command.output.string());
    std::string output = files::read_text(command.output);
    files::remove_tree(command.output);
    std::vector<BuildUnit> units = parse_dry_run(output, kbuild.source);
    return {std::move(output), std::move(outcome.errors), std::move(units)};
}

// What Rust code has of inline functions is compiled as C, in one unit (in another place before Linux 6.13).
void add_helpers_of_rust(const Kbuild& kbuild, std::vector<BuildUnit>& units) {
    for (const std::string object : {"rust/helpers/helpers.o", "rust/helpers.o"}) {
        const host::Outcome outcome = host::run(dry_run_command(kbuild, {object}, 1));
        for (BuildUnit& unit : parse_dry_run(outcome.output, kbuild.source))
            if (unit.object == object)
                units.push_back(std::move(unit));
    }
    std::ranges::sort(units, {}, &BuildUnit::object);
}

} // namespace

void prepare_build(const Kbuild& kbuild, const fs::path& config, const fs::path& symvers, unsigned jobs) {
    files::make_folder(kbuild.build);
    files::copy(config, kbuild.build / ".config");
    if (kbuild.rust == Kbuild::Rust::answers)
        write_rust_answers(Config(files::read_text(config)), rust_answers_of(kbuild));
    host::run_or_refuse(make_command(kbuild, {"olddefconfig"}, 1), "target.prepare",
                        "complete the kernel's configuration");
    prepare_modules(kbuild, {without_resolve_btfids}, jobs);
    make_folders_of_resolve_btfids(kbuild.build);
    if (!symvers.empty())
        files::copy(symvers, kbuild.build / "Module.symvers");
}

void list_units(const Kbuild& kbuild, const fs::path& entry, unsigned jobs) {
    DryRun listed = dry_run(kbuild, entry, jobs);
    if (listed.units.empty()) {
        prepare_modules(kbuild, {}, jobs);
        listed = dry_run(kbuild, entry, jobs);
    }
    if (listed.units.empty())
        throw report::Refusal("target.no-units", kbuild.source.string(),
                              "kbuild's dry run names no compile command:\n" + host::last_lines(listed.errors, 10),
                              "run again with -v to see the command");
    if (kbuild.rust == Kbuild::Rust::answers)
        add_helpers_of_rust(kbuild, listed.units);
    files::write(entry / "units", write_units(listed.units));
    // The run stops at the first rule that fails, which is before the kernel's own link.
    if (!kbuild.arch.empty())
        listed.output +=
            host::run(dry_run_command(kbuild, {fmt::format("arch/{}/kernel/vmlinux.lds", kbuild.arch)}, 1)).output;
    files::write(entry / "steps", write_steps(find_steps(listed.output, {kbuild.source, kbuild.build})));
}

std::vector<report::Finding> find_config_drift(const fs::path& wanted, const fs::path& got) {
    const Config before(files::read_text(wanted));
    const Config after(files::read_text(got));
    std::vector<std::string> changes;
    for (const auto& [name, value] : before.values()) {
        if (after.value(name) != value && !is_about_the_builder(name))
            changes.push_back(
                fmt::format("{} ({} -> {})", name, value, after.value(name).empty() ? "not set" : after.value(name)));
    }
    if (changes.empty())
        return {};
    const size_t count = changes.size();
    if (count > 8)
        changes.resize(8);
    return {{"target.config-drift", report::Severity::warning, wanted.string(), "",
             fmt::format("{} options cannot be set here as the kernel has them: {}{}", count, fmt::join(changes, ", "),
                         count > 8 ? ", ..." : ""),
             "a tool or library that the kernel was built with is missing here; the proof of origin tells whether it "
             "matters"}};
}

} // namespace klp::kernel
