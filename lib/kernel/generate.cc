#include "kernel/generate.h"

#include "kernel/kbuild.h"
#include "report/finding.h"

#include <mutex>

namespace klp::kernel {

host::FileLock lock_for_generating(const Target& target) {
    return host::FileLock::wait(target.state / "generate.lock");
}

void generate_for(const Target& target, std::span<const BuildUnit> units, unsigned jobs) {
    static std::mutex within_this_run;
    const std::lock_guard guard(within_this_run);
    // What its maker generated is all there is.
    if (target.state != target.entry)
        throw report::Refusal("cache.read-only", target.entry.string(),
                              "a source that the kernel's build generates is missing, and this entry may only be read",
                              "have whoever owns the cache run klp-build --prepare for this kernel");
    const host::FileLock between_runs = lock_for_generating(target);
    std::vector<std::string> goals = {"-k"};
    if (is_out_of_tree(target))
        goals.push_back("M=" + target.source.string());
    for (const BuildUnit& unit : units)
        goals.push_back(unit.object);
    host::run(make_command(kbuild_of(target), std::move(goals), jobs));
}

} // namespace klp::kernel
