#include "sense/shapes.h"

#include <fmt/format.h>
#include <llvm/BinaryFormat/Dwarf.h>
#include <llvm/Support/xxhash.h>

#include <algorithm>

namespace klp::sense {

namespace {

// Types that refer to themselves without a name, and damaged debug data, end here.
constexpr unsigned deepest = 32;

uint64_t hash(const std::string& text) {
    return llvm::xxh3_64bits(llvm::StringRef(text)) | 1;
}

bool is_floating(const Type& type) {
    return type.encoding == llvm::dwarf::DW_ATE_float || type.encoding == llvm::dwarf::DW_ATE_complex_float;
}

bool is_integer(const Type& type) {
    return type.kind == Kind::enumeration || (type.kind == Kind::base && !is_floating(type));
}

// "__be" or "__le" for an integer whose typedef says so (include/uapi/linux/types.h), else nothing.
std::string_view byte_order(const Shapes& shapes, TypeId id) {
    for (unsigned depth = 0; depth < deepest; ++depth) {
        const Type& type = shapes.type(id);
        for (std::string_view prefix : {"__be16", "__be32", "__be64", "__le16", "__le32", "__le64"})
            if (type.kind == Kind::alias && type.name == prefix)
                return prefix.substr(0, 4);
        if (type.kind != Kind::alias && type.kind != Kind::qualifier)
            break;
        id = type.target;
    }
    return {};
}

// An integer without a byte order in its type may well have one: only two that contradict each other do.
bool has_other_byte_order(const Shapes& before, TypeId original, const Shapes& after, TypeId patched) {
    const std::string_view one = byte_order(before, original), other = byte_order(after, patched);
    return !one.empty() && !other.empty() && one != other;
}

std::string_view keyword(const Type& type) {
    switch (type.kind) {
    case Kind::structure:
        return "struct";
    case Kind::union_type:
        return "union";
    default:
        return "enum";
    }
}

bool is_same(const Shapes& before, TypeId original, const Shapes& after, TypeId patched, unsigned depth);

// Prototypes, as a pointer's target or a function's own.
bool is_same_prototype(const Shapes& before, const Type& one, const Shapes& after, const Type& other, unsigned depth) {
    return one.is_variadic == other.is_variadic &&
           std::ranges::equal(one.members, other.members, [&](const Member& a, const Member& b) {
               return is_same(before, a.type, after, b.type, depth + 1);
           });
}

bool is_same_target(const Shapes& before, TypeId original, const Shapes& after, TypeId patched, unsigned depth) {
    const TypeId one = before.strip(original), other = after.strip(patched);
    const Type &a = before.type(one), &b = after.type(other);
    // A pointer to void points to anything.
    if (a.kind == Kind::nothing || b.kind == Kind::nothing)
        return true;
    if (a.kind != b.kind)
        return is_integer(a) && is_integer(b) && a.size == b.size;
    if (is_aggregate(a))
        return a.name == b.name;
    if (a.kind == Kind::function)
        return is_same(before, a.target, after, b.target, depth + 1) &&
               is_same_prototype(before, a, after, b, depth + 1);
    return is_same(before, one, after, other, depth + 1);
}

bool is_same(const Shapes& before, TypeId original, const Shapes& after, TypeId patched, unsigned depth) {
    if (depth > deepest)
        return true;
    const TypeId one = before.plain(original), other = after.plain(patched);
    const Type &a = before.type(one), &b = after.type(other);
    if (is_integer(a) && is_integer(b))
        return before.size(one) == after.size(other) && !has_other_byte_order(before, original, after, patched);
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case Kind::pointer:
        return is_same_target(before, a.target, after, b.target, depth + 1);
    case Kind::array:
        return a.counts == b.counts && is_same(before, a.target, after, b.target, depth + 1);
    case Kind::structure:
    case Kind::union_type:
        // A member's anonymous structure has no comparison of its own.
        if (a.name.empty() && b.name.empty())
            return a.size == b.size && std::ranges::equal(a.members, b.members, [&](const Member& x, const Member& y) {
                       return x.bit_offset == y.bit_offset && x.bit_size == y.bit_size &&
                              is_same(before, x.type, after, y.type, depth + 1);
                   });
        return a.name == b.name && a.size == b.size;
    case Kind::base:
        return a.size == b.size;
    case Kind::function:
        return is_same(before, a.target, after, b.target, depth + 1) && is_same_prototype(before, a, after, b, depth);
    default:
        return true;
    }
}

} // namespace

TypeId Shapes::strip(TypeId id) const {
    for (unsigned depth = 0; depth < deepest; ++depth) {
        const Type& type = types_.types[id];
        if (type.kind != Kind::alias && type.kind != Kind::qualifier)
            return id;
        id = type.target;
    }
    return 0;
}

TypeId Shapes::plain(TypeId id) const {
    for (unsigned depth = 0; depth < deepest; ++depth) {
        id = strip(id);
        const Type& type = types_.types[id];
        if (!is_aggregate(type) || type.members.size() != 1 || type.members[0].bit_size != 0 ||
            type.members[0].bit_offset != 0 || type.size == 0 || size(type.members[0].type) != type.size)
            return id;
        id = type.members[0].type;
    }
    return id;
}

TypeId Shapes::element(TypeId id) const {
    for (unsigned depth = 0; depth < deepest; ++depth) {
        id = strip(id);
        if (types_.types[id].kind != Kind::array)
            return id;
        id = types_.types[id].target;
    }
    return 0;
}

uint64_t Shapes::size(TypeId id) const {
    uint64_t factor = 1;
    for (unsigned depth = 0; depth < deepest; ++depth) {
        id = strip(id);
        const Type& type = types_.types[id];
        if (type.kind != Kind::array)
            return type.kind == Kind::function ? 0 : factor * type.size;
        for (uint64_t count : type.counts)
            factor *= count;
        id = type.target;
    }
    return 0;
}

uint64_t Shapes::layout(TypeId id) {
    return compute(id, 0);
}

uint64_t Shapes::compute(TypeId id, unsigned depth) {
    const TypeId stripped = strip(id);
    if (layouts_[stripped] != 0 || depth > deepest)
        return layouts_[stripped];
    const Type& type = types_.types[stripped];
    std::string text = fmt::format("{} {}", static_cast<int>(type.kind), type.size);
    switch (type.kind) {
    case Kind::base:
        text += is_floating(type) ? " float" : "";
        break;
    case Kind::pointer:
        text += spelling(stripped);
        break;
    case Kind::array:
        text += fmt::format(" {} {}", compute(type.target, depth + 1), fmt::join(type.counts, ","));
        break;
    case Kind::structure:
    case Kind::union_type:
        for (const Member& member : type.members)
            text += fmt::format(" {} {} {} {}{}", member.name, member.bit_offset, member.bit_size,
                                compute(member.type, depth + 1), byte_order(*this, member.type));
        break;
    default:
        break;
    }
    return layouts_[stripped] = hash(text);
}

std::string Shapes::parameters(const Type& function, unsigned depth) const {
    std::string text;
    for (const Member& parameter : function.members)
        text += (text.empty() ? "" : ", ") + spelling(parameter.type, depth);
    if (function.is_variadic)
        text += text.empty() ? "..." : ", ...";
    return text.empty() ? "void" : text;
}

std::string Shapes::spelling(TypeId id) const {
    return spelling(id, 0);
}

std::string Shapes::spelling(TypeId id, unsigned depth) const {
    const Type& type = types_.types[id];
    if (depth > deepest)
        return "...";
    switch (type.kind) {
    case Kind::nothing:
        return "void";
    case Kind::qualifier:
        return spelling(type.target, depth + 1);
    case Kind::base:
    case Kind::alias:
        return type.name;
    case Kind::pointer: {
        const Type& target = types_.types[type.target];
        if (target.kind == Kind::function)
            return fmt::format("{} (*)({})", spelling(target.target, depth + 1), parameters(target, depth + 1));
        const std::string text = spelling(type.target, depth + 1);
        return text + (text.ends_with('*') ? "*" : " *");
    }
    case Kind::array: {
        std::string text = spelling(type.target, depth + 1);
        for (uint64_t count : type.counts)
            text += count ? fmt::format("[{}]", count) : "[]";
        return text;
    }
    case Kind::function:
        return fmt::format("{} ({})", spelling(type.target, depth + 1), parameters(type, depth + 1));
    default:
        if (type.is_named_by_alias)
            return type.name;
        return type.name.empty() ? fmt::format("{} {{...}}", keyword(type))
                                 : fmt::format("{} {}", keyword(type), type.name);
    }
}

bool loses_byte_order(const Shapes& before, TypeId original, const Shapes& after, TypeId patched) {
    return !byte_order(before, original).empty() && byte_order(after, patched).empty();
}

bool is_same_meaning(const Shapes& before, TypeId original, const Shapes& after, TypeId patched) {
    return is_same(before, original, after, patched, 0);
}

bool is_callable_as(const Shapes& before, TypeId original, const Shapes& after, TypeId patched) {
    const Type &a = before.type(original), &b = after.type(patched);
    if (a.kind != Kind::function || b.kind != Kind::function)
        return true;
    const bool is_result_unread = before.type(before.strip(a.target)).kind == Kind::nothing;
    return (is_result_unread || is_same(before, a.target, after, b.target, 0)) &&
           is_same_prototype(before, a, after, b, 0);
}

} // namespace klp::sense
