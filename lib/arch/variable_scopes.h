// Which variable of the source a numbered name stands for, as the object's debug data says. Compilers number what has
// one name, and code that was inlined tells nothing of where it comes from; Clang takes structures apart:
//
//     static inline int next_id(void) { static int id; return ++id; }        id.1    "next_id "
//     static inline int next_seq(void) { static int id; return ++id; }       id.0    "next_seq "
//     static struct { long sent, received; } traffic;                        traffic.0    " traffic+0"
//                                                                            traffic.1    " traffic+8"
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace klp::arch {

// By section and offset of what has a symbol: the name of the innermost function around the variable, and, of a part
// of it, the variable's name and the part's offset. Not of whole variables outside of functions; empty for objects
// without debug data. Reads all of it: seconds for the largest units. Throws report::Refusal
// "elf.damaged-debug-data".
std::map<std::pair<uint32_t, uint64_t>, std::string> variable_scopes(const elf::Object& object);

} // namespace klp::arch
