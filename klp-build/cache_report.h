// What people ask of the cache itself.
#pragma once

#include "host/cache.h"

#include <chrono>
#include <string>

namespace klp::build {

// A table of the cache's entries for people: size, last use, name, and what each was made from where that is a folder
// of theirs.
std::string describe_cache(const host::Cache& cache);

// Removes what is no longer good for anything and what nobody used for `age` (host::prune). Returns a table of it.
std::string prune_cache(const host::Cache& cache, std::chrono::hours age);

} // namespace klp::build
