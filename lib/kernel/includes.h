// The include graph of a target, made once and kept in the cache.
#pragma once

#include "kernel/target.h"
#include "kernel/unit.h"
#include "source/include_graph.h"

#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace klp::kernel {

// The graph of all units, in C and assembly, and of what steps compile or preprocess. Taken from the cache if it is
// there and, for a tree that people work on, no file in it has changed since; else scanned, which takes most of a
// minute. What Clang's scanner cannot read for want of generated headers, the kernel's own compiler lists (-M -MG).
source::IncludeGraph include_graph_of(const Target& target, const std::vector<BuildUnit>& units,
                                      const TargetOptions& options);

// The files of the graph that ask whether there is a header of that name (without folder): __has_include.
std::set<std::string> files_asking_for(const source::IncludeGraph& graph, const std::string& name);

// Which of these units read `path` (of the tree) in the patched tree `patched_source`.
std::vector<const BuildUnit*> readers_in_patched_tree(const Target& target, const std::vector<const BuildUnit*>& units,
                                                      const std::string& path,
                                                      const std::filesystem::path& patched_source, unsigned jobs);

// The names (without folder) of .c files that other units include: editing one of these may concern more units than its
// own.
std::set<std::string> find_included_sources(const std::filesystem::path& source, const std::vector<BuildUnit>& units);

// Keeps the result for the target in the cache, and reads it back.
void note_included_sources(const Target& target);
std::set<std::string> included_sources_of(const Target& target);

// Absolute path of a unit's source, as the graph has it.
std::string source_path(const Target& target, const BuildUnit& unit);

} // namespace klp::kernel
