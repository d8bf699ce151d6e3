// How large the elements of arrays are, as an object's debug data says.
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <map>
#include <utility>

namespace klp::arch {

// By section and offset of an array variable: the size of one element in bytes. Empty for objects without debug data.
// Reads all of it. Throws report::Refusal "elf.damaged-debug-data".
std::map<std::pair<uint32_t, uint64_t>, uint64_t> element_sizes(const elf::Object& object);

} // namespace klp::arch
