// What the functions of an object return, as its debug data says: a register of a result may still hold something else
// when a function of another kind ends.
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <map>
#include <utility>

namespace klp::arch {

enum class FunctionResult : uint8_t {
    nothing,
    number,
    pointer,
    other // a structure, which may be in two registers
};

// By section and offset of the function's entry. Empty for objects without debug data; functions that are in several
// parts are not there. Reads all of the debug data. Throws report::Refusal "elf.damaged-debug-data".
std::map<std::pair<uint32_t, uint64_t>, FunctionResult> function_results(const elf::Object& object);

} // namespace klp::arch
