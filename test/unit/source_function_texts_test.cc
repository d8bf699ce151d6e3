// A source text as functions and the rest.
#include "source/function_texts.h"

#include <doctest/doctest.h>

using klp::source::split_functions;

TEST_CASE("functions are told from declarations, types and initial values") {
    const auto texts = split_functions("#define LIMIT 3\n"
                                       "struct point { int x; };\n"
                                       "int declared(int x);\n"
                                       "static const struct ops ops = { .call = declared, };\n"
                                       "static int (*pointer)(void) = { 0 };\n"
                                       "static int __init f(struct point p) { if (p.x) { return 1; } return LIMIT; }\n"
                                       "SYSCALL_DEFINE1(close, int, fd)\n{\n\treturn fd;\n}\n");
    REQUIRE(texts.functions.size() == 2);
    CHECK(texts.functions.contains("f"));
    CHECK(texts.functions.contains("close"));
    CHECK(texts.rest.find("LIMIT 3") != std::string::npos);
    CHECK(texts.rest.find("declared") != std::string::npos);
    CHECK(texts.rest.find("return") == std::string::npos);
}

TEST_CASE("comments, blanks and lines count for nothing, tokens and directives do") {
    const auto of = [](const char* text) { return split_functions(text); };
    const auto was = of("int g;\nint f(int x)\n{\n\treturn x;\n}\n");
    const auto same = of("int g; /* of all */\n\nint f(int x) { // soon\n return x; }");
    CHECK(was.functions == same.functions);
    CHECK(was.rest == same.rest);
    CHECK(was.functions != of("int g;\nint f(int x)\n{\n\treturn -x;\n}\n").functions);
    CHECK(was.rest != of("long g;\nint f(int x)\n{\n\treturn x;\n}\n").rest);
    CHECK(was.rest != of("#define x y\nint g;\nint f(int x)\n{\n\treturn x;\n}\n").rest);
    CHECK(was.functions != of("int g;\nint f(int x)\n{\n#ifdef X\n\treturn x;\n#endif\n}\n").functions);
}

TEST_CASE("braces that do not match leave a text that is compared as a whole") {
    const auto was = split_functions("int f(void) { return 1;\nint g(void) { return 2; }\n");
    const auto is = split_functions("int f(void) { return 1;\nint g(void) { return 3; }\n");
    CHECK(was.functions.empty());
    CHECK(was.rest != is.rest);
    CHECK(split_functions("}}}").functions.empty());
    CHECK(split_functions("").rest.empty());
}

TEST_CASE("braces in the branches of a condition") {
    const auto split = split_functions("int f(int x)\n{\n#ifdef A\n\tif (x) {\n#elif B\n\tif (x > 1) {\n#else\n\t{\n"
                                       "#endif\n\t\tg();\n\t}\n}\nint h(void) { return 1; }\n");
    CHECK(split.functions.size() == 2);
    CHECK(split.functions.contains("h"));
    // One alone, and one that ends a block early.
    CHECK(split_functions("int f(void)\n{\n#if A\n\tif (x) {\n#endif\n\tg();\n#if A\n\t}\n#endif\n}\nint h(void) { }\n")
              .functions.contains("h"));
}
