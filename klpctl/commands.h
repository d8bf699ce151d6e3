// The commands of klpctl. Each declares its part of the command line; the one that is named there is what runs.
#pragma once

#include "livepatch/system.h"
#include "report/finding.h"

#include <functional>

namespace CLI {
class App;
}

namespace klp::ctl {

using Work = std::function<report::Exit(const livepatch::System&)>;

// They add commands to `app`, which set `chosen` when they are on the command line.
void declare_show(CLI::App& app, Work& chosen);   // list, status, info, uname
void declare_check(CLI::App& app, Work& chosen);  // check
void declare_change(CLI::App& app, Work& chosen); // load, replace, enable, disable, unload, signal, force
void declare_keep(CLI::App& app, Work& chosen);   // install, uninstall, accept, save, restore, rollback, boot
void declare_watch(CLI::App& app, Work& chosen);  // what watch_over.h starts

} // namespace klp::ctl
