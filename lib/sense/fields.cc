#include "sense/fields.h"

#include <fmt/format.h>

namespace klp::sense {

namespace {

void flatten(const Shapes& shapes, TypeId id, const std::string& prefix, uint64_t base, unsigned depth,
             std::vector<Field>& fields) {
    constexpr unsigned deepest = 16;
    for (const Member& member : shapes.type(id).members) {
        const TypeId inner = shapes.strip(member.type);
        const Type& type = shapes.type(inner);
        const std::string name = prefix + member.name;
        if (is_aggregate(type) && type.name.empty() && depth < deepest) {
            flatten(shapes, inner, member.name.empty() ? prefix : name + ".", base + member.bit_offset, depth + 1,
                    fields);
            continue;
        }
        const bool is_bit_field = member.bit_size != 0;
        fields.push_back({name, member.type, base + member.bit_offset,
                          is_bit_field ? member.bit_size : shapes.size(member.type) * 8, is_bit_field});
    }
}

} // namespace

std::vector<Field> fields_of(const Shapes& shapes, TypeId id) {
    std::vector<Field> fields;
    flatten(shapes, id, "", 0, 0, fields);
    return fields;
}

std::string place_of(const Field& field) {
    if (field.is_bit_field)
        return fmt::format("bit {}", field.at);
    return fmt::format("offset {}", field.at / 8);
}

std::string describe(const Shapes& shapes, const Field& field) {
    return field.is_bit_field ? fmt::format("{}:{}", shapes.spelling(field.type), field.bits)
                              : shapes.spelling(field.type);
}

} // namespace klp::sense
