#include "kernel_list.h"

#include "kernel/suites.h"
#include "report/json_text.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace klp::build {

namespace {

bool is_for(std::string pattern, const kernel::DebianPackages& packages) {
    if (pattern.starts_with(kernel::debian_prefix))
        pattern.erase(0, kernel::debian_prefix.size());
    if (pattern.find_first_of("*?[") == std::string::npos)
        pattern = "*" + pattern + "*";
    const auto fits = [&](const std::string& name) { return fnmatch(pattern.c_str(), name.c_str(), 0) == 0; };
    return fits(packages.release) || fits(packages.suite + "/" + packages.release);
}

std::string remark(const kernel::OfferedKernel& kernel) {
    if (kernel.is_cached)
        return "in the cache";
    return kernel.packages.debug.empty() ? "no debug data" : "";
}

} // namespace

std::vector<kernel::OfferedKernel> find_kernels(const std::string& pattern, const host::Cache& cache) {
    std::vector<kernel::OfferedKernel> kernels =
        kernel::offered_kernels(kernel::known_suites(), cache, kernel::on_standard_error());
    std::erase_if(kernels, [&](const kernel::OfferedKernel& kernel) { return !is_for(pattern, kernel.packages); });
    if (kernels.empty() && !pattern.empty())
        fmt::print(stderr, "no kernel is for '{}'; --list-kernels without a pattern lists all\n", pattern);
    return kernels;
}

std::string kernels_as_table(const std::vector<kernel::OfferedKernel>& kernels) {
    if (kernels.empty())
        return {};
    std::string text = fmt::format("{:<44} {:<22} {:<20} {}\n", "KERNEL", "VERSION", "SUITE", "");
    size_t lacking = 0;
    for (const kernel::OfferedKernel& kernel : kernels) {
        if (!kernel.is_cached && !kernel.packages.is_whole()) {
            ++lacking;
            continue;
        }
        const std::string name = std::string(kernel::debian_prefix) + kernel.packages.release;
        std::string row = fmt::format("{:<44} {:<22} {:<20} {}", name, kernel.packages.version, kernel.packages.suite,
                                      remark(kernel));
        row.erase(row.find_last_not_of(' ') + 1);
        text += row + "\n";
    }
    if (lacking != 0)
        text += fmt::format("{} more of which the archive has no longer all packages (--json names them)\n", lacking);
    return text;
}

std::string kernels_as_json(const std::vector<kernel::OfferedKernel>& kernels) {
    nlohmann::json all = nlohmann::json::array();
    for (const kernel::OfferedKernel& kernel : kernels)
        all.push_back({{"name", std::string(kernel::debian_prefix) + kernel.packages.release},
                       {"release", kernel.packages.release},
                       {"version", kernel.packages.version},
                       {"suite", kernel.packages.suite},
                       {"debug", !kernel.packages.debug.empty()},
                       {"cached", kernel.is_cached},
                       {"missing", kernel.packages.missing}});
    return report::json_text(all);
}

} // namespace klp::build
