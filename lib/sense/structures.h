// What structures a unit knows.
#pragma once

#include "elf/object.h"

#include <string_view>

namespace klp::sense {

// Whether the debug data has a structure or union of that name, or one that a typedef gives that name: what the
// preprocessor makes of another name (`#define spi_master spi_controller`) is none. Reads all types of the unit.
bool has_structure(const elf::Object& unit, std::string_view name);

} // namespace klp::sense
