#include "sense/constructors.h"

#include "verify/module_code.h"

#include <algorithm>
#include <array>
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

} // namespace

std::vector<report::Finding> find_constructors(const std::string& source, const elf::Object& original,
                                               const std::vector<std::string>& changed) {
    std::vector<report::Finding> findings;
    const bool makes_caches =
        std::ranges::any_of(original.symbols(), [](const elf::Symbol& symbol) { return is_creator(symbol.name); });
    if (changed.empty() || !makes_caches)
        return findings;
    const std::set<std::string_view> names = constructors(original);
    for (const std::string& function : changed)
        if (names.contains(function))
            findings.push_back(
                {"sense.constructor-changed", report::Severity::warning, source, function,
                 "a slab cache is made with it as its constructor: the memory that the cache has already was prepared "
                 "by the old one, free objects and those in use, and is not prepared again",
                 "let the code that allocates such objects set what the new constructor sets"});
    return findings;
}

} // namespace klp::sense
