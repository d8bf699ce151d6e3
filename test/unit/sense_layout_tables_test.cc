// Layouts side by side: what a reviewer sees of a structure that the patch changes.
#include "sense/layout_tables.h"

#include "sense_units.h"

using namespace klp;
using namespace klp::test;

namespace {

std::vector<report::LayoutTable> tables_of(const std::string& source) {
    ScratchDirectory scratch;
    auto compile = [&](const std::string& name, const std::string& text) {
        const std::filesystem::path output = scratch.path() / (name + ".o");
        run("gcc -g -O2 -ffunction-sections -fdata-sections -fno-pie -ffreestanding -w -c " +
            scratch.write(name + ".c", text).string() + " -o " + output.string());
        return elf::Object::open(output, name + ".c");
    };
    return sense::layout_tables(compile("before", side(source, false)), compile("after", side(source, true)));
}

// "> 8 long b | 16 long b" for each row.
std::vector<std::string> rows(const report::LayoutTable& table) {
    std::vector<std::string> result;
    for (const report::LayoutRow& row : table.rows)
        result.push_back(std::string(1, row.sign) + " " + row.before.place + " " + row.before.member + " | " +
                         row.after.place + " " + row.after.member);
    return result;
}

} // namespace

TEST_CASE("side by side: what is new, what moves, what is another, and the padding") {
    const std::vector<report::LayoutTable> tables =
        tables_of("struct s { int a; @{|long fresh; }@long b; @{short|int}@ c; };\n"
                  "long f(struct s *s) { return s->a + s->b + s->c; }\n");
    REQUIRE(tables.size() == 1);
    CHECK(tables[0].name == "struct s");
    CHECK(tables[0].where.ends_with("/after.c:1"));
    CHECK(tables[0].size_before == 24);
    CHECK(tables[0].size_after == 32);
    CHECK(rows(tables[0]) == std::vector<std::string>{"  0 int a | 0 int a",
                                                      "  4 (4 bytes of padding) | 4 (4 bytes of padding)",
                                                      "+   | 8 long int fresh", "> 8 long int b | 16 long int b",
                                                      "! 16 short int c | 24 int c", "- 18 (6 bytes of padding) |  ",
                                                      "+   | 28 (4 bytes of padding)"});
}

TEST_CASE("side by side: a hole that is filled, and a bit-field") {
    const std::vector<report::LayoutTable> tables =
        tables_of("struct s { unsigned x : 3; @{|unsigned y : 2; }@long b; };\n"
                  "long f(struct s *s) { return s->x + s->b@{| + s->y}@; }\n");
    REQUIRE(tables.size() == 1);
    const std::vector<std::string> lines = rows(tables[0]);
    REQUIRE(lines.size() == 4);
    CHECK(lines[0] == "  0:0 unsigned int:3 x | 0:0 unsigned int:3 x");
    CHECK(lines[1] == "+   | 0:3 unsigned int:2 y");
}

TEST_CASE("side by side: nothing where no layout differs") {
    CHECK(tables_of("struct s { int a; };\nint f(struct s *s) { return s->a@{| + 1}@; }\n").empty());
}
