// How large the kernel's structures are, as the debug data of its image says.
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace klp::arch {

// The sizes in bytes of those of the structures in `names` that one of the `sources` (ends of paths: "lib/bug.c")
// defines or includes. Reads DWARF, of these sources only: all of a kernel's takes seconds. A structure with two sizes
// is left out. Empty without debug data.
std::map<std::string, uint32_t, std::less<>> structure_sizes(const elf::Object& image,
                                                             std::span<const std::string_view> names,
                                                             std::span<const std::string_view> sources);

} // namespace klp::arch
