// What the functions of an object take and return, as its debug data says: a register of an argument or a result may
// hold something else when a function is called or ends.
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace klp::arch {

enum class FunctionResult : uint8_t {
    nothing,
    number, // that is too narrow for an address
    word,   // a pointer, or a number as wide as one: driver data, a result or an error
    other   // a structure, which may be in two registers
};

struct FunctionTypes {
    // By section and offset of the function's entry; functions that are in several parts are not there.
    std::map<std::pair<uint32_t, uint64_t>, FunctionResult> results;
    // By name, of functions that are defined or called: how many arguments they name, each in one register at most.
    // Those with structures among them are not there. What is passed beside the named ones is for a format: read at
    // once.
    std::map<std::string, unsigned, std::less<>> parameters;
};

// Empty for objects without debug data. Reads all of it. Throws report::Refusal "elf.damaged-debug-data".
FunctionTypes function_types(const elf::Object& object);

} // namespace klp::arch
