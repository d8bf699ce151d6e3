#include "kernel/runtime.h"

#include "elf/build_id.h"
#include "files/files.h"
#include "host/cache.h"
#include "host/process.h"
#include "kernel/kbuild.h"
#include "report/finding.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <utility>
#include <vector>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// What the core has to have of a kernel, and what it must not meet there. The list is the core's own.
struct Requirement {
    std::string_view option;
    std::string_view instead; // does as well
    bool is_wanted;
    std::string_view why;
};
constexpr Requirement requirements[] = {
#define KLP_NEEDS(option, why) {#option, "", true, why},
#define KLP_NEEDS_ONE(one, other, why) {#one, #other, true, why},
#define KLP_REFUSES(option, why) {#option, "", false, why},
#include "../../template/core/kernel/livepatch/requirements.h"
};

using Series = std::pair<unsigned, unsigned>;
constexpr Series oldest{KLP_OLDEST_LINUX};
constexpr Series newest{KLP_NEWEST_LINUX};

// "6.12.117" -> 6, 12
Series series_of_version(const std::string& version) {
    Series series{};
    const char* end = version.data() + version.size();
    auto [dot, error] = std::from_chars(version.data(), end, series.first);
    if (error == std::errc() && dot != end)
        std::from_chars(dot + 1, end, series.second);
    return series;
}

bool is_met(const Requirement& requirement, const Config& config) {
    const bool is_set =
        config.is_set(requirement.option) || (!requirement.instead.empty() && config.is_set(requirement.instead));
    return is_set == requirement.is_wanted;
}

std::vector<std::string> unmet_requirements(const Config& config, const std::string& version) {
    std::vector<std::string> unmet;
    for (const Requirement& requirement : requirements)
        if (!is_met(requirement, config))
            unmet.push_back(fmt::format("{}CONFIG_{} ({})", requirement.is_wanted ? "" : "no ", requirement.option,
                                        requirement.why));
    if (const Series series = series_of_version(version); series < oldest || series > newest)
        unmet.push_back(fmt::format("Linux {}.{} to {}.{}", oldest.first, oldest.second, newest.first, newest.second));
    return unmet;
}

} // namespace

elf::Runtime choose_runtime(const Config& config, const std::string& version, std::optional<elf::Runtime> wanted,
                            const std::string& where) {
    if (config.is_set("LIVEPATCH")) {
        if (wanted == elf::Runtime::core)
            throw report::Refusal("config.has-livepatch", where,
                                  "the kernel has a livepatch core of its own (CONFIG_LIVEPATCH), beside which "
                                  "klp-build's cannot run",
                                  "use --runtime kernel, or leave the option out");
        return elf::Runtime::kernel;
    }
    if (wanted == elf::Runtime::kernel)
        throw report::Refusal("config.no-livepatch", where, "the kernel was built without CONFIG_LIVEPATCH",
                              "klp-build brings a core for such kernels: --runtime core, or leave the option out");
    const std::vector<std::string> unmet = unmet_requirements(config, version);
    if (!unmet.empty())
        throw report::Refusal("config.no-livepatch", where,
                              fmt::format("the kernel was built without CONFIG_LIVEPATCH, and klp-build's own core "
                                          "needs another one: {}",
                                          fmt::join(unmet, ", ")),
                              "build the kernel with CONFIG_LIVEPATCH=y, or as is said");
    return elf::Runtime::core;
}

void require_no_core(const std::string& symvers, const std::string& where) {
    if (symvers.find("\tklp_enable_patch\t") != std::string::npos)
        throw report::Refusal("config.has-livepatch", where,
                              "CONFIG_LIVEPATCH is not set, but the kernel exports klp_enable_patch",
                              "the configuration is not that of the kernel: give its own");
}

namespace {

std::vector<fs::path> files_below(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder, error))
        if (entry.is_regular_file())
            files.push_back(entry.path().lexically_relative(folder));
    if (error || files.empty())
        throw report::Refusal("install.incomplete", folder.string(), "the source of the runtime core is not there",
                              "install klp-build again, or run it from its build folder");
    std::ranges::sort(files);
    return files;
}

// The same source for the same kernel gives the same module.
std::string identity_of(const Target& target, const fs::path& source, const std::vector<fs::path>& files) {
    std::string identity = "1\n" + target.entry.string() + "\n";
    for (const fs::path& file : files)
        identity += file.string() + "\n" + files::read_text(source / file);
    return host::fingerprint(identity);
}

std::vector<std::string> make_goals(const Target& target, const fs::path& folder) {
    // Debug data of the core helps nobody and would be most of the file.
    std::vector<std::string> goals = {"M=" + folder.string(), "KCFLAGS=-g0"};
    if (const std::string id = elf::build_id_of(target.vmlinux); !id.empty())
        goals.push_back("KLP_BUILD_ID=" + id);
    goals.emplace_back("modules");
    return goals;
}

} // namespace

RuntimeCore build_core(const Target& target, const fs::path& source, const host::Cache& cache) {
    const std::vector<fs::path> files = files_below(source);
    const std::string name = fmt::format("core/{}-{}", target.release, identity_of(target, source, files));
    const fs::path entry = cache.entry(name, [&](const fs::path& folder) {
        for (const fs::path& file : files) {
            files::make_folder((folder / file).parent_path());
            files::copy(source / file, folder / file);
        }
        host::run_or_refuse(make_command(kbuild_of(target), make_goals(target, folder), 0), "core.build",
                            "build the runtime core for this kernel");
    });
    return {entry / fmt::format("{}.ko", elf::core_module), entry / "Module.symvers", entry / "include"};
}

} // namespace klp::kernel
