#include "livepatch/loadable.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::livepatch {

namespace {

using report::Finding;
using report::Severity;

constexpr const char* build_hint = "build it for this kernel: klp-build --kernel or --vmlinux name the kernel";

void check_kernel(const System& system, const ModuleFacts& facts, std::vector<Finding>& findings) {
    const RunningKernel kernel = running_kernel(system);
    if (!facts.kernel_build_id.empty() && !kernel.build_id.empty()) {
        if (facts.kernel_build_id != kernel.build_id)
            findings.push_back({"livepatch.other-kernel",
                                Severity::error,
                                facts.name,
                                {},
                                fmt::format("it is for build {} of {}; this kernel is build {} of {}",
                                            facts.kernel_build_id, facts.release, kernel.build_id, kernel.release),
                                build_hint});
    } else if (facts.release != kernel.release) {
        findings.push_back({"livepatch.other-kernel",
                            Severity::error,
                            facts.name,
                            {},
                            fmt::format("it is for {}; this kernel is {}", facts.release, kernel.release),
                            build_hint});
    }
    for (const auto& [module, id] : facts.module_ids) {
        const std::string loaded = module_build_id(system, module);
        if (!loaded.empty() && loaded != id)
            findings.push_back(
                {"livepatch.other-module", Severity::error, facts.name, module,
                 fmt::format("it is for build {} of that module; build {} is loaded", id, loaded),
                 "build it for the module that is loaded (klp-build --oot-module), or load the other one"});
    }
}

void check_core(const System& system, const ModuleFacts& facts, std::vector<Finding>& findings) {
    const bool is_ours_loaded = is_module_loaded(system, elf::core_module);
    if (facts.runtime == elf::Runtime::kernel && (!has_core(system) || is_ours_loaded))
        findings.push_back({"livepatch.no-core",
                            Severity::error,
                            facts.name,
                            {},
                            "it is for the kernel's own livepatch core, and this kernel has none",
                            "klp-build --runtime core builds one for kernels without CONFIG_LIVEPATCH"});
    if (facts.runtime == elf::Runtime::core && has_core(system) && !is_ours_loaded)
        findings.push_back({"livepatch.no-core",
                            Severity::error,
                            facts.name,
                            {},
                            "it is for klp_core.ko, and this kernel has a livepatch core of its own",
                            "build it with --runtime kernel"});
}

} // namespace

bool is_loaded(const System& system, const ModuleFacts& facts) {
    return is_module_loaded(system, facts.name) && module_build_id(system, facts.name) == facts.build_id;
}

bool needs_core(const System& system, const ModuleFacts& facts) {
    return facts.runtime == elf::Runtime::core && !is_module_loaded(system, elf::core_module);
}

std::vector<Finding> why_not_loadable(const System& system, const ModuleFacts& facts) {
    std::vector<Finding> findings;
    check_kernel(system, facts, findings);
    check_core(system, facts, findings);
    if (is_module_loaded(system, facts.name) && !is_loaded(system, facts))
        findings.push_back({"livepatch.name-taken",
                            Severity::error,
                            facts.name,
                            {},
                            find_patch(system, facts.name) ? "another live patch of that name is loaded"
                                                           : "a module of that name is loaded, and it is no live patch",
                            "unload that one first, or build this one under another name (klp-build -n)"});
    return findings;
}

} // namespace klp::livepatch
