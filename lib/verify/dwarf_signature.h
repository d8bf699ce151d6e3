// The prototypes of a module's own functions, from its debug data. Private to this room.
#pragma once

#include "elf/object.h"
#include "symbols/btf.h"

#include <string>
#include <unordered_map>

namespace klp::verify {

// By the functions' names; those of one name in several units are left out unless they agree. Empty without debug data.
std::unordered_map<std::string, symbols::Signature> read_dwarf_signatures(const elf::Object& module);

} // namespace klp::verify
