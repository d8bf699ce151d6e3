// A patch's effect on a file, as hunks to be read.
#include "source/text_diff.h"

#include <doctest/doctest.h>

using namespace klp;

namespace {

std::string numbered(int count) {
    std::string text;
    for (int line = 1; line <= count; ++line)
        text += "line " + std::to_string(line) + "\n";
    return text;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
}

} // namespace

TEST_CASE("text diff: lines are counted on both sides, from 1") {
    const std::string before = numbered(30);
    const std::string after = replaced(replaced(before, "line 5\n", "new\nnewer\n"), "line 20\n", "");
    const std::vector<source::TextHunk> hunks = source::text_hunks("a.c", before, after);
    REQUIRE(hunks.size() == 2);
    CHECK(hunks[0].block.heading == "a.c, line 2");
    CHECK(hunks[0].block.lines.size() == 9);
    CHECK(hunks[0].block.lines[3] == report::DiffLine{'-', "line 5"});
    CHECK(hunks[0].block.lines[5] == report::DiffLine{'+', "newer"});
    REQUIRE(hunks[0].changes.size() == 1);
    CHECK(hunks[0].changes[0].old_begin == 5);
    CHECK(hunks[0].changes[0].old_end == 6);
    CHECK(hunks[0].changes[0].new_begin == 5);
    CHECK(hunks[0].changes[0].new_end == 7);
    REQUIRE(hunks[1].changes.size() == 1);
    CHECK(hunks[1].changes[0].old_begin == 20);
    CHECK(hunks[1].changes[0].new_begin == 21);
    CHECK(hunks[1].changes[0].new_end == 21);
}

TEST_CASE("text diff: two changes close together are one hunk; a new file is all new") {
    const std::string before = numbered(10);
    const std::vector<source::TextHunk> hunks =
        source::text_hunks("a.c", before, replaced(replaced(before, "line 4", "x"), "line 7", "y"));
    REQUIRE(hunks.size() == 1);
    CHECK(hunks[0].changes.size() == 2);
    const std::vector<source::TextHunk> fresh = source::text_hunks("b.c", "", "one\ntwo");
    REQUIRE(fresh.size() == 1);
    CHECK(fresh[0].block.lines == std::vector<report::DiffLine>{{'+', "one"}, {'+', "two"}});
    CHECK(source::text_hunks("c.c", before, before).empty());
}
