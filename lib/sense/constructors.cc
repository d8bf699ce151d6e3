#include "sense/constructors.h"

#include "sense/shapes.h"
#include "sense/types.h"
#include "verify/module_code.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

namespace klp::sense {

namespace {

using verify::ModuleFunction;

// The constructor is an argument, or since Linux 6.12 in a structure on the stack.
constexpr std::array creators{std::string_view("kmem_cache_create"), std::string_view("kmem_cache_create_usercopy"),
                              std::string_view("__kmem_cache_create_args")};

bool is_creator(std::string_view name) {
    return std::ranges::find(creators, name) != creators.end();
}

// By name, those whose address a function that makes a cache takes, and does not call.
std::set<std::string_view> constructors(const elf::Object& unit) {
    const verify::ModuleCode code(unit);
    std::set<std::string_view> names;
    for (const ModuleFunction& function : code.functions()) {
        if (std::ranges::none_of(function.calls, [](const verify::Call& call) { return is_creator(call.callee); }))
            continue;
        const auto is_called = [&](const ModuleFunction* other) {
            return std::ranges::any_of(function.runs,
                                       [&](const verify::Location& place) { return code.find(place) == other; });
        };
        for (const verify::Location& place : function.refers_to)
            if (const ModuleFunction* other = code.find(place); other && !is_called(other))
                names.insert(other->name);
    }
    return names;
}

// Those of which the debug data says that a cache could not call them: a constructor is a `void f(void *)`.
std::set<std::string, std::less<>> of_other_types(const elf::Object& unit) {
    std::set<std::string, std::less<>> names;
    const std::optional<Types> types = read_types(unit);
    if (!types)
        return names;
    const Shapes shapes(*types);
    for (const Function& function : types->functions)
        if (function.prototype && shapes.spelling(function.prototype) != "void (void *)")
            names.insert(function.name);
    return names;
}

} // namespace

std::vector<report::Finding> find_constructors(const std::string& source, const elf::Object& original,
                                               const std::vector<std::string>& changed) {
    std::vector<report::Finding> findings;
    const bool makes_caches =
        std::ranges::any_of(original.symbols(), [](const elf::Symbol& symbol) { return is_creator(symbol.name); });
    if (changed.empty() || !makes_caches)
        return findings;
    const std::set<std::string_view> names = constructors(original);
    if (std::ranges::none_of(changed, [&](const std::string& function) { return names.contains(function); }))
        return findings;
    // The function that makes a cache hands out others as well: work, threads, shrinkers.
    const std::set<std::string, std::less<>> others = of_other_types(original);
    for (const std::string& function : changed)
        if (names.contains(function) && !others.contains(function))
            findings.push_back(
                {"sense.constructor-changed", report::Severity::warning, source, function,
                 "a slab cache is made with it as its constructor: the memory that the cache has already was prepared "
                 "by the old one, free objects and those in use, and is not prepared again",
                 "let the code that allocates such objects set what the new constructor sets"});
    return findings;
}

} // namespace klp::sense
