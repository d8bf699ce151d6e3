// What the pipeline makes of one unit: of the same object twice, and of one statement more.
#pragma once

#include "pipeline.h"

#include <optional>
#include <string>
#include <vector>

namespace klp::sweep {

// Something that should not be.
struct Fault {
    std::string stage; // "compile", "origin", "same" (the same object twice), "statement" or "module"
    std::string code;  // of the refusal, or "drift": a function with the same instructions as before
    std::string where;
    std::string what;
};

// A unit and the function that gets the statement.
struct Trial {
    kernel::BuildUnit unit;
    std::string function;
    std::string patch;
    std::vector<Fault> faults = {};
    bool is_without_effect = false; // the function is not compiled in this configuration
    size_t harmless = 0;            // differences that were told to be none
};

// The kernel that is swept and how.
struct Sweep {
    const build::Options& options;
    const kernel::Target& target;
    const std::optional<kernel::RuntimeCore>& core;
    const build::Images& images;
};

// Compiles all trials, compares each and links what came of them to one module, which is checked like any other.
// `folder` is for the objects, and the caller's to remove.
void try_all(const Sweep& sweep, std::vector<Trial>& trials, const std::filesystem::path& folder);

} // namespace klp::sweep
