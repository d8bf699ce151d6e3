// Members whose values mean the opposite of what they meant.
#include "source/object_texts.h"

#include <algorithm>
#include <array>

namespace klp::source {

namespace {

// What a function does with one member.
struct Use {
    std::set<std::string_view> stored; // constants
    int tests = 0, negated = 0;        // `p->m`, `!p->m`
    bool is_stored_otherwise = false;
};
using Uses = std::map<std::string_view, Use>; // by member

bool is_constant(std::string_view word) {
    constexpr auto is_large = [](unsigned char c) { return std::isupper(c) || std::isdigit(c) || c == '_'; };
    return word == "true" || word == "false" || (!word.empty() && std::ranges::all_of(word, is_large));
}

// Where the path that ends with the member at `at` begins: at the "p" of "p -> q . m".
size_t path_begin(Words words, size_t at) {
    while (at >= 2 && (words[at - 1] == "->" || words[at - 1] == ".") && is_identifier(words[at - 2]))
        at -= 2;
    return at;
}

Uses uses_of(Words words) {
    Uses uses;
    for (size_t at = 2; at + 1 < words.size(); ++at) {
        if (words[at - 1] != "->" || !is_identifier(words[at]))
            continue;
        const std::string_view next = words[at + 1];
        if (next == "->" || next == "." || next == "[" || next == "(")
            continue;
        Use& use = uses[words[at]];
        if (next == "=") {
            const Words value = expression_at(words, at + 2);
            if (value.size() == 1 && is_constant(value.front()))
                use.stored.insert(value.front());
            else
                use.is_stored_otherwise = true;
            continue;
        }
        const size_t begin = path_begin(words, at);
        ++use.tests;
        use.negated += begin > 0 && words[begin - 1] == "!";
    }
    return uses;
}

// A function that stores the one constant where it stored the other, and nothing else.
bool stores_another(const Use& was, const Use& is) {
    return was.stored.size() == 1 && is.stored.size() == 1 && was.stored != is.stored && !was.is_stored_otherwise &&
           !is.is_stored_otherwise;
}
bool is_opposite(std::string_view one, std::string_view other) {
    return (one == "true" && other == "false") || (one == "false" && other == "true") || (one == "0" && other == "1") ||
           (one == "1" && other == "0");
}

class Comparison {
public:
    explicit Comparison(const ObjectTexts& texts) {
        for (const std::string& function : texts.changed)
            both_.emplace(function, std::pair(uses_of(texts.before.at(function)), uses_of(texts.after.at(function))));
    }

    std::vector<ObjectChange> run() const {
        std::vector<ObjectChange> found;
        std::set<std::string_view> seen;
        for (const auto& [function, uses] : both_)
            for (const auto& [member, was] : uses.first) {
                const auto is = uses.second.find(member);
                if (is == uses.second.end() || !stores_another(was, is->second) || seen.contains(member))
                    continue;
                const std::string_view before = *was.stored.begin(), after = *is->second.stored.begin();
                if (const std::string other = who_turns(function, member, before, after); !other.empty()) {
                    seen.insert(member);
                    found.push_back({ObjectChange::Kind::meaning, function, other, "->" + std::string(member),
                                     std::string(before), std::string(after)});
                }
            }
        return found;
    }

private:
    // Another function that stores the two the other way round, or tests the member the other way round.
    std::string who_turns(const std::string& function, std::string_view member, std::string_view before,
                          std::string_view after) const {
        for (const auto& [other, uses] : both_) {
            const auto was = uses.first.find(member), is = uses.second.find(member);
            if (other == function || was == uses.first.end() || is == uses.second.end())
                continue;
            if (stores_another(was->second, is->second) && was->second.stored.contains(after) &&
                is->second.stored.contains(before))
                return other;
            if (is_opposite(before, after) && was->second.tests == is->second.tests &&
                was->second.negated != is->second.negated)
                return other;
        }
        return {};
    }

    std::map<std::string, std::pair<Uses, Uses>> both_;
};

} // namespace

std::vector<ObjectChange> compare_meanings(const ObjectTexts& texts) {
    return Comparison(texts).run();
}

} // namespace klp::source
