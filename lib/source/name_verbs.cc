#include "source/name_verbs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

using Does = PrimitiveUse::Does;

struct Verb {
    std::string_view word;
    Does does;
};

// One thing is taken by any of these, and given back by any.
constexpr std::array counting{Verb{"get", Does::gets}, Verb{"hold", Does::gets}, Verb{"inc", Does::gets},
                              Verb{"put", Does::puts}, Verb{"dec", Does::puts}};
// Of a counter that is named.
constexpr std::array adding{Verb{"add", Does::gets}, Verb{"sub", Does::puts}};

// Two that belong together.
struct Pair {
    std::string_view begins, ends;
    bool is_of_argument = false; // what it is done to must be the same
};
constexpr std::array pairs{Pair{"start", "end"},      Pair{"begin", "end"},       Pair{"want", "drop"},
                           Pair{"enable", "disable"}, Pair{"charge", "uncharge"}, Pair{"reserve", "unreserve"},
                           Pair{"pin", "unpin"},      Pair{"block", "unblock"},   Pair{"register", "unregister"},
                           Pair{"freeze", "thaw"},    Pair{"store", "erase"},     Pair{"alloc", "free"},
                           Pair{"add", "del", true}};

// Parts of a name that say how, not what.
constexpr std::array modifiers{
    std::string_view("sync"),        std::string_view("async"),  std::string_view("noresume"),
    std::string_view("autosuspend"), std::string_view("noidle"), std::string_view("track"),
    std::string_view("many"),        std::string_view("rcu"),    std::string_view("locked"),
    std::string_view("irq"),         std::string_view("bh"),     std::string_view("gfp"),
    std::string_view("tail"),        std::string_view("init"),   std::string_view("and"),
    std::string_view("test"),        std::string_view("not"),    std::string_view("zero"),
    std::string_view("unless"),      std::string_view("nested")};

std::vector<std::string_view> parts_of(std::string_view name) {
    std::vector<std::string_view> parts;
    for (size_t at = 0; at < name.size();) {
        const size_t end = std::min(name.find('_', at), name.size());
        if (end > at)
            parts.push_back(name.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

// The name without its verb and what says how: "net" of get_net_track.
std::string stem_of(const std::vector<std::string_view>& parts, size_t verb) {
    std::string stem;
    for (size_t at = 0; at < parts.size(); ++at) {
        const bool is_how = at > 0 && std::ranges::find(modifiers, parts[at]) != modifiers.end();
        if (at != verb && !is_how)
            stem.append(stem.empty() ? "" : "_").append(parts[at]);
    }
    return stem;
}

template <typename Table>
const Verb* find_verb(const Table& table, std::string_view part) {
    const auto verb = std::ranges::find(table, part, &Verb::word);
    return verb == table.end() ? nullptr : &*verb;
}

// `&d->users` of what is given, and the variable of this_cpu_inc(users).
std::string counter_of(std::string_view name, const std::vector<Words>& arguments) {
    const bool is_percpu = name.find("this_cpu_") != name.npos || name.find("raw_cpu_") != name.npos;
    for (const Words& argument : arguments)
        if (is_percpu || argument[0] == "&")
            return object_of(argument);
    return {};
}

// A reference is given back by what leads to it alone; put_user(value, address), skb_put(skb, length) store.
bool is_store(std::string_view name, std::string_view verb, const std::vector<Words>& arguments) {
    const bool is_told_more = name.ends_with("_track") || name.ends_with("_many");
    return verb == "put" && arguments.size() != 1 && !is_told_more;
}

// nf_ct_get(skb, &info) hands out a value besides its result: it reads what is there, and takes no reference.
// get_net_track(net, &tracker, ...) does.
bool is_reading(std::string_view name, std::string_view verb, const std::vector<Words>& arguments) {
    const auto is_local_address = [](Words argument) { return argument.size() == 2 && argument[0] == "&"; };
    return verb == "get" && arguments.size() > 1 && !name.ends_with("_track") &&
           std::any_of(arguments.begin() + 1, arguments.end(), is_local_address);
}

std::optional<PrimitiveUse> by_count(std::string_view name, const std::vector<std::string_view>& parts,
                                     const std::vector<Words>& arguments) {
    for (size_t at = parts.size(); at > 0; --at) {
        const std::string_view part = parts[at - 1];
        const Verb* count = find_verb(counting, part);
        const Verb* verb = count ? count : find_verb(adding, part);
        if (!verb || is_store(name, part, arguments) || is_reading(name, part, arguments))
            continue;
        const bool is_number = part != "get" && part != "put" && part != "hold";
        if (const std::string counter = is_number ? counter_of(name, arguments) : std::string(); !counter.empty())
            return PrimitiveUse{verb->does, "count " + counter, std::string(name)};
        if (const std::string stem = stem_of(parts, at - 1); count && !stem.empty())
            return PrimitiveUse{verb->does, stem, std::string(name)};
    }
    // mntget, mntput
    const bool gets = name.ends_with("get"), puts = name.ends_with("put") && arguments.size() == 1;
    if (parts.size() == 1 && name.size() > 3 && (gets || puts))
        return PrimitiveUse{gets ? Does::gets : Does::puts, std::string(name.substr(0, name.size() - 3)),
                            std::string(name)};
    return std::nullopt;
}

std::optional<PrimitiveUse> by_pair(std::string_view name, const std::vector<std::string_view>& parts,
                                    const std::vector<Words>& arguments) {
    for (size_t at = parts.size(); at > 0; --at)
        for (const Pair& pair : pairs) {
            const bool begins = parts[at - 1] == pair.begins;
            if (!begins && parts[at - 1] != pair.ends)
                continue;
            std::string what = stem_of(parts, at - 1);
            if (what.empty())
                continue;
            if (pair.is_of_argument)
                what += ' ' + (arguments.empty() ? std::string() : object_of(arguments[0]));
            // `end` ends what was started or begun.
            const std::string_view verb = pair.begins == "begin" ? "start" : pair.begins;
            return PrimitiveUse{begins ? Does::begins : Does::ends, fmt::format("{} of {}", verb, what),
                                std::string(name)};
        }
    return std::nullopt;
}

bool is_number(std::string_view word) {
    return !word.empty() && std::ranges::all_of(word, [](unsigned char c) { return std::isdigit(c); }) && word != "0";
}

// set_promiscuity(dev, 1) and set_promiscuity(dev, -1)
std::optional<PrimitiveUse> by_sign(std::string_view name, const std::vector<Words>& arguments) {
    if (arguments.empty())
        return std::nullopt;
    const Words last = arguments.back();
    const bool ends = last.size() == 2 && last[0] == "-";
    if ((last.size() != 1 && !ends) || !is_number(last.back()))
        return std::nullopt;
    return PrimitiveUse{ends ? Does::ends : Does::begins, fmt::format("{}(..., {})", name, last.back()),
                        std::string(name)};
}

} // namespace

std::optional<PrimitiveUse> use_by_name(Words words) {
    const std::string_view name = words[0];
    const std::optional<std::vector<Words>> arguments = arguments_of(words, 1);
    if (!arguments)
        return std::nullopt;
    const std::vector<std::string_view> parts = parts_of(name);
    // Of allocators object_changes.h tells more.
    if (name.starts_with("kmem_cache_"))
        return std::nullopt;
    if (std::optional<PrimitiveUse> use = by_count(name, parts, *arguments))
        return use;
    if (std::optional<PrimitiveUse> use = by_pair(name, parts, *arguments))
        return use;
    return by_sign(name, *arguments);
}

} // namespace klp::source
