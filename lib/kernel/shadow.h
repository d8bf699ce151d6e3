// A header that comes new into the tree may be found where another one was found before, or where none was
// (__has_include): units that no line of the patch touches then see it.
#pragma once

#include "kernel/unit.h"
#include "source/include_graph.h"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace klp::kernel {

// The units that may find the new header `path` (of the tree): they read a file that some spelling of the same name
// leads to and look where the new one lies, or read one of `asking`, files (absolute) that ask by __has_include. More
// rather than less: whether one does see it, a scan of the patched tree tells.
std::vector<const BuildUnit*> units_that_may_find(const std::string& path, const std::vector<BuildUnit>& units,
                                                  const source::IncludeGraph& graph,
                                                  const std::set<std::string>& asking,
                                                  const std::filesystem::path& source,
                                                  const std::filesystem::path& build);

// The folders (absolute) that the unit's command searches for headers.
std::set<std::string> search_folders(const BuildUnit& unit, const std::filesystem::path& build);

} // namespace klp::kernel
