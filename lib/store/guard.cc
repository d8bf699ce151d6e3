#include "store/guard.h"

#include "store/json_file.h"

#include <fmt/format.h>

namespace klp::store {

void begin_trial(Store& store, Installed& installed, const std::string& boot_id) {
    installed.trial_boot = boot_id;
    installed.trial_at = timestamp();
    store.update(installed);
}

void end_trial(Store& store, const Installed& installed, const std::string& boot_id) {
    std::optional<Installed> now = store.find(installed.kernel, installed.name);
    if (!now || now->trial_boot != boot_id || now->trial_at != installed.trial_at)
        return;
    now->trial_boot.clear();
    now->trial_at.clear();
    store.update(*now);
}

void judge(Store& store, Installed& installed, const std::string& boot_id) {
    if (installed.trial_boot.empty() || installed.trial_boot == boot_id)
        return;
    installed.blocked =
        fmt::format("its load at {} was followed by a crash or restart within a minute", installed.trial_at);
    installed.trial_boot.clear();
    installed.trial_at.clear();
    store.update(installed);
}

} // namespace klp::store
