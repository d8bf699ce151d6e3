#include "source/touched_types.h"

#include <doctest/doctest.h>

using namespace klp::source;

namespace {

// The patch brings the lines of `after` that end in "// +", and takes away those of which "// -" is left.
std::set<std::string> touched(const std::string& after) {
    FileChange change;
    change.before = "anything";
    change.after = after;
    uint32_t line = 0;
    for (size_t begin = 0; begin < after.size(); begin = after.find('\n', begin) + 1) {
        const std::string text = after.substr(begin, after.find('\n', begin) - begin);
        if (text.ends_with("// -"))
            ++line;
        change.line_origins.push_back(text.ends_with("// +") ? 0 : ++line);
    }
    return touched_types(change);
}

using Tags = std::set<std::string>;

} // namespace

TEST_CASE("a new line is in the structures around it") {
    CHECK(touched("struct a {\n\tint x;\n\tint y; // +\n};\nstruct b {\n\tint x;\n};\n") == Tags{"a"});
    CHECK(touched("struct a {\n\tunion b {\n\t\tint x; // +\n\t} u;\n};\n") == Tags{"a", "b"});
    CHECK(touched("enum e {\n\tONE,\n\tTWO, // +\n};\n") == Tags{"e"});
    CHECK(touched("struct a __packed {\n\tint x; // +\n};\n") == Tags{"a"});
}

TEST_CASE("a removed line is in the structure that it was in") {
    CHECK(touched("struct a {\n\tint x;\n\tint z; // -\n};\n") == Tags{"a"});
    CHECK(touched("struct a {\n\tint x;\n}; // -\nint y;\n") == Tags{"a"});
}

TEST_CASE("functions, variables, nameless types and other lines are in none") {
    CHECK(touched("struct a *f(void)\n{\n\treturn 0; // +\n}\n").empty());
    CHECK(touched("struct a a = {\n\t.x = 1, // +\n};\n").empty());
    CHECK(touched("typedef struct {\n\tint x; // +\n} a;\n").empty());
    CHECK(touched("int x; // +\nstruct a {\n\tint x;\n};\n").empty());
    CHECK(touched("struct a {\n\tint x;\n};\nint y; // +\n").empty());
}
