// Functions that ftrace cannot hook, and inline ones of a header: new ones beside them, for their callers.
#include "rewrite_units.h"

#include <doctest/doctest.h>

using namespace klp;
using namespace klp::test;

namespace {

using Codes = std::multiset<std::string>;

// lib.c is of a folder without ftrace, user.c is not.
Texts units(const std::string& api, const std::string& user = "int user(int a)\n{\n\treturn api(a) + 1;\n}\n") {
    return {{"api.h", "int api(int a);\n"},
            {"lib.c", "#include \"api.h\"\n" + api},
            {"user.c", "#include \"api.h\"\n" + user}};
}

const std::string api = "int api(int a)\n{\n\treturn a;\n}\n", fixed = "int api(int a)\n{\n\treturn a * 2;\n}\n";

rewrite::Request untraced(const Texts& before, const Texts& after) {
    rewrite::Request request = request_of(before, after);
    for (rewrite::Unit& unit : request.units)
        unit.is_traced = unit.patched.file != "lib.c";
    return request;
}

} // namespace

TEST_CASE("callers: of what ftrace cannot hook they call a new one") {
    const rewrite::Result result = rewrite::rewrite(untraced(units(api), units(fixed)));
    CHECK(codes_of(result) == Codes{});
    CHECK(text_of(result, "lib.c") ==
          "#include \"api.h\"\n\n#include <linux/livepatch_helpers.h>\nint klp_api(int a);\n" + api +
              "\nKLP_IGNORE_FUNCTION(api);\n\nint klp_api(int a)\n{\n\treturn a * 2;\n}\n");
    CHECK(text_of(result, "user.c") ==
          "#include \"api.h\"\n\nint klp_api(int a);\nint user(int a)\n{\n\treturn klp_api(a) + 1;\n}\n");
}

TEST_CASE("callers: a unit that the patch does not change is asked for") {
    rewrite::Request whole = untraced(units(api), units(fixed)), request = whole;
    std::erase_if(request.units, [](const rewrite::Unit& unit) { return unit.patched.file == "user.c"; });
    request.files.erase("/new/user.c");
    std::set<std::string> asked;
    request.find_callers = [&](const std::set<std::string>& names) {
        asked = names;
        return rewrite::Sources{{whole.units.back()}, {{"/new/user.c", whole.files.at("/new/user.c")}}};
    };
    CHECK(contains(text_of(rewrite::rewrite(request), "user.c"), "return klp_api(a) + 1;"));
    CHECK(asked == std::set<std::string>{"api"});
}

TEST_CASE("callers: what is between the change and them gets a new one as well") {
    const auto lib = [](const std::string& value) {
        return "static int part(int a)\n{\n\treturn a + " + value +
               ";\n}\nint api(int a)\n{\n\treturn part(a);\n}\n"
               "int other(int a)\n{\n\treturn part(a) * 5;\n}\n";
    };
    const rewrite::Result result = rewrite::rewrite(untraced(units(lib("1")), units(lib("2"))));
    CHECK(codes_of(result) == Codes{});
    const std::string text = text_of(result, "lib.c");
    CHECK(contains(text, "static int part(int a)\n{\n\treturn a + 1;\n}\n\n"
                         "static int klp_part(int a)\n{\n\treturn a + 2;\n}\n"
                         "int api(int a)\n{\n\treturn part(a);\n}\n\nKLP_IGNORE_FUNCTION(api);\n\nint klp_api(int "
                         "a)\n{\n\treturn klp_part(a);\n}\n"));
    // Nobody here calls it.
    CHECK_FALSE(contains(text, "klp_other"));
}

TEST_CASE("callers: who cannot be reached is a question") {
    const std::string table = "int (*table)(int) = api;\nint user(int a)\n{\n\treturn api(a) + 1;\n}\n";
    CHECK(codes_of(rewrite::rewrite(untraced(units(api, table), units(fixed, table)))) == Codes{"rewrite.caller"});
    CHECK(codes_of(rewrite::rewrite(untraced(units(api, ""), units(fixed, "")))) == Codes{"rewrite.caller"});
    rewrite::Request request = untraced(units(api), units(fixed));
    request.callers_in_kernel = [](const std::string&) { return std::vector<std::string>{"hidden", "user"}; };
    CHECK(codes_of(rewrite::rewrite(request)) == Codes{"rewrite.caller"});
    // Those that are named need not be all.
    request.callers = {{"/new/user.c", "user"}};
    const rewrite::Result result = rewrite::rewrite(request);
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(result.remarks.front(), "hidden"));
}

TEST_CASE("callers: only those that are named") {
    const std::string users =
        "int one(int a)\n{\n\treturn api(a) + 1;\n}\nint two(int a)\n{\n\treturn api(a) + 2;\n}\n";
    rewrite::Request request = untraced(units(api, users), units(fixed, users));
    request.callers = {{"/new/user.c", "two"}};
    const std::string text = text_of(rewrite::rewrite(request), "user.c");
    CHECK(contains(text, "return api(a) + 1;"));
    CHECK(contains(text, "return klp_api(a) + 2;"));
}

TEST_CASE("callers: a notrace function is replaced in its own unit as well") {
    const auto text = [](const std::string& value) {
        return "#include <kernel.h>\nint __attribute__((no_instrument_function)) quick(int a)\n{\n\treturn a + " +
               value + ";\n}\nint user(int a)\n{\n\treturn quick(a);\n}\n";
    };
    const rewrite::Result result = rewritten(Texts{{"unit.c", text("1")}}, Texts{{"unit.c", text("2")}});
    CHECK(contains(text_of(result), "klp_quick(int a)\n{\n\treturn a + 2;\n}\n"));
    CHECK(contains(text_of(result), "return klp_quick(a);"));
}

TEST_CASE("callers: an inline function of a header, where they are named") {
    const auto texts = [](const std::string& value) {
        return Texts{{"api.h", "static inline int part(int a)\n{\n\treturn a + " + value +
                                   ";\n}\n"
                                   "static inline int api(int a)\n{\n\treturn part(a) * 2;\n}\n"},
                     {"user.c", "#include \"api.h\"\nint user(int a)\n{\n\treturn api(a) + 1;\n}\n"},
                     {"other.c", "#include \"api.h\"\nint other(int a)\n{\n\treturn api(a) + 1;\n}\n"}};
    };
    CHECK_THROWS_AS(rewritten(texts("1"), texts("2")), report::Refusal);
    rewrite::Request request = request_of(texts("1"), texts("2"));
    request.callers = {{"/new/user.c", ""}};
    const rewrite::Result result = rewrite::rewrite(request);
    CHECK(codes_of(result) == Codes{});
    CHECK(text_of(result, "api.h") == texts("1")["api.h"]);
    CHECK(text_of(result, "user.c") ==
          "#include \"api.h\"\n\nstatic inline int klp_part(int a)\n{\n\treturn a + 2;\n}\n\n"
          "static inline int klp_api(int a)\n{\n\treturn klp_part(a) * 2;\n}\n"
          "int user(int a)\n{\n\treturn klp_api(a) + 1;\n}\n");
    CHECK_FALSE(result.files.contains("/new/other.c"));
    // Who is named by mistake.
    request.callers = {{"/new/user.c", ""}, {"/new/other.c", "nobody"}};
    CHECK(codes_of(rewrite::rewrite(request)) == Codes{"rewrite.caller"});
}
