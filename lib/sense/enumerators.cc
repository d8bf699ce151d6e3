#include "sense/layouts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <unordered_map>

namespace klp::sense {

namespace {

struct Place {
    const Type* type = nullptr;
    size_t at = 0;
    const Enumerator& enumerator() const { return type->enumerators[at]; }
};

// Enumerators of one scope share one space of names (C11, 6.2.3), so one without an enumeration's name is found as
// well.
std::unordered_map<std::string, Place> places_of(const Types& types) {
    std::unordered_map<std::string, Place> result;
    for (const Type& type : types.types)
        if (type.kind == Kind::enumeration)
            for (size_t at = 0; at < type.enumerators.size(); ++at)
                result.try_emplace(type.scope + " " + type.enumerators[at].name, Place{&type, at});
    return result;
}

// A word of the name says that it counts the others: "NR_LRU_LISTS", "__IFLA_MAX", "PG_LAST".
bool is_counter_name(std::string_view name) {
    constexpr auto words = std::to_array<std::string_view>(
        {"MAX", "NR", "NUM", "COUNT", "CNT", "LAST", "END", "TOTAL", "SIZE", "LIMIT", "MAXVAL", "NUMBER", "N"});
    for (size_t start = 0; start < name.size();) {
        const size_t end = std::min(name.find('_', start), name.size());
        std::string word(name.substr(start, end - start));
        std::ranges::transform(word, word.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        if (std::ranges::find(words, word) != words.end())
            return true;
        start = end + 1;
    }
    return false;
}

// Nothing but such names follows it, on both sides, and it grows.
bool is_counter(const Place& before, const Place& after) {
    auto are_counters = [](const Place& place) {
        return std::all_of(place.type->enumerators.begin() + static_cast<std::ptrdiff_t>(place.at),
                           place.type->enumerators.end(),
                           [](const Enumerator& one) { return is_counter_name(one.name); });
    };
    return are_counters(before) && are_counters(after);
}

} // namespace

std::vector<EnumeratorChange> compare_enumerators(const Types& before, const Types& after) {
    const auto patched = places_of(after);
    std::vector<EnumeratorChange> changes;
    for (const Type& type : before.types) {
        if (type.kind != Kind::enumeration)
            continue;
        EnumeratorChange change;
        const Type* counterpart = nullptr;
        for (size_t at = 0; at < type.enumerators.size(); ++at) {
            const Enumerator& one = type.enumerators[at];
            auto found = patched.find(type.scope + " " + one.name);
            if (found == patched.end()) {
                change.removed.push_back(one.name);
                continue;
            }
            counterpart = found->second.type;
            const int64_t now = found->second.enumerator().value;
            if (now != one.value && !is_counter({&type, at}, found->second))
                change.differences.push_back(fmt::format("{} is {}, was {}", one.name, now, one.value));
        }
        // Debug data describes an enumeration where the unit uses it: without a counterpart nothing is known.
        if (!counterpart || (change.differences.empty() && change.removed.empty()))
            continue;
        change.enumeration = type.name.empty() ? "enum" : "enum " + type.name;
        change.file = counterpart->file;
        change.line = counterpart->line;
        changes.push_back(std::move(change));
    }
    return changes;
}

} // namespace klp::sense
