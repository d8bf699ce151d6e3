// A changed initial value becomes a callback that sets it, and one that puts it back.
#include "rewrite_units.h"

#include <doctest/doctest.h>

using namespace klp;
using namespace klp::test;

namespace {

using Codes = std::multiset<std::string>;

const std::string code = "struct ops {\n\tint (*run)(int);\n\tint flags;\n\tint deep[2];\n};\n"
                         "static int one(int i)\n{\n\treturn i;\n}\nstatic int two(int i)\n{\n\treturn -i;\n}\n";

rewrite::Result changed(const std::string& before, const std::string& after) {
    const std::string head = "#include <kernel.h>\n" + code;
    const std::string tail = "\nint (*keep[])(int) = { one, two };\n";
    return rewritten(Texts{{"unit.c", head + before + tail}}, Texts{{"unit.c", head + after + tail}});
}

// The initialiser is as it was; what is set and put back, by the text of the callbacks.
bool sets(const std::string& before, const std::string& after, const std::string& set, const std::string& undo) {
    const rewrite::Result result = changed(before, after);
    CHECK(codes_of(result) == Codes{});
    const std::string text = text_of(result);
    CAPTURE(text);
    CHECK(contains(text, code + before + "\n"));
    CHECK(contains(text, "KLP_PRE_PATCH_CALLBACK("));
    CHECK(contains(text, "KLP_POST_UNPATCH_CALLBACK("));
    return contains(text, set) && contains(text, undo);
}

Codes asked(const std::string& before, const std::string& after) {
    return codes_of(changed(before, after));
}

} // namespace

TEST_CASE("values: a number is set where it is as it was, and put back where it is as we set it") {
    CHECK(sets("static int most = 5;", "static int most = 9;", "if (most == 5) {\n\t\tmost = 9;",
               "most == 9)\n\t\tmost = 5;"));
    CHECK(sets("static int most;", "static int most = 9;", "if (most == 0) {\n\t\tmost = 9;",
               "most == 9)\n\t\tmost = 0;"));
    CHECK(sets("static int most = 5;", "static int most;", "if (most == 5) {\n\t\tmost = 0;",
               "most == 0)\n\t\tmost = 5;"));
}

TEST_CASE("values: members and elements") {
    CHECK(sets("static struct ops ops = { .run = one, .flags = 1 };",
               "static struct ops ops = { .run = one, .flags = 3 };", "if (ops.flags == 1) {\n\t\tops.flags = 3;",
               "ops.flags == 3)\n\t\tops.flags = 1;"));
    CHECK(sets("static struct ops ops = { .run = one };", "static struct ops ops = { .run = one, .deep = { 0, 4 } };",
               "if (ops.deep[1] == 0) {\n\t\tops.deep[1] = 4;", "ops.deep[1] == 4)\n\t\tops.deep[1] = 0;"));
    CHECK(sets("static int table[3] = { 1, 2, 3 };", "static int table[3] = { 1, 2, 4 };",
               "if (table[2] == 3) {\n\t\ttable[2] = 4;", "table[2] == 4)\n\t\ttable[2] = 3;"));
}

TEST_CASE("values: the address of a function that is there is kept and put back") {
    CHECK(sets("static struct ops ops = { .run = one };", "static struct ops ops = { .run = two };",
               "klp_old_0 = ops.run;\n\tops.run = two;", "if (ops.run == two)\n\t\tops.run = klp_old_0;"));
}

TEST_CASE("values: a pointer that becomes NULL is set to that") {
    CHECK(sets("static struct ops ops = { .run = one };", "static struct ops ops = { .flags = 0 };",
               "klp_old_0 = ops.run;\n\tops.run = NULL;", "if (ops.run == NULL)\n\t\tops.run = klp_old_0;"));
    CHECK(sets("static int size; static int *where = &size;", "static int size; static int *where = NULL;",
               "where = NULL;", "if (where == NULL)\n\t\twhere = klp_old_0;"));
}

TEST_CASE("values: so is one to the address of a variable of the kernel's") {
    const std::string variables = "extern const int limits[]; static int size; static const int own = 3;\n"
                                  "#define ZERO ((void *)&limits[0])\n";
    CHECK(sets(variables + "static void *where;", variables + "static void *where = ZERO;",
               "klp_old_0 = where;\n\twhere = ZERO;", "if (where == ZERO)\n\t\twhere = klp_old_0;"));
    CHECK(sets(variables + "static void *where;", variables + "static void *where = &size;", "where = &size;",
               "where = klp_old_0;"));
    // What is in the module, or a copy of which is, goes with it.
    CHECK(asked(variables + "static const void *where;", variables + "static const void *where = &own;") ==
          Codes{"rewrite.value"});
    CHECK(asked("static void *where;", "static int fresh; static void *where = &fresh;") == Codes{"rewrite.value"});
}

TEST_CASE("values: a variable of another type or length is none that a callback can set") {
    const auto asks = [](const std::string& before, const std::string& after, const std::string& hint) {
        const rewrite::Result result = changed(before, after);
        return codes_of(result) == Codes{"rewrite.value"} && contains(result.questions.front().hint, hint);
    };
    CHECK(asks("static int table[] = { 1, 2 };", "static int table[] = { 1, 2, 3 };", "register what is new"));
    CHECK(asks("static struct ops all[] = { { .run = one } };",
               "static struct ops all[] = { { .run = one }, { two } };", "register what is new"));
    CHECK(asks("struct other { int a; }; static struct other it = { 1 };",
               "struct other { int a; }; static struct ops it = { .flags = 1 };", "a variable of its own"));
    // What macros bring has no text, but a value.
    const std::string keys = "struct static_key { int enabled; };\n"
                             "struct static_key_true { struct static_key key; };\n"
                             "struct static_key_false { struct static_key key; };\n"
                             "#define KEY_TRUE(name) struct static_key_true name = { .key = { 1 } }\n"
                             "#define KEY_FALSE(name) struct static_key_false name = { .key = { 0 } }\n";
    CHECK(asks(keys + "static KEY_FALSE(fast);", keys + "static KEY_TRUE(fast);", "static_branch_enable()"));
    const std::string both = keys + "#define KEY_ON(name) struct static_key_false name = { .key = { 1 } }\n";
    CHECK(asks(both + "static KEY_FALSE(fast);", both + "static KEY_ON(fast);", "by hand"));
}

TEST_CASE("values: what no callback can set is a question") {
    CHECK(asked("static int __attribute__((section(\".data..ro_after_init\"))) most = 5;",
                "static int __attribute__((section(\".data..ro_after_init\"))) most = 9;") == Codes{"rewrite.value"});
    CHECK(asked("int f(void)\n{\n\tstatic int n = 1;\n\treturn n++;\n}",
                "int f(void)\n{\n\tstatic int n = 2;\n\treturn n++;\n}") == Codes{"rewrite.value"});
    const std::string per_cpu = "#define DEFINE_PER_CPU(type, name) "
                                "__attribute__((section(\".data..percpu\"))) __typeof__(type) name\n";
    CHECK(asked(per_cpu + "DEFINE_PER_CPU(int, most) = 5;", per_cpu + "DEFINE_PER_CPU(int, most) = 9;") ==
          Codes{"rewrite.value"});
    CHECK(asked("static const char *name = \"a\";", "static const char *name = \"b\";") == Codes{"rewrite.value"});
    CHECK(asked("static struct ops ops = { one };",
                "static int fresh(int i)\n{\n\treturn i * 2;\n}\nstatic struct ops ops = { fresh };") ==
          Codes{"rewrite.value"});
}

TEST_CASE("values: constants stay changed: they go along with the code that uses them") {
    CHECK_THROWS_AS(changed("static const int most = 5;", "static const int most = 9;"), report::Refusal);
    const rewrite::Result result = changed("static const struct ops ops = { one };\nstatic int most = 1;",
                                           "static const struct ops ops = { two };\nstatic int most = 2;");
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result), "static const struct ops ops = { two };"));
}

TEST_CASE("values: another spelling of the same value is none") {
    CHECK_THROWS_AS(changed("static int most = 16;", "static int most = 0x10;"), report::Refusal);
    CHECK_THROWS_AS(changed("static int most;", "static int most = 0;"), report::Refusal);
}

TEST_CASE("values: several files have one callback of a kind") {
    const std::string head = "#include <kernel.h>\nstatic int most = ";
    const rewrite::Result result = rewritten(Texts{{"a.c", head + "1;\n"}, {"b.c", head + "1;\n"}},
                                             Texts{{"a.c", head + "2;\n"}, {"b.c", head + "3;\n"}});
    CHECK(codes_of(result) == Codes{});
    CHECK(contains(text_of(result, "a.c"), "\tklp_a_set();\n\tklp_b_set();\n\treturn 0;\n"));
    CHECK(contains(text_of(result, "b.c"), "void klp_b_set(void)\n{\n\tif (most == 1) {\n\t\tmost = 3;"));
    CHECK_FALSE(contains(text_of(result, "b.c"), "CALLBACK("));
}
