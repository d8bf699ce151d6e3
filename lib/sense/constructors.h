// Constructors of slab caches.
#pragma once

#include "elf/object.h"
#include "report/finding.h"

#include <string>
#include <vector>

namespace klp::sense {

// Warnings "sense.constructor-changed" for those of the `changed` functions that the unit hands to kmem_cache_create()
// and its like (include/linux/slab.h): a cache runs it over an object when it gets the memory, and never again, however
// often the object is freed and allocated. Where there is debug data, functions of another type are none: what makes
// caches hands out work and threads as well. `source`: the unit's path in the kernel's tree. Linear in the code of
// units that make caches; free for others.
std::vector<report::Finding> find_constructors(const std::string& source, const elf::Object& original,
                                               const std::vector<std::string>& changed);

} // namespace klp::sense
