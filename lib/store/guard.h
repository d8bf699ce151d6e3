// The crash guard: a patch whose load was followed by the machine's end within a minute is not loaded again when the
// machine starts.
//
// Before an installed patch is loaded, its trial is written down with the boot that it is in; a minute later, or when
// it is taken back, that is struck out. A trial of another boot was never struck out: the machine did not live to do
// it.
#pragma once

#include "store/store.h"

#include <chrono>

namespace klp::store {

inline constexpr std::chrono::seconds guard_time{60};

// The trial is on the disk when this returns.
void begin_trial(Store& store, Installed& installed, const std::string& boot_id);

// Strikes out the trial that begin_trial() gave `installed` in this boot, if that is still the one: the patch may have
// been loaded anew or uninstalled meanwhile.
void end_trial(Store& store, const Installed& installed, const std::string& boot_id);

// Blocks the patch if its trial is of another boot.
void judge(Store& store, Installed& installed, const std::string& boot_id);

} // namespace klp::store
