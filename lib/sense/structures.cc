#include "sense/structures.h"

#include "sense/types.h"

#include <algorithm>

namespace klp::sense {

bool has_structure(const elf::Object& unit, std::string_view name) {
    const std::optional<Types> types = read_types(unit);
    return types && std::ranges::any_of(types->types, [&](const Type& type) {
               return type.name == name && (is_aggregate(type) || type.kind == Kind::alias);
           });
}

} // namespace klp::sense
