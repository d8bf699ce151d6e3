// A module's way into the kernel and out of it, with the records that are kept of that.
#pragma once

#include "work.h"

#include "elf/object.h"
#include "livepatch/module_facts.h"
#include "livepatch/transition.h"
#include "store/store.h"

#include <filesystem>
#include <optional>
#include <string>

namespace klp::ctl {

// A live patch that somebody wants to load.
struct Candidate {
    elf::Object module;
    livepatch::ModuleFacts facts;
    std::filesystem::path file;                // absolute
    std::optional<store::Installed> installed; // if this very module is installed for the running kernel
};

// `what` is a file, or the name of a patch that is installed for the running kernel. Throws what symbols::open_module()
// and livepatch::read_module_facts() throw.
Candidate read_candidate(const livepatch::System& system, const std::string& what);

// Loads it, after klp_core.ko beside it if it needs that. One that is in effect is done; one that is loaded and not in
// effect is loaded anew. Of one that is installed the crash guard (store/guard.h) is told. Throws report::Refusal with
// why_not_loadable(), and as livepatch::Operator.
livepatch::Outcome load_patch(Bench& bench, const Candidate& candidate);

// Puts a loaded patch in effect: by loading it anew from where it came from, if it was disabled. Throws
// "livepatch.unknown-file" if that is not known, or another file is there by now.
livepatch::Outcome enable_patch(Bench& bench, const std::string& name);

// Removes one that is not in effect, and its record.
void unload_patch(Bench& bench, const std::string& name);

} // namespace klp::ctl
