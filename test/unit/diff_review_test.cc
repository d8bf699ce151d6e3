// What a reviewer is shown of a changed function: its code, its lines, and who uses it.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

diff::Review review_of(const std::string& before, const std::string& after, const char* name,
                       const char* extra = "-g") {
    UnitPair pair;
    pair.options.review = true;
    const Outcome outcome = pair.run(before, after, extra);
    CHECK(outcome.codes == std::vector<std::string>{});
    const diff::Item* item = outcome.item(name);
    REQUIRE(item);
    return item->review;
}

std::vector<std::string> lines_with(const diff::Review& review, char sign) {
    std::vector<std::string> lines;
    for (const report::DiffBlock& block : review.code)
        for (const report::DiffLine& line : block.lines)
            if (line.sign == sign)
                lines.push_back(line.text);
    return lines;
}

bool has_line(const std::vector<std::string>& lines, const std::string& part) {
    return std::ranges::any_of(lines, [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

const std::string unit = "extern int one(int), two(int);\n"
                         "static __attribute__((noinline)) int f(int x) { return one(x) + 1; }\n"
                         "int g(int x) { return f(x) * 3; }\n"
                         "int (*const table[])(int) = { f };\n";

} // namespace

TEST_CASE("review: who goes on using a function, and whether others may") {
    const diff::Review local = review_of(unit, replaced(unit, "one(x)", "two(x)"), "f");
    CHECK(local.users == Names{"g", "table"});
    CHECK_FALSE(local.is_global);
    const diff::Review global = review_of(unit, replaced(unit, "* 3", "* 5 + x"), "g");
    CHECK(global.users.empty());
    CHECK(global.is_global);
    // Who is replaced itself does not go on using it.
    const std::string both = replaced(replaced(unit, "one(x)", "two(x)"), "* 3", "* 5 + x");
    CHECK(review_of(unit, both, "f").users == Names{"table"});
}

TEST_CASE("review: only what differs in the code, by what it means") {
    const diff::Review review = review_of(unit, replaced(unit, "one(x)", "two(x)"), "f");
    const std::vector<std::string> removed = lines_with(review, '-'), added = lines_with(review, '+');
    REQUIRE(removed.size() == 1);
    REQUIRE(added.size() == 1);
    CHECK(removed[0].find("-> one") != std::string::npos);
    CHECK(added[0].find("-> two") != std::string::npos);
}

TEST_CASE("review: jumps that lead elsewhere because code between them grew are no difference") {
    const std::string loop = "extern int use(int);\n"
                             "int f(int x) { while (x > 7) x = use(x); return use(x MORE); }\n";
    const std::string before = replaced(loop, "MORE", ""), after = replaced(loop, "MORE", "+ 100000");
    for (const std::string& line : lines_with(review_of(before, after, "f"), '-'))
        CHECK(line.find(" j") == std::string::npos);
}

TEST_CASE("review: strings stay on their line, and all of a new function is shown") {
    const std::string before =
        "extern int printk(const char *, ...);\nint f(int x) { return printk(\"old\\n\") + x; }\n";
    const std::string after = "extern int printk(const char *, ...);\n"
                              "static __attribute__((noinline)) int fresh(int x) { return printk(\"a\\tb\\n\") + x; }\n"
                              "int f(int x) { return fresh(x) * 9; }\n";
    const diff::Review review = review_of(before, after, "fresh");
    CHECK(has_line(lines_with(review, '+'), "-> \"a\\tb\\n\""));
    CHECK(lines_with(review, '-').empty());
    CHECK(lines_with(review, ' ').empty());
    CHECK(review.original_lines.empty());
    REQUIRE(review.new_lines.size() == 1);
    CHECK(review.new_lines[0].function == "fresh");
    CHECK(review.new_lines[0].first == 2);
    CHECK(review.new_lines[0].last == 2);
}

TEST_CASE("review: the lines of a function and of what is inlined into it") {
    const std::string inlined =
        "static inline __attribute__((always_inline)) int helper(int x)\n{\n    return x * 77;\n}\n"
        "int f(int x)\n{\n    x += 5;\n    return helper(x) - 1;\n}\n";
    const diff::Review review = review_of(inlined, replaced(inlined, "* 77", "/ 77"), "f");
    REQUIRE(review.original_lines.size() == 2);
    CHECK(review.original_lines[0].function == "f");
    CHECK(review.original_lines[0].first <= 7);
    CHECK(review.original_lines[0].last >= 8);
    CHECK(review.original_lines[1].function == "helper");
    CHECK(review.original_lines[1].first == 3);
    CHECK(review.original_lines[1].last == 3);
    CHECK(review.new_lines.empty());
}

TEST_CASE("review: nothing of it is done where nobody asks") {
    UnitPair pair;
    const Outcome outcome = pair.run(unit, replaced(unit, "one(x)", "two(x)"), "-g");
    REQUIRE(outcome.item("f"));
    CHECK(outcome.item("f")->review.code.empty());
    CHECK(outcome.item("f")->review.users.empty());
}
