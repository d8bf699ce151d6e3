// Which function of the source a static local belongs to, as the object's debug data says. Compilers number what has
// one name, and code that was inlined tells nothing of where it comes from:
//
//     static inline int next_id(void) { static int id; return ++id; }        id.1    "next_id"
//     static inline int next_seq(void) { static int id; return ++id; }       id.0    "next_seq"
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace klp::arch {

// By section and offset of the variable: the name of the innermost function around it. Only of variables of functions;
// empty for objects without debug data. Reads all of it: seconds for the largest units. Throws report::Refusal
// "elf.damaged-debug-data".
std::map<std::pair<uint32_t, uint64_t>, std::string> variable_scopes(const elf::Object& object);

} // namespace klp::arch
