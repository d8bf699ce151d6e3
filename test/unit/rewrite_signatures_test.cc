// An exported function with other arguments becomes a new one beside the old.
#include "rewrite_units.h"

#include <doctest/doctest.h>

using namespace klp;
using namespace klp::test;

namespace {

using Codes = std::multiset<std::string>;

const std::string head =
    "#include <kernel.h>\n#include \"api.h\"\n#define EXPORT_SYMBOL(f) extern __typeof__(f) f; void *export_##f = f\n";

Texts units(const std::string& parameters, const std::string& arguments, const std::string& more = "") {
    return {
        {"api.h", "int api(" + parameters + ");\n"},
        {"unit.c", head + "int api(" + parameters + ")\n{\n\tuse(a);\n\treturn 0;\n}\nEXPORT_SYMBOL(api);\n" + more},
        {"user.c", head + "void user(int a, int b)\n{\n\tuse(api(" + arguments + "));\n}\n"}};
}

} // namespace

TEST_CASE("signatures: the old function stays, the callers of the patch call the new one") {
    const rewrite::Result result = rewritten(units("int a", "a"), units("int a, int b", "a + b, b"));
    CHECK(codes_of(result) == Codes{});
    const std::string unit = text_of(result), user = text_of(result, "user.c");
    CHECK(contains(unit, "int api(int a)\n{\n\tuse(a);\n\treturn 0;\n}\n\nint klp_api(int a, int b)\n{\n"));
    CHECK(contains(unit, "\nint klp_api(int a, int b);\n"));
    CHECK(contains(user, "\nint klp_api(int a, int b);\n"));
    CHECK(contains(user, "\tuse(klp_api(a + b, b));\n"));
    CHECK(text_of(result, "api.h") == "int api(int a);\n");
}

TEST_CASE("signatures: a function whose address is taken is a question") {
    const std::string table = "void *table = (void *)api;\n";
    CHECK(codes_of(rewritten(units("int a", "a", table), units("int a, int b", "a, b", table))) ==
          Codes{"rewrite.signature"});
}

TEST_CASE("signatures: who is not exported changes with its callers") {
    Texts before = units("int a", "a"), after = units("int a, int b", "a, b");
    for (Texts* texts : {&before, &after})
        (*texts)["unit.c"].erase((*texts)["unit.c"].find("EXPORT_SYMBOL(api)"));
    CHECK_THROWS_AS(rewritten(before, after), report::Refusal);
}
