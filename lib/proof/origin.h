// Proof of origin: is this unit, compiled from the source at hand, what the running kernel was built from? And, where
// it is, which symbol of the kernel does each of its symbols stand for?
#pragma once

#include "proof/image.h"

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace klp::proof {

enum class OriginStatus {
    proven,     // the image holds exactly these bytes under this name, at one place
    ambiguous,  // at several places under this name, and nothing tells which of them it is
    different,  // the name is there, with other bytes
    overridden, // the same, but the unit's function is weak: another unit's took its place
    missing,    // the image has no function of this name
    unreadable  // nothing is known: what the link makes of this machine's relocations cannot be read back
};

struct FunctionOrigin {
    uint32_t symbol = 0; // of the unit
    OriginStatus status = OriginStatus::missing;
    Location location = 0; // proven only
};

// A read-only variable whose place in the image is known.
struct DataOrigin {
    uint32_t symbol = 0; // of the unit
    bool is_same = true; // what it holds
};

// The image says two things of one symbol of the unit, which cannot both be true: `first`, and then `second` where the
// code of `function` or the data of section `section` refers to it. Or, if `is_misnamed`, that at `first` there is
// something of another name.
struct Contradiction {
    uint32_t symbol = 0;
    FieldTarget first, second;
    uint32_t section = 0; // of the unit: where the second was read
    bool is_misnamed = false;
};

struct UnitOrigin {
    // All functions in code that stays in the kernel, whatever their section, in the order of their symbols.
    std::vector<FunctionOrigin> functions;
    // The others, by section: code that is gone when the kernel or module has started or before it leaves, or that has
    // no bytes.
    std::map<std::string, size_t> not_looked_for;
    std::vector<DataOrigin> data; // in the order of their symbols
    std::vector<Contradiction> contradictions;
    // What the image says of the unit's symbols (by index): places of those it defines and of those it only refers to.
    std::unordered_map<uint32_t, FieldTarget> symbols;

    size_t count(OriginStatus status) const;
    // nullptr for a function that was not looked for, or what is none.
    const FunctionOrigin* find(uint32_t symbol) const;
    // nullptr for what is not read-only data, or where nothing says where it is.
    const DataOrigin* find_data(uint32_t symbol) const;
};

// Holds every function of `unit` (an ET_REL object) against `image`, by name and content (proof/content.h); what its
// relocations refer to is collected and carried on through data, until nothing new is learnt. Linear in the unit's
// size.
UnitOrigin prove_origin(const elf::Object& unit, const Image& image);

} // namespace klp::proof
