// Variables that Clang does not keep as the source has them, as the object's debug data says (DWARF 5, 2.6.1.1.4 and
// 2.6.1.2): a flag for one that only ever has two values, members of a structure each in a place of its own.
//
//     static int limit;            one byte, and the value is 7 * that byte
//     ... limit = 7; ...           DW_OP_addr X, DW_OP_deref_size 1, DW_OP_constu 7, DW_OP_mul, DW_OP_stack_value
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace klp::arch {

// As its section .comment says.
bool is_made_by_clang(const elf::Object& object);

// By section and offset: how the value of the source's variable is got from what is there, as a text that is the same
// for the same way. Only of places that are not simply the variable itself. Empty for objects that Clang has not
// compiled, and for those without debug data. Throws report::Refusal "elf.damaged-debug-data".
std::map<std::pair<uint32_t, uint64_t>, std::string> kept_forms(const elf::Object& object);

} // namespace klp::arch
