// --rewrite: a source patch that can be live, in place of a module.
#pragma once

#include "pipeline.h"

namespace klp::build {

// What was written, and what is left to the author.
struct Rewritten {
    std::filesystem::path patch;
    std::filesystem::path readme;
    std::vector<report::Finding> questions; // errors: "rewrite.*"
    std::vector<std::string> remarks;       // what the author should know
};

// Writes --rewrite's DIR/fix.patch and DIR/README (lib/rewrite). `tree` is the patched tree; its files have their own
// line numbers afterwards. Throws what rewrite::rewrite() does.
Rewritten rewrite_patch(const Options& options, const kernel::Target& target, const PatchedFiles& changes,
                        const kernel::Plan& plan, const Images& images, kernel::PatchedTree& tree,
                        const std::filesystem::path& folder);

// Says what was written. Throws report::Refusal with the questions, if there are any.
void hand_out_rewritten(const Rewritten& written);

} // namespace klp::build
