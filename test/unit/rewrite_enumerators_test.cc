// A new enumerator in the middle goes to the end.
#include "rewrite_units.h"

#include <doctest/doctest.h>

using namespace klp;
using namespace klp::test;

namespace {

using Codes = std::multiset<std::string>;

rewrite::Result changed(const std::string& before, const std::string& after, const std::string& code) {
    const std::string head = "#include <kernel.h>\nstruct box {\n\tint kind;\n};\n";
    return rewritten(Texts{{"unit.c", head + before}}, Texts{{"unit.c", head + after + code}});
}

const std::string looks =
    "int f(int i)\n{\n\tswitch (i) {\n\tcase FRESH:\n\t\treturn B;\n\t}\n\treturn i == FRESH;\n}\n";

} // namespace

TEST_CASE("enumerators: the others keep their values") {
    const rewrite::Result result =
        changed("enum kind {\n\tA,\n\tB,\n\tC,\n};\n", "enum kind {\n\tA,\n\tFRESH,\n\tB,\n\tC,\n};\n", looks);
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result), "enum kind {\n\tA,\n\tB,\n\tC,\n\tFRESH,\n};\n"));
}

TEST_CASE("enumerators: in one line, and before one that counts") {
    CHECK(contains(text_of(changed("enum { A, B, C };\n", "enum { A, FRESH, B, C };\n", looks)),
                   "enum { A, B, C,\n\tFRESH };\n"));
    CHECK(contains(text_of(changed("enum {\n\tA,\n\tB,\n\tNR_KINDS\n};\n",
                                   "enum {\n\tA,\n\tFRESH,\n\tB,\n\tNR_KINDS\n};\n", looks)),
                   "enum {\n\tA,\n\tB,\n\tFRESH,\n\tNR_KINDS\n};\n"));
}

TEST_CASE("enumerators: a value that objects hold, or an order that counts, is a question") {
    const std::string before = "enum { A, B };\n", after = "enum { A, FRESH, B };\n";
    CHECK(codes_of(changed(before, after, "void f(struct box *b)\n{\n\tb->kind = FRESH;\n}\n")) ==
          Codes{"rewrite.enumerator"});
    CHECK(codes_of(changed(before, after, "void f(void)\n{\n\tuse(FRESH);\n}\n")) == Codes{"rewrite.enumerator"});
    CHECK(codes_of(changed(before, after, "int f(int i)\n{\n\treturn i >= FRESH;\n}\n")) ==
          Codes{"rewrite.enumerator"});
    CHECK(codes_of(changed(before, after, "int f(int i)\n{\n\tint k = i ? FRESH : A;\n\treturn k == B;\n}\n")) ==
          Codes{});
}

TEST_CASE("enumerators: a question keeps the patch from being built") {
    const rewrite::Result result =
        changed("enum { A, B };\n", "enum { A, FRESH, B };\n", "void f(struct box *b)\n{\n\tb->kind = FRESH;\n}\n");
    CHECK(contains(text_of(result), "\n#error "));
}

TEST_CASE("enumerators: what is last already stays") {
    CHECK_THROWS_AS(changed("enum { A, B };\n", "enum { A, B, FRESH };\n", looks), report::Refusal);
}
