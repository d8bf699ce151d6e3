// The original and the patched version of each unit, compiled side by side by kbuild's own commands.
#pragma once

#include "host/cache.h"
#include "kernel/target.h"
#include "kernel/unit.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace klp::kernel {

// What is to be compiled. The commands differ where the patch changes a Makefile.
struct UnitChange {
    BuildUnit unit;    // of the target; its object is empty for a unit that only the patch brings
    BuildUnit patched; // the same unit in the patched tree
    bool is_new() const { return unit.object.empty(); }
};

struct ObjectPair {
    BuildUnit unit;                 // as it is in the patched tree
    std::filesystem::path original; // object file; empty for a new unit
    std::filesystem::path patched;
    bool original_was_kept = false; // in the cache
    std::string other_compiler;     // where --launcher had a unit compiled by another one: what that calls itself
    std::string warnings; // a line for each that the compiler has for the patched version only; files as in the tree
};

// A command of the target's, for `patched_source`, a mirror of the target's source.
std::vector<std::string> in_patched_tree(std::vector<std::string> command, const Target& target,
                                         const std::filesystem::path& patched_source);

// A unit of the target, as its command compiles it in `patched_source`, a mirror of the target's source.
BuildUnit in_patched_tree(const BuildUnit& unit, const Target& target, const std::filesystem::path& patched_source);

// Compiles every change into `folder`, up to `jobs` at a time (0: one per processor). Each function and variable gets
// its own section; objtool runs where kbuild runs it on units. Originals are kept in the cache and taken from there as
// long as no file that they were made from has changed. Headers and sources that a build generates are made by kbuild,
// in the target's private build directory, when a unit needs them. Throws report::Refusal with one finding per unit
// that does not compile: "compile.original" (the tree does not match the configuration or compiler) or
// "compile.patched" (the patch is wrong), with the compiler's own message.
std::vector<ObjectPair> compile_pairs(const Target& target, const std::vector<UnitChange>& changes,
                                      const std::filesystem::path& patched_source, const std::filesystem::path& folder,
                                      unsigned jobs);

// Compiles the patched version of a unit once more, below `folder`, with the headers in `first` before all others of
// their names. Returns the object; nothing if it does not compile so.
std::optional<std::filesystem::path> compile_with_headers(const Target& target, BuildUnit unit,
                                                          const std::filesystem::path& first,
                                                          const std::filesystem::path& folder);

} // namespace klp::kernel
