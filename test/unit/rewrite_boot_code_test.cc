// Changes of functions that ran when the kernel started.
#include "rewrite_units.h"

#include <doctest/doctest.h>

using namespace klp;
using namespace klp::test;

namespace {

using Codes = std::multiset<std::string>;

const std::string head = "#include <kernel.h>\nstruct limits { long most[4]; int kind; };\nstruct limits limits;\n"
                         "extern struct limits elsewhere;\nstruct limits initialised = {.kind = 2};\n"
                         "static int size = 7;\nstruct list_head *list;\nvoid add(struct list_head *, int);\n";

rewrite::Result booted(const std::string& before, const std::string& after) {
    const auto unit = [](const std::string& body) {
        return Texts{{"unit.c", head + "static void __attribute__((section(\".init.text\"))) start(void)\n{\n" + body +
                                    "}\nvoid (*begin)(void) = start;\nint get(void)\n{\n\treturn size;\n}\n"}};
    };
    const rewrite::Result result = rewritten(unit(before), unit(after));
    // The function itself does not run again.
    CHECK(contains(text_of(result), "start(void)\n{\n" + before + "}\n"));
    return result;
}

} // namespace

TEST_CASE("boot code: numbers that it gives to variables are set by a callback") {
    const rewrite::Result result = booted("\tlimits.most[2] = 3;\n\tuse(1);\n", "\tlimits.most[2] = 5;\n\tuse(1);\n");
    CHECK(codes_of(result) == Codes{});
    const std::string text = text_of(result);
    CHECK(contains(text, "\tif (limits.most[2] == 3) {\n\t\tlimits.most[2] = 5;\n"));
    CHECK(contains(text, "limits.most[2] == 5)\n\t\tlimits.most[2] = 3;\n"));
    CHECK(contains(text, "KLP_PRE_PATCH_CALLBACK(klp_pre_patch);"));
}

TEST_CASE("boot code: what it did not give before had its initial value") {
    CHECK(contains(text_of(booted("\tuse(1);\n", "\tuse(1);\n\tsize = 9;\n")), "\tif (size == 7) {\n\t\tsize = 9;\n"));
    CHECK(contains(text_of(booted("\tuse(1);\n", "\tuse(1);\n\tlimits.kind = 9;\n")),
                   "\tif (limits.kind == 0) {\n\t\tlimits.kind = 9;\n"));
}

TEST_CASE("boot code: all else is a question, with a function to fill") {
    for (const char* step : {"\tadd(list, size);\n", "\tif (get())\n\t\tsize = 9;\n", "\tsize = get();\n",
                             "\tlist->next = 0;\n", "\telsewhere.kind = 3;\n", "\tinitialised.kind = 3;\n"}) {
        const std::string text = step;
        const rewrite::Result result =
            booted("\textern int get(void);\n\tuse(1);\n", "\textern int get(void);\n\tuse(1);\n" + text);
        CHECK(codes_of(result) == Codes{"rewrite.init"});
        CHECK(contains(text_of(result), "static void klp_start(void)\n{\n}\n"));
        CHECK(contains(text_of(result), "\tklp_start();\n"));
        CHECK(contains(text_of(result), "static void klp_undo_start(void)\n{\n}\n"));
        CHECK(contains(text_of(result), "static void klp_unit_undo(void)\n{\n\tklp_undo_start();\n}\n"));
        CHECK(contains(text_of(result), "#error \"klp-build: rewrite.init"));
    }
    const rewrite::Result result = booted("\tuse(1);\n", "\tadd(list, size);\n\tuse(1);\n");
    CHECK(contains(text_of(result), " * for list, size.\n *\n *\tadd(list, size);\n */\n"));
    CHECK(contains(result.questions.front().message, "list, size"));
}

TEST_CASE("boot code: a variable that only a callback can fill is not read-only after the start") {
    const std::string macro = "#define __ro_after_init __attribute__((section(\".data..ro_after_init\")))\n";
    const auto unit = [&](const std::string& variables, const std::string& body, const std::string& more) {
        return Texts{
            {"unit.c", head + macro + "static struct list_head *old __ro_after_init;\n" + variables +
                           "static void __attribute__((section(\".init.text\"))) start(void)\n{\n\told = list;\n" +
                           body + "}\nvoid (*begin)(void) = start;\nlong get(void)\n{\n\treturn (long)old" + more +
                           ";\n}\n"}};
    };
    const rewrite::Result result =
        rewritten(unit("", "", ""), unit("static struct list_head *fresh __ro_after_init = NULL;\n",
                                         "\tfresh = list;\n", " + (long)fresh"));
    CHECK(codes_of(result) == Codes{"rewrite.init"});
    CHECK(contains(text_of(result), "\nstatic struct list_head *fresh = NULL;\n"));
    CHECK(contains(result.questions.front().message, "concerns fresh, list"));
    // That of the kernel is as it was.
    CHECK(contains(text_of(result), "\nstatic struct list_head *old __ro_after_init;\n"));
}

TEST_CASE("boot code: a variable that the patch leaves to what has run is kept there") {
    const std::string used = "#define __used __attribute__((used))\nstatic long first, second;\n";
    const auto unit = [&](const std::string& body, const std::string& value) {
        return Texts{{"unit.c", head + used + "static void __attribute__((section(\".init.text\"))) start(void)\n{\n" +
                                    body +
                                    "\tfirst = size;\n\tsecond = size;\n}\nvoid (*begin)(void) = start;\n"
                                    "long get(void)\n{\n\treturn " +
                                    value + ";\n}\n"}};
    };
    for (const std::string& body : {std::string(), std::string("\tadd(list, size);\n")}) {
        const rewrite::Result result = rewritten(unit("", "first + second"), unit(body, "second"));
        CHECK(codes_of(result) == (body.empty() ? Codes{} : Codes{"rewrite.init"}));
        CHECK(contains(text_of(result), "\nstatic __used long first, second;\n"));
    }
    CHECK_FALSE(contains(text_of(rewritten(unit("", "first + second"), unit("\tadd(list, size);\n", "second - first"))),
                         "static __used"));
}
