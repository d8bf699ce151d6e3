#include "report/line_diff.h"

#include <algorithm>
#include <unordered_map>

namespace klp::report {

namespace {

constexpr size_t most_different = 2000;

// Lines as numbers, the same for equal ones.
class Numbers {
public:
    std::vector<size_t> of(std::span<const std::string> lines) {
        std::vector<size_t> result;
        for (const std::string& line : lines)
            result.push_back(numbers_.try_emplace(line, numbers_.size()).first->second);
        return result;
    }

private:
    std::unordered_map<std::string, size_t> numbers_;
};

// The greedy search: after d differences, reached_[k] is the farthest place in `before` on the diagonal k (place in
// `before` minus place in `after`). The diagonals of each round are kept to walk back.
class Search {
public:
    Search(std::span<const size_t> before, std::span<const size_t> after)
        : before_(before), after_(after), limit_(std::min(before.size() + after.size(), most_different)) {}

    // From the end to the beginning; empty if there are too many differences.
    std::vector<char> signs_backwards() {
        const auto end = static_cast<long>(before_.size());
        const long last_diagonal = end - static_cast<long>(after_.size());
        std::vector<long> reached(2 * limit_ + 3, 0);
        const long middle = static_cast<long>(limit_) + 1;
        for (long d = 0; d <= static_cast<long>(limit_); ++d) {
            rounds_.emplace_back(reached.begin() + (middle - d - 1), reached.begin() + (middle + d + 2));
            for (long k = -d; k <= d; k += 2) {
                long x = is_insertion(rounds_.back(), d, k) ? at(rounds_.back(), d, k + 1)
                                                            : at(rounds_.back(), d, k - 1) + 1;
                x = d == 0 ? 0 : x;
                x = slide(x, k);
                reached[static_cast<size_t>(middle + k)] = x;
                if (k == last_diagonal && x >= end)
                    return walk_back(d);
            }
        }
        return {};
    }

private:
    // rounds_[d] holds what was reached before round d on the diagonals -d-1 .. d+1.
    static long at(const std::vector<long>& round, long d, long k) { return round[static_cast<size_t>(k + d + 1)]; }
    static bool is_insertion(const std::vector<long>& round, long d, long k) {
        return k == -d || (k != d && at(round, d, k - 1) < at(round, d, k + 1));
    }
    long slide(long x, long k) const {
        while (x < static_cast<long>(before_.size()) && x - k < static_cast<long>(after_.size()) &&
               before_[static_cast<size_t>(x)] == after_[static_cast<size_t>(x - k)])
            ++x;
        return x;
    }
    std::vector<char> walk_back(long d) const {
        std::vector<char> signs;
        long x = static_cast<long>(before_.size()), k = x - static_cast<long>(after_.size());
        for (; d > 0; --d) {
            const std::vector<long>& round = rounds_[static_cast<size_t>(d)];
            const bool inserts = is_insertion(round, d, k);
            const long start = inserts ? at(round, d, k + 1) : at(round, d, k - 1) + 1;
            signs.insert(signs.end(), static_cast<size_t>(x - start), ' ');
            signs.push_back(inserts ? '+' : '-');
            x = inserts ? start : start - 1;
            k += inserts ? 1 : -1;
        }
        signs.insert(signs.end(), static_cast<size_t>(x), ' ');
        return signs;
    }

    std::span<const size_t> before_, after_;
    size_t limit_;
    std::vector<std::vector<long>> rounds_;
};

std::vector<char> signs_of(std::span<const size_t> before, std::span<const size_t> after) {
    std::vector<char> signs = Search(before, after).signs_backwards();
    std::ranges::reverse(signs);
    if (signs.empty()) {
        signs.assign(before.size(), '-');
        signs.insert(signs.end(), after.size(), '+');
    }
    // In a run of differences what is removed comes first.
    for (auto run = signs.begin(); run != signs.end();) {
        auto end = std::find(run, signs.end(), ' ');
        std::sort(run, end, std::greater<>()); // '-' is greater than '+'
        run = std::find_if(end, signs.end(), [](char sign) { return sign != ' '; });
    }
    return signs;
}

} // namespace

std::vector<Edit> compare_lines(std::span<const std::string> before, std::span<const std::string> after) {
    Numbers numbers;
    const std::vector<size_t> a = numbers.of(before), b = numbers.of(after);
    const std::span<const size_t> one(a), other(b);
    const size_t shorter = std::min(a.size(), b.size());
    size_t head = 0, tail = 0;
    while (head < shorter && a[head] == b[head])
        ++head;
    while (tail < shorter - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail])
        ++tail;
    std::vector<char> signs(head, ' ');
    const std::vector<char> middle =
        signs_of(one.subspan(head, a.size() - head - tail), other.subspan(head, b.size() - head - tail));
    signs.insert(signs.end(), middle.begin(), middle.end());
    signs.insert(signs.end(), tail, ' ');
    std::vector<Edit> edits;
    size_t x = 0, y = 0;
    for (char sign : signs) {
        edits.push_back({sign, x, y});
        x += sign != '+';
        y += sign != '-';
    }
    return edits;
}

std::vector<EditRange> differing_parts(std::span<const Edit> edits, size_t context) {
    std::vector<EditRange> parts;
    for (size_t at = 0; at < edits.size(); ++at) {
        if (edits[at].sign == ' ')
            continue;
        const size_t begin = at - std::min(at, context), end = std::min(edits.size(), at + 1 + context);
        if (!parts.empty() && parts.back().end >= begin)
            parts.back().end = end;
        else
            parts.push_back({begin, end});
    }
    return parts;
}

} // namespace klp::report
