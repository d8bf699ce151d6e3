#include "installed.h"

#include "text.h"

#include "report/finding.h"
#include "store/json_file.h"

namespace klp::ctl {

store::Installed need_installed(const livepatch::System& system, const store::Store& store, const std::string& name,
                                const std::string& kernel) {
    std::vector<store::Installed> found;
    const std::string running = livepatch::running_kernel(system).build_id;
    for (store::Installed& one : store.all()) {
        if (one.name != name || (!kernel.empty() && one.kernel != kernel && one.release != kernel))
            continue;
        if (kernel.empty() && one.kernel == running)
            return one;
        found.push_back(std::move(one));
    }
    if (found.empty())
        throw report::Refusal("store.not-installed", name, "no live patch of that name is installed",
                              "klpctl list --installed shows those that are");
    if (found.size() > 1) {
        std::vector<std::string> kernels;
        for (const store::Installed& one : found)
            kernels.push_back(one.release);
        throw report::Refusal("store.several-kernels", name, "it is installed for " + joined(kernels),
                              "say for which one you mean it: --kernel RELEASE");
    }
    return found.front();
}

std::string now() {
    return store::timestamp();
}

} // namespace klp::ctl
