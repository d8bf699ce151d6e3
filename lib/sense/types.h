// The types, functions and variables of one translation unit, as the compiler's debug data describes them.
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace klp::sense {

// An index into Types::types. 0 is void, and what the debug data does not say.
using TypeId = uint32_t;

enum class Kind : uint8_t {
    nothing,
    base,
    pointer,
    structure,
    union_type,
    enumeration,
    array,
    alias,     // typedef
    qualifier, // const, volatile, restrict, _Atomic
    function
};

// Of a structure or union; for a function type a parameter, which has a type only.
struct Member {
    std::string name; // empty if anonymous
    TypeId type = 0;
    uint64_t bit_offset = 0;
    uint64_t bit_size = 0; // of a bit-field, else 0
};

struct Enumerator {
    std::string name;
    int64_t value = 0;
};

struct Type {
    Kind kind = Kind::nothing;
    std::string name;  // empty if anonymous; an anonymous type that a typedef names has that name
    std::string scope; // the function in which it is declared, or empty
    uint64_t size = 0; // in bytes, where the debug data says
    bool is_complete = true;
    bool is_variadic = false;
    bool is_named_by_alias = false;
    unsigned encoding = 0; // DW_ATE_* of a base type
    TypeId target = 0;     // of a pointer, array, alias, qualifier; what a function returns; an enumeration's integer
    std::vector<Member> members;
    std::vector<uint64_t> counts; // of an array's dimensions; 0 where it is open
    std::vector<Enumerator> enumerators;
    std::string file; // where it is declared, without the source tree's path
    unsigned line = 0;
};

struct Function {
    std::string name;
    bool has_code = false;
    bool is_external = false;
    TypeId prototype = 0;
    std::vector<TypeId> parameters;
    std::vector<TypeId> locals;
    std::vector<uint32_t> inlined; // indices into Types::functions
    std::string file;
    unsigned line = 0;
};

// With static storage.
struct Variable {
    std::string name;
    std::string scope; // the function that it belongs to, or empty
    TypeId type = 0;
    std::string file;
    unsigned line = 0;
};

struct Types {
    std::vector<Type> types;
    std::vector<Function> functions;
    std::vector<Variable> variables; // defined by the unit
};

// Reads DWARF of versions 3 to 5. Nothing for an object that has no description of types, as with -g0 or -g1. Linear in
// the size of the debug data. What is damaged is left out.
std::optional<Types> read_types(const elf::Object& unit);

bool is_aggregate(const Type& type);

} // namespace klp::sense
