#include "source/line_keeping.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

using klp::source::keep_line_numbers;

namespace {

// The preprocessor's word is what counts: `gcc -E -P`.
class Preprocessor {
public:
    Preprocessor() {
        std::string pattern = (std::filesystem::temp_directory_path() / "klp-lines-XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        directory_ = pattern;
    }
    ~Preprocessor() { std::filesystem::remove_all(directory_); }

    std::string operator()(const std::string& text, const std::string& options = "-P") const {
        std::ofstream(directory_ / "t.c") << text;
        const std::string command = "cd '" + directory_.string() + "' && gcc -E " + options + " t.c 2>errors";
        std::string out;
        FILE* pipe = popen(command.c_str(), "r");
        REQUIRE(pipe != nullptr);
        char buffer[4096];
        while (const size_t count = fread(buffer, 1, sizeof buffer, pipe))
            out.append(buffer, count);
        CHECK_MESSAGE(pclose(pipe) == 0, out);
        return out;
    }

private:
    std::filesystem::path directory_;
};

// Inserts `inserted` before line `line` (from 1) of `text`.
struct Edited {
    std::string text;
    std::vector<uint32_t> origins;
};

Edited insert(const std::string& text, const std::vector<uint32_t>& before_lines, const std::string& inserted) {
    Edited edited;
    size_t at = 0;
    for (uint32_t line = 1; at < text.size(); ++line) {
        for (const uint32_t wanted : before_lines)
            if (wanted == line) {
                edited.text += inserted;
                edited.origins.push_back(0);
            }
        const size_t end = text.find('\n', at) + 1;
        edited.text += text.substr(at, end - at);
        edited.origins.push_back(line);
        at = end;
    }
    return edited;
}

std::string kept(const Edited& edited) {
    return keep_line_numbers(edited.text, edited.origins);
}

constexpr const char* sample = R"(#define HERE(x) at(x, __LINE__)
#define LONG(a, b) \
	do { \
		HERE(a); \
		HERE(b); \
	} while (0)
#define NAME HERE
/* a comment
 * over "lines
 */
int f(int a)
{
	HERE(1); /* begins here
	and ends */ HERE(2);
	LONG(a,
	     b);
#ifdef MISSING
	HERE(3);
#elif defined(OTHER)
	HERE(4);
#else
	HERE(5);
#endif
	HERE(6);
#if 1
	HERE(7);
# if 0
	don't HERE(8);
# endif
	HERE(9);
#endif
	HERE(10);
	if (call(a,
#ifdef MISSING
		 b))
#else
		 c))
#endif
		HERE(11);
	NAME
	(12);
	const char *s = "not closed ( \
			 in a string" HERE(13);
	s = R"x(raw (
	HERE(0);
	)x" HERE(14);
	HERE(15);
}
int g(void) { return __LINE__; }
)";

} // namespace

TEST_CASE("a line that the patch adds moves nothing below it") {
    const Preprocessor preprocess;
    const Edited edited =
        insert("int a = __LINE__;\nint b = __LINE__;\nint c = __LINE__;\n", {2}, "int n = __LINE__;\n");
    CHECK(kept(edited) == "int a = __LINE__;\nint n = __LINE__;\n#line 2\nint b = __LINE__;\nint c = __LINE__;\n");
    CHECK(preprocess(kept(edited)) == "int a = 1;\nint n = 2;\nint b = 2;\nint c = 3;\n");
}

TEST_CASE("a line that the patch takes away moves nothing below it") {
    const std::vector<uint32_t> origins = {1, 4, 5};
    CHECK(keep_line_numbers("a;\nb;\nc;\n", origins) == "a;\n#line 4\nb;\nc;\n");
}

TEST_CASE("new lines have the number that they have in the patched file") {
    const Preprocessor preprocess;
    const std::vector<uint32_t> origins = {0, 1, 2, 0, 3};
    const std::string text =
        "int n = __LINE__;\nint a = __LINE__;\nint b = __LINE__;\nint m = __LINE__;\nint c = __LINE__;\n";
    CHECK(preprocess(keep_line_numbers(text, origins)) ==
          "int n = 1;\nint a = 1;\nint b = 2;\nint m = 4;\nint c = 3;\n");
}

TEST_CASE("text whose numbers are right stays as it is") {
    const std::vector<uint32_t> origins = {1, 2, 0};
    CHECK(keep_line_numbers("a;\nb;\nnew;\n", origins) == "a;\nb;\nnew;\n");
    CHECK(keep_line_numbers("", {}).empty());
}

TEST_CASE("a text that numbers itself stays as it is") {
    const std::vector<uint32_t> origins = {0, 1, 2, 3};
    for (const std::string own : {"new;\na;\n#line 7 \"x.y\"\nb;\n", "new;\na;\n# 7 \"x.y\"\nb;\n"})
        CHECK(keep_line_numbers(own, origins) == own);
}

TEST_CASE("the name of a renamed file is kept with its lines") {
    const Preprocessor preprocess;
    const std::vector<uint32_t> origins = {1, 0, 2};
    const std::string text = "char *a = __FILE__;\nint n;\nchar *b = __FILE__;\n";
    CHECK(preprocess(keep_line_numbers(text, origins, "dir/old \"name\".c")) ==
          "char *a = \"dir/old \\\"name\\\".c\";\nint n;\nchar *b = \"dir/old \\\"name\\\".c\";\n");
}

TEST_CASE("wherever blank lines come in, the sample preprocesses as before") {
    // Blank lines are no tokens, so the output may not differ at all, __LINE__ included. Two places are exempt, since
    // no directive may stand there: between the lines of a call, and in the raw string, where a blank line is text.
    const Preprocessor preprocess;
    const std::string text = sample;
    const std::string wanted = preprocess(text);
    uint32_t line = 1;
    std::string before;
    for (size_t at = 0; at < text.size(); ++line) {
        const size_t end = text.find('\n', at) + 1;
        const std::string here = text.substr(at, end - at);
        const bool is_continued = before.ends_with("\\\n");
        const bool is_in_raw = here.starts_with("\tHERE(0)") || here.starts_with("\t)x\"");
        const bool is_in_comment = here.starts_with("\tand ends");
        const bool is_in_call = here.starts_with("\t     b") || here.starts_with("\t\t ") ||
                                here.starts_with("\t(12)") || before.starts_with("\tif (call") ||
                                before.starts_with("\t\t b))");
        if (!is_continued && !is_in_raw && !is_in_comment && !is_in_call) {
            CAPTURE(line);
            CHECK(preprocess(kept(insert(text, {line}, "\n"))) == wanted);
        }
        // In whatever place, no text is lost and the sample stays whole.
        if (!is_continued && !is_in_raw) {
            CAPTURE(here);
            const std::string output = preprocess(kept(insert(text, {line}, "\n")));
            CHECK(output.substr(output.find("int g")) == wanted.substr(wanted.find("int g")));
        }
        before = here;
        at = end;
    }
}

TEST_CASE("a correction inside a skipped branch is made again behind it") {
    const Preprocessor preprocess;
    const std::string text = "int a;\n#if 0\nint b = __LINE__;\n#else\nint c = __LINE__;\n#endif\nint d = __LINE__;\n";
    CHECK(preprocess(kept(insert(text, {2}, "\n"))) == preprocess(text));
    CHECK(preprocess(kept(insert(text, {3}, "\n"))) == preprocess(text));
}

TEST_CASE("no bytes upset it") {
    std::mt19937 random(1);
    const std::string alphabet = "()#\\\n\"'/*R ab\r\0{};"
                                 "ifelndx";
    for (int round = 0; round < 300; ++round) {
        std::string text;
        for (int i = 0; i < 200; ++i)
            text += alphabet[random() % alphabet.size()];
        std::vector<uint32_t> origins;
        for (uint32_t line = 0; line < 60; ++line)
            origins.push_back(random() % 3 ? line + 5 : 0);
        const std::string out = keep_line_numbers(text, origins);
        CHECK(out.size() >= text.size());
    }
}
