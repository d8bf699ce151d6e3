// Static keys and static calls of a module: the kernel prepares the places that follow them before a live patch can say
// which keys they are (lib/diff/kept_entries.cc), so patched code reads the keys like variables.
#pragma once

#include "pipeline.h"

#include <optional>

namespace klp::build {

// A note "diff.key-read" for each function that `refused` says uses a module's key; empty if none does.
std::vector<report::Finding> keys_to_read(const std::vector<report::Finding>& refused);

// The patched version of the unit, compiled below `folder` with all its keys read like variables
// (template/module/keys); nothing if it cannot be compiled so.
std::optional<elf::Object> compile_reading_keys(const kernel::Target& target, const kernel::BuildUnit& unit,
                                                const std::filesystem::path& folder);

} // namespace klp::build
