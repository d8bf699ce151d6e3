// The shortest way from one list of lines to another.
#include "report/line_diff.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace klp::report;

namespace {

std::vector<std::string> letters(std::string_view text) {
    std::vector<std::string> lines;
    for (char letter : text)
        lines.emplace_back(1, letter);
    return lines;
}

// "-a+x b" for removed a, added x, equal b.
std::string way(std::string_view before, std::string_view after) {
    const std::vector<std::string> a = letters(before), b = letters(after);
    std::string text;
    for (const Edit& edit : compare_lines(a, b))
        text += std::string(1, edit.sign) + (edit.sign == '+' ? b[edit.after] : a[edit.before]);
    return text;
}

size_t differences(const std::vector<Edit>& edits) {
    return static_cast<size_t>(std::ranges::count_if(edits, [](const Edit& edit) { return edit.sign != ' '; }));
}

// By the textbook's table of longest common subsequences.
size_t fewest_differences(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    std::vector<std::vector<size_t>> common(a.size() + 1, std::vector<size_t>(b.size() + 1, 0));
    for (size_t i = 1; i <= a.size(); ++i)
        for (size_t j = 1; j <= b.size(); ++j)
            common[i][j] =
                a[i - 1] == b[j - 1] ? common[i - 1][j - 1] + 1 : std::max(common[i - 1][j], common[i][j - 1]);
    return a.size() + b.size() - 2 * common[a.size()][b.size()];
}

} // namespace

TEST_CASE("lines: removed ones come before those that took their place") {
    CHECK(way("abc", "abc") == " a b c");
    CHECK(way("abc", "xbd") == "-a+x b-c+d");
    CHECK(way("", "ab") == "+a+b");
    CHECK(way("ab", "") == "-a-b");
    CHECK(way("abcd", "ad") == " a-b-c d");
    CHECK(way("", "").empty());
}

TEST_CASE("lines: the way leads from the one list to the other, and is a shortest") {
    std::mt19937 random(1);
    for (int round = 0; round < 300; ++round) {
        auto any = [&] {
            std::vector<std::string> lines(random() % 30);
            for (std::string& line : lines)
                line = std::string(1, static_cast<char>('a' + random() % 4));
            return lines;
        };
        const std::vector<std::string> a = any(), b = any();
        std::vector<std::string> before, after;
        const std::vector<Edit> edits = compare_lines(a, b);
        for (const Edit& edit : edits) {
            if (edit.sign != '+')
                before.push_back(a[edit.before]);
            if (edit.sign != '-')
                after.push_back(b[edit.after]);
        }
        CHECK(before == a);
        CHECK(after == b);
        CHECK(differences(edits) == fewest_differences(a, b));
    }
}

TEST_CASE("lines: too many differences are no search without end") {
    std::vector<std::string> a, b;
    for (int line = 0; line < 20000; ++line) {
        a.push_back(std::string("a").append(std::to_string(line)));
        b.push_back(std::string("b").append(std::to_string(line)));
    }
    CHECK(differences(compare_lines(a, b)) == 40000);
}

TEST_CASE("lines: parts have their surroundings, and are one where these touch") {
    const std::vector<std::string> a = letters("0123456789abcdef"), b = letters("0X23456789abcdYf");
    const std::vector<Edit> edits = compare_lines(a, b);
    const std::vector<EditRange> two = differing_parts(edits, 3);
    REQUIRE(two.size() == 2);
    CHECK(two[0].begin == 0);
    CHECK(two[0].end == 6); // 0, -1, +X, 2, 3, 4
    CHECK(edits[two[1].begin].before == 11);
    CHECK(two[1].end == edits.size());
    CHECK(differing_parts(edits, 6).size() == 1);
    CHECK(differing_parts(compare_lines(a, a), 3).empty());
}
