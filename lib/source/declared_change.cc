#include "source/declared_change.h"

#include "source/declarations.h"
#include "source/macro_table.h"

#include <llvm/ADT/Hashing.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace klp::source {

namespace {

using Kind = ReadToken::Kind;
using Declarations = std::vector<Declaration>;

std::vector<uint64_t> contents_of(const UnexpandedUnit& unit) {
    std::vector<uint64_t> contents(unit.macros.size());
    std::ranges::transform(unit.macros, contents.begin(),
                           [&](const MacroDefinition& macro) { return content_of(macro, unit); });
    return contents;
}

void add_changed_macros(const UnexpandedUnit& before, const UnexpandedUnit& after, Names& names) {
    const Differences differences = compare(contents_of(before), contents_of(after));
    for (const size_t i : differences.before)
        names.add({&before.macros[i].name, 1});
    for (const size_t i : differences.after)
        names.add({&after.macros[i].name, 1});
}

bool is_enumeration(const Declaration& declaration) {
    return !declaration.is_function && declaration.tokens.front().kind == Kind::keyword_enum;
}

// For each enumerator, its name and a number for all that its value can depend on: the text up to its end.
std::vector<std::pair<uint64_t, uint64_t>> enumerators_of(const Declaration& enumeration) {
    std::vector<std::pair<uint64_t, uint64_t>> found;
    uint64_t text = 0, name = 0;
    bool is_in_list = false;
    for (const ReadToken& token : enumeration.tokens) {
        if (token.kind == Kind::close_brace)
            break;
        if (is_in_list && token.kind == Kind::identifier && name == 0)
            name = token.spelling;
        if (token.kind == Kind::comma && name != 0) {
            found.emplace_back(name, text);
            name = 0;
        }
        is_in_list |= token.kind == Kind::open_brace;
        text = llvm::hash_combine(text, token.spelling);
    }
    if (name != 0)
        found.emplace_back(name, text);
    return found;
}

// Declaration::names may have one too many, of what a variable's value speaks: `const type_t v = ((type_t)1);`
std::vector<uint64_t> names_of(const Declaration& declaration) {
    size_t depth = 0;
    uint64_t name = 0;
    bool is_array = false;
    for (const ReadToken& token : declaration.tokens) {
        if (token.kind == Kind::open_brace || token.kind == Kind::open_parenthesis)
            ++depth;
        if (token.kind == Kind::close_brace || token.kind == Kind::close_parenthesis)
            --depth;
        if (depth > 0)
            continue;
        if (token.kind == Kind::equals)
            return {name};
        is_array |= token.kind == Kind::open_bracket;
        if (token.kind == Kind::identifier && !is_array)
            name = token.spelling;
    }
    return declaration.names;
}

using Enumerators = std::set<std::pair<uint64_t, uint64_t>>;

Enumerators enumerators_of(const Declarations& side, const std::vector<size_t>& places) {
    Enumerators found;
    for (const size_t i : places)
        if (is_enumeration(side[i]))
            std::ranges::copy(enumerators_of(side[i]), std::inserter(found, found.end()));
    return found;
}

// Of an enumeration only if one of its enumerators is not on the other side: one more at its end changes no other.
void add_changed(const Declarations& side, const std::vector<size_t>& changed, const Enumerators& other, Names& names) {
    for (const size_t i : changed) {
        const Declaration& declaration = side[i];
        if (declaration.is_function)
            continue;
        if (!is_enumeration(declaration)) {
            names.add(names_of(declaration));
            continue;
        }
        for (const auto& enumerator : enumerators_of(declaration))
            if (!other.contains(enumerator))
                names.add({&enumerator.first, 1});
    }
}

bool ends_declarator(Kind kind) {
    return kind == Kind::semicolon || kind == Kind::comma || kind == Kind::close_parenthesis ||
           kind == Kind::open_bracket || kind == Kind::equals;
}

// `struct s x` has it inside; `struct s *x` does not, nor `int *s`.
bool holds_one_of(std::span<const ReadToken> tokens, const Names& names) {
    for (size_t i = 0; i < tokens.size(); ++i) {
        const Kind last = i > 0 ? tokens[i - 1].kind : Kind::semicolon;
        const Kind next = i + 1 < tokens.size() ? tokens[i + 1].kind : Kind::semicolon;
        const bool is_pointers_name = last == Kind::star && ends_declarator(next);
        if (names.has(tokens[i].spelling) && last != Kind::member && next != Kind::star && !is_pointers_name)
            return true;
    }
    return false;
}

} // namespace

std::optional<Names> changed_declarations(const HeaderReading& before, const HeaderReading& after) {
    const std::optional<Declarations> old_side = declarations_of(before.expanded.tokens),
                                      new_side = declarations_of(after.expanded.tokens);
    if (!old_side || !new_side)
        return std::nullopt;
    Names names;
    add_changed_macros(before.unexpanded, after.unexpanded, names);
    const Differences differences = compare(contents_of(*old_side), contents_of(*new_side));
    const Enumerators old_values = enumerators_of(*old_side, differences.before),
                      new_values = enumerators_of(*new_side, differences.after);
    add_changed(*old_side, differences.before, new_values, names);
    add_changed(*new_side, differences.after, old_values, names);
    const MacroTable macros(after.unexpanded);
    for (bool grows = !names.all().empty(); grows;) {
        grows = names.add(macros.speaking_of(names));
        for (const size_t i : differences.same) {
            const Declaration& declaration = (*new_side)[i];
            if (!declaration.is_function && holds_one_of(declaration.tokens, names))
                grows |= names.add(declaration.names);
        }
    }
    return names;
}

} // namespace klp::source
