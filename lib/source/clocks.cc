// Times that are kept in objects, and the clocks that they come from.
#include "source/object_texts.h"

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

// "jiffies", "ktime_get", "ktime_get_boottime_seconds": the clock and its unit, without what tells how exact it is.
// include/linux/{jiffies,timekeeping,sched/clock}.h. Empty for what is no clock.
std::string clock_of(std::string_view word) {
    if (word == "jiffies" || word == "jiffies_64" || word == "get_jiffies_64")
        return "jiffies";
    if (word == "local_clock" || word == "sched_clock" || word == "cpu_clock" || word == "get_cycles")
        return std::string(word);
    constexpr std::string_view reading = "ktime_get";
    std::string clock(word);
    if (!word.starts_with(reading) || (word.size() > reading.size() && word[reading.size()] != '_'))
        return {};
    for (const std::string_view part : {"_coarse", "_mono", "_fast", "_ns"})
        if (const size_t at = clock.find(part); at != std::string::npos)
            clock.erase(at, part.size());
    return clock;
}

struct Clock {
    std::string id, spelling;
    bool operator<(const Clock& other) const { return id < other.id; }
};

// The clock that an expression takes as it is, or with something added: not one that goes into a function, which may
// make another unit of it.
Clock clock_in(Words expression) {
    size_t depth = 0;
    for (size_t at = 0; at < expression.size(); ++at) {
        if (depth == 0)
            if (std::string clock = clock_of(expression[at]); !clock.empty())
                return {std::move(clock), std::string(expression[at])};
        const bool is_call = expression[at] == "(" && at > 0 && is_identifier(expression[at - 1]);
        depth += is_call || (depth > 0 && expression[at] == "(");
        depth -= depth > 0 && expression[at] == ")";
    }
    return {};
}

using Clocks = std::map<std::string, std::set<Clock>>; // by member: "->updated"

Clocks clocks_of(Words words) {
    Clocks clocks;
    const auto add = [&](std::string_view member, Words value) {
        if (Clock clock = clock_in(value); !clock.id.empty())
            clocks["->" + std::string(member)].insert(std::move(clock));
    };
    for (size_t at = 2; at + 1 < words.size(); ++at) {
        if (words[at] == "=" && words[at - 2] == "->" && is_identifier(words[at - 1]))
            add(words[at - 1], expression_at(words, at + 1));
        if (words[at] != "WRITE_ONCE" || words[at + 1] != "(")
            continue;
        const auto arguments = arguments_of(words, at + 1);
        if (arguments && arguments->size() == 2 && arguments->front().size() > 2 &&
            (*arguments)[0][arguments->front().size() - 2] == "->")
            add(arguments->front().back(), (*arguments)[1]);
    }
    return clocks;
}

} // namespace

std::vector<ObjectChange> compare_clocks(const ObjectTexts& texts) {
    std::vector<ObjectChange> found;
    for (const std::string& function : texts.changed) {
        const Clocks before = clocks_of(texts.before.at(function));
        if (before.empty())
            continue;
        for (const auto& [member, clocks] : clocks_of(texts.after.at(function)))
            if (const auto was = before.find(member); was != before.end() && was->second.size() == 1 &&
                                                      clocks.size() == 1 &&
                                                      was->second.begin()->id != clocks.begin()->id)
                found.push_back({ObjectChange::Kind::clock,
                                 function,
                                 {},
                                 member,
                                 was->second.begin()->spelling,
                                 clocks.begin()->spelling});
    }
    return found;
}

} // namespace klp::source
