// What the module will say of where it came from (elf/livepatch_abi.h has the tags).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace klp::build {

using ModuleTags = std::vector<std::pair<std::string, std::string>>;

// Of one patch file: its name (without folders, which say more about a machine than about a patch) with the hash of its
// text, and the CVE ids that its description names, in their order. `path` is as the command line has it.
ModuleTags tags_of_patch(std::string_view path, std::string_view text);

// The same of several, each tag once, and the tool's own.
ModuleTags tags_of_module(const std::vector<ModuleTags>& patches);

} // namespace klp::build
