#include "source/changed_names.h"

#include <algorithm>
#include <unordered_map>

namespace klp::source {

namespace {

using Counts = std::unordered_map<uint64_t, size_t>;

Counts count(std::span<const uint64_t> contents) {
    Counts counts;
    for (const uint64_t content : contents)
        ++counts[content];
    return counts;
}

// Places of `side`, counted from `first`, of what the other side has as well, each as often as there; the others go to
// `changed`.
std::vector<size_t> common(std::span<const uint64_t> side, size_t first, Counts other, std::vector<size_t>& changed) {
    std::vector<size_t> found;
    for (size_t i = 0; i < side.size(); ++i) {
        const auto entry = other.find(side[i]);
        const bool is_there = entry != other.end() && entry->second > 0;
        if (is_there)
            --entry->second;
        (is_there ? found : changed).push_back(first + i);
    }
    return found;
}

} // namespace

Differences compare(std::span<const uint64_t> before, std::span<const uint64_t> after) {
    const auto head = static_cast<size_t>(std::ranges::mismatch(before, after).in1 - before.begin());
    size_t tail = 0;
    while (tail < std::min(before.size(), after.size()) - head &&
           before[before.size() - 1 - tail] == after[after.size() - 1 - tail])
        ++tail;
    const auto old_rest = before.subspan(head, before.size() - head - tail);
    const auto new_rest = after.subspan(head, after.size() - head - tail);

    Differences differences;
    const std::vector<size_t> old_common = common(old_rest, head, count(new_rest), differences.before);
    std::vector<size_t> new_common = common(new_rest, head, count(old_rest), differences.after);
    const bool is_in_order =
        std::ranges::equal(old_common, new_common, [&](size_t a, size_t b) { return before[a] == after[b]; });
    if (!is_in_order) {
        std::ranges::copy(new_common, std::back_inserter(differences.after));
        new_common.clear();
    }
    for (size_t i = 0; i < head; ++i)
        differences.same.push_back(i);
    std::ranges::copy(new_common, std::back_inserter(differences.same));
    for (size_t i = after.size() - tail; i < after.size(); ++i)
        differences.same.push_back(i);
    return differences;
}

bool speaks_of(std::span<const ReadToken> tokens, const Names& names, const std::function<bool(uint64_t)>& is_macro) {
    ReadToken::Kind last = ReadToken::Kind::other;
    for (const ReadToken& token : tokens) {
        if (names.has(token.spelling) && (last != ReadToken::Kind::member || is_macro(token.spelling)))
            return true;
        last = token.kind;
    }
    return false;
}

bool Names::add(std::span<const uint64_t> more) {
    bool is_new = false;
    for (const uint64_t name : more) {
        is_new |= names_.insert(name).second;
        may_have_.set(name % bits);
    }
    return is_new;
}

} // namespace klp::source
