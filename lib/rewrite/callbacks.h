// The callbacks of the rewritten patch. A live patch has one of a kind for vmlinux and for each module that it patches:
// what several files want to do there is done by functions of theirs, which the first one's callback calls.
#pragma once

#include "rewrite/boot_code.h"
#include "rewrite/initial_values.h"
#include "rewrite/shadow_code.h"

#include <map>
#include <string>
#include <vector>

namespace klp::rewrite {

// What one file does.
struct FileCallbacks {
    std::vector<Shadow> shadows;      // to free when the patch is gone
    std::vector<ChangedValue> values; // to set before, and to put back
    std::vector<BootStep> steps;      // to do before, by functions that the author has to fill
};

// The code at the end of each of one owner's files, which are named below the top of the tree.
std::map<std::string, std::string> callback_code(const std::map<std::string, FileCallbacks>& files);

} // namespace klp::rewrite
