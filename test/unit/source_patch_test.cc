#include "source/patch.h"

#include <doctest/doctest.h>

using namespace klp;
using source::Applied;
using source::FilePatch;

namespace {

using Tree = std::map<std::string, std::string>;

source::FileReader reader_of(const Tree& tree) {
    return [&tree](const std::string& path) -> std::optional<std::string> {
        const auto file = tree.find(path);
        return file == tree.end() ? std::nullopt : std::optional(file->second);
    };
}

Applied apply(const Tree& tree, std::initializer_list<std::string_view> patches) {
    std::vector<source::PatchText> series;
    for (const std::string_view text : patches)
        series.push_back(source::parse_patch("fix" + std::to_string(series.size() + 1) + ".patch", text));
    return source::apply_patches(series, reader_of(tree));
}

std::vector<report::Finding> refusal_of(auto&& work) {
    try {
        work();
    } catch (const report::Refusal& refusal) {
        return refusal.findings();
    }
    return {};
}

std::string code_of(auto&& work) {
    const auto findings = refusal_of(work);
    return findings.empty() ? "" : findings.front().code;
}

// "1\n2\n...": numbered lines.
std::string numbers(int first, int last) {
    std::string text;
    for (int i = first; i <= last; ++i)
        text += std::to_string(i) + "\n";
    return text;
}

constexpr std::string_view change_5 = "--- a/dir/f.c\n+++ b/dir/f.c\n@@ -2,7 +2,8 @@ int f(int x)\n"
                                      " 2\n 3\n 4\n-5\n+five\n+five and a half\n 6\n 7\n 8\n";

} // namespace

TEST_CASE("a plain diff applies, and every line knows where it comes from") {
    const Applied applied = apply({{"dir/f.c", numbers(1, 10)}}, {change_5});
    REQUIRE(applied.files.size() == 1);
    const source::FileChange& change = applied.files.at("dir/f.c");
    CHECK(change.before == numbers(1, 10));
    CHECK(change.after == numbers(1, 4) + "five\nfive and a half\n" + numbers(6, 10));
    CHECK(change.origin == "dir/f.c");
    CHECK(change.line_origins == std::vector<uint32_t>{1, 2, 3, 4, 0, 0, 6, 7, 8, 9, 10});
    CHECK(applied.findings.empty());
}

TEST_CASE("the noise of a mail is skipped, and its signature is no part of the hunk") {
    const std::string mail = "From 123 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] --- mm: fix\n\nText\n---\n"
                             " dir/f.c | 3 ++-\n\ndiff --git a/dir/f.c b/dir/f.c\nindex 1..2 100644\n" +
                             std::string(change_5) + "-- \n2.39.5\n\n";
    const Applied applied = apply({{"dir/f.c", numbers(1, 10)}}, {mail});
    CHECK(applied.files.at("dir/f.c").after == numbers(1, 4) + "five\nfive and a half\n" + numbers(6, 10));
}

TEST_CASE("paths with and without a leading component are told apart by what exists") {
    const std::string plain = "--- dir/f.c\n+++ dir/f.c\n@@ -1 +1 @@\n-a\n+b\n";
    CHECK(apply({{"dir/f.c", "a\n"}}, {plain}).files.at("dir/f.c").after == "b\n");
    CHECK(apply({{"f.c", "a\n"}}, {plain}).files.at("f.c").after == "b\n");
    const std::string backup = "--- linux.orig/f.c.orig\t2026-01-01\n+++ linux/f.c\t2026-01-01\n@@ -1 +1 @@\n-a\n+b\n";
    CHECK(apply({{"f.c", "a\n"}, {"f.c.orig", "a\n"}}, {backup}).files.count("f.c") == 1);
}

TEST_CASE("git's format: new, removed, renamed, copied files and modes") {
    const Tree tree = {{"old.c", "1\n2\n3\n"}, {"gone.c", "x\n"}, {"keep.c", "k\n"}, {"mode.sh", "m\n"}};
    const Applied applied = apply(tree, {"diff --git a/new.c b/new.c\nnew file mode 100644\nindex 0..1\n--- /dev/null\n"
                                         "+++ b/new.c\n@@ -0,0 +1,2 @@\n+n1\n+n2\n"
                                         "diff --git a/gone.c b/gone.c\ndeleted file mode 100644\nindex 1..0\n"
                                         "--- a/gone.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
                                         "diff --git a/old.c b/sub/moved.c\nsimilarity index 60%\nrename from old.c\n"
                                         "rename to sub/moved.c\nindex 1..2 100644\n--- a/old.c\n+++ b/sub/moved.c\n"
                                         "@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n"
                                         "diff --git a/keep.c b/copy.c\nsimilarity index 100%\ncopy from keep.c\n"
                                         "copy to copy.c\n"
                                         "diff --git a/mode.sh b/mode.sh\nold mode 100644\nnew mode 100755\n"});
    CHECK(applied.files.size() == 6);
    CHECK(applied.files.at("new.c").after == "n1\nn2\n");
    CHECK(applied.files.at("new.c").origin.empty());
    CHECK_FALSE(applied.files.at("new.c").before);
    CHECK_FALSE(applied.files.at("gone.c").after);
    CHECK_FALSE(applied.files.at("old.c").after);
    CHECK(applied.files.at("sub/moved.c").after == "1\ntwo\n3\n");
    CHECK(applied.files.at("sub/moved.c").origin == "old.c");
    CHECK(applied.files.at("sub/moved.c").line_origins == std::vector<uint32_t>{1, 0, 3});
    CHECK(applied.files.at("copy.c").after == "k\n");
    CHECK(applied.files.at("mode.sh").mode == 0100755);
}

TEST_CASE("a copy or a rename is of the file as it was before the diff") {
    const std::string change = "diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1,2 +1,2 @@\n-1\n+one\n 2\n";
    const std::string copy = "diff --git a/a.c b/b.c\nsimilarity index 60%\ncopy from a.c\ncopy to b.c\n"
                             "--- a/a.c\n+++ b/b.c\n@@ -1,2 +1,2 @@\n 1\n-2\n+two\n";
    for (const std::string& patch : {change + copy, copy + change}) {
        const Applied applied = apply({{"a.c", "1\n2\n"}}, {patch});
        CHECK(applied.files.at("a.c").after == "one\n2\n");
        CHECK(applied.files.at("b.c").after == "1\ntwo\n");
        CHECK(applied.files.at("b.c").origin == "a.c");
        CHECK(applied.files.at("b.c").is_copy);
    }
    const std::string gone = "diff --git a/a.c b/c.c\nsimilarity index 100%\nrename from a.c\nrename to c.c\n";
    const Applied both = apply({{"a.c", "1\n2\n"}}, {gone + copy});
    CHECK_FALSE(both.files.at("a.c").after);
    CHECK(both.files.at("b.c").after == "1\ntwo\n");
    CHECK(both.files.at("c.c").after == "1\n2\n");

    // Another diff, in the same file or in the next one, is for the tree that the first one left.
    const std::string copy_of_new = "diff --git a/a.c b/b.c\nsimilarity index 100%\ncopy from a.c\ncopy to b.c\n";
    CHECK(
        apply({{"a.c", "1\n2\n"}}, {change + "-- \n2.39.5\n\nFrom 1 Mon\n---\n" + copy_of_new}).files.at("b.c").after ==
        "one\n2\n");
    CHECK(apply({{"a.c", "1\n2\n"}}, {change, copy_of_new}).files.at("b.c").after == "one\n2\n");
}

TEST_CASE("two files may change places in one diff, and a new one may take a renamed one's name") {
    const std::string swap = "diff --git a/b.c b/a.c\nsimilarity index 100%\nrename from b.c\nrename to a.c\n"
                             "diff --git a/a.c b/b.c\nsimilarity index 100%\nrename from a.c\nrename to b.c\n";
    const Applied swapped = apply({{"a.c", "a\n"}, {"b.c", "b\n"}}, {swap});
    CHECK(swapped.files.at("a.c").after == "b\n");
    CHECK(swapped.files.at("b.c").after == "a\n");
    const std::string made =
        "diff --git a/a.c b/a.c\nnew file mode 100644\n--- /dev/null\n+++ b/a.c\n@@ -0,0 +1 @@\n+n\n"
        "diff --git a/a.c b/b.c\nsimilarity index 100%\nrename from a.c\nrename to b.c\n";
    const Applied moved = apply({{"a.c", "a\n"}}, {made});
    CHECK(moved.files.at("a.c").after == "n\n");
    CHECK(moved.files.at("b.c").after == "a\n");
}

TEST_CASE("a series builds on its earlier patches, and what it takes back is no change") {
    const std::string there = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n", on = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-b\n+c\n";
    const std::string back = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-c\n+a\n";
    CHECK(apply({{"f", "a\n"}}, {there, on}).files.at("f").after == "c\n");
    CHECK(apply({{"f", "a\n"}}, {there, on, back}).files.empty());
    CHECK(code_of([&] { apply({{"f", "a\n"}}, {on, there}); }) == "source.patch-rejected");
}

TEST_CASE("a series keeps the origin of lines over its patches") {
    const std::string first = "--- a/f\n+++ b/f\n@@ -1,2 +1,4 @@\n+n1\n+n2\n 1\n 2\n";
    const std::string second = "--- a/f\n+++ b/f\n@@ -2,3 +2,2 @@\n n2\n-1\n 2\n";
    CHECK(apply({{"f", numbers(1, 3)}}, {first, second}).files.at("f").line_origins ==
          std::vector<uint32_t>{0, 0, 2, 3});
}

TEST_CASE("a moved place is found and said, a near miss is taken with a warning") {
    const Applied moved = apply({{"dir/f.c", "new\nlines\n" + numbers(1, 10)}}, {change_5});
    REQUIRE(moved.findings.size() == 1);
    CHECK(moved.findings[0].code == "source.patch-offset");
    CHECK(moved.findings[0].severity == report::Severity::note);
    CHECK(moved.findings[0].function == "f");
    CHECK(moved.files.at("dir/f.c").after ==
          "new\nlines\n" + numbers(1, 4) + "five\nfive and a half\n" + numbers(6, 10));

    const Applied fuzzy = apply({{"dir/f.c", "1\nother\n3\n4\n5\n6\n7\n8\n"}}, {change_5});
    REQUIRE(fuzzy.findings.size() == 1);
    CHECK(fuzzy.findings[0].code == "source.patch-fuzz");
    CHECK(fuzzy.findings[0].severity == report::Severity::warning);
    CHECK(fuzzy.files.at("dir/f.c").after == "1\nother\n3\n4\nfive\nfive and a half\n6\n7\n8\n");
}

TEST_CASE("a near miss of which only blank lines are left is refused") {
    const std::string patch = "--- a/f\n+++ b/f\n@@ -1,4 +1,5 @@\n one\n \n+new\n \n two\n";
    CHECK(apply({{"f", "one\n\n\ntwo\n"}}, {patch}).files.at("f").after == "one\n\nnew\n\ntwo\n");
    CHECK(code_of([&] { apply({{"f", "1\n\n\n2\n"}}, {patch}); }) == "source.patch-rejected");
}

TEST_CASE("a hunk that names a line far behind the file's end is looked for from there") {
    const std::string patch = "--- a/f\n+++ b/f\n@@ -999999999 +999999999 @@\n-a\n+b\n";
    CHECK(apply({{"f", "a\nx\n"}}, {patch}).files.at("f").after == "b\nx\n");
    CHECK(code_of([&] { apply({{"f", "x\n"}}, {patch}); }) == "source.patch-rejected");
}

TEST_CASE("the nearest of equal places is taken") {
    const std::string block = "{\n\ta;\n}\n";
    const std::string patch = "--- a/f\n+++ b/f\n@@ -7,3 +7,3 @@\n {\n-\ta;\n+\tb;\n }\n";
    CHECK(apply({{"f", block + block + block + block}}, {patch}).files.at("f").after ==
          block + block + "{\n\tb;\n}\n" + block);
}

TEST_CASE("a hunk that does not fit is refused with the place and both lines") {
    const auto findings = refusal_of([] { apply({{"dir/f.c", "1\n2\n3\n4\nV\n6\n7\n8\n9\n"}}, {change_5}); });
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].code == "source.patch-rejected");
    CHECK(findings[0].where == "dir/f.c:2");
    CHECK(findings[0].function == "f");
    CHECK(findings[0].message.find("hunk #1 (fix1.patch:3)") != std::string::npos);
    CHECK(findings[0].message.find("expects \"5\", line 5 of the file is \"V\"") != std::string::npos);
    CHECK_FALSE(findings[0].hint.empty());
}

TEST_CASE("a hunk that does not fit is compared where most of it fits") {
    const std::string text = "int a;\nint b;\nint c;\nint d;\nint e;\nint f;\nint g;\n";
    const std::string patch = "--- a/f.c\n+++ b/f.c\n@@ -8,7 +8,8 @@\n int a;\n int b;\n int c;\n+int new;\n int X;\n"
                              " int e;\n int f;\n int g;\n";
    const auto findings = refusal_of([&] { apply({{"f.c", "\n\n" + text + "\n\n\n\n\n\n"}}, {patch}); });
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].message.find("expects \"int X;\", line 6 of the file is \"int d;\"") != std::string::npos);
}

TEST_CASE("a hunk whose tabs became blanks on the way is told from one for another version") {
    const std::string patch = "--- a/f.c\n+++ b/f.c\n@@ -1,2 +1,2 @@\n {\n-        old();\n+        new();\n";
    const auto findings = refusal_of([&] { apply({{"f.c", "{\n\told();\n"}}, {patch}); });
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].code == "source.patch-rejected");
    CHECK(findings[0].message.find("with other blanks and tabs") != std::string::npos);
    CHECK(findings[0].hint.find("`patch -p1 -l`") != std::string::npos);
    const auto others = refusal_of([&] { apply({{"f.c", "{\n\tolder();\n"}}, {patch}); });
    REQUIRE(others.size() == 1);
    CHECK(others[0].message.find("blanks") == std::string::npos);
}

TEST_CASE("a patch that is in the source already is recognised") {
    const std::string done = numbers(1, 4) + "five\nfive and a half\n" + numbers(6, 10);
    CHECK(code_of([&] { apply({{"dir/f.c", done}}, {change_5}); }) == "source.patch-already-applied");
    const std::string made = "--- /dev/null\n+++ b/n.c\n@@ -0,0 +1 @@\n+n\n";
    CHECK(code_of([&] { apply({{"n.c", "n\n"}}, {made}); }) == "source.patch-already-applied");
    CHECK(code_of([&] { apply({{"n.c", "m\n"}}, {made}); }) == "source.file-exists");
}

TEST_CASE("all failing hunks of all files are told at once") {
    const std::string two = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n--- a/g\n+++ b/g\n@@ -1 +1 @@\n-a\n+b\n"
                            "--- a/none\n+++ b/none\n@@ -1 +1 @@\n-a\n+b\n";
    const auto findings = refusal_of([&] { apply({{"f", "x\n"}, {"g", "y\n"}}, {two}); });
    REQUIRE(findings.size() == 3);
    CHECK(findings[2].code == "source.no-such-file");
    CHECK(findings[2].where == "none");
}

TEST_CASE("the reverse takes a patch back, creations and renames included") {
    const std::string patch = std::string(change_5) + "diff --git a/n.c b/n.c\nnew file mode 100644\n--- /dev/null\n"
                                                      "+++ b/n.c\n@@ -0,0 +1 @@\n+n\n"
                                                      "diff --git a/o.c b/p.c\nrename from o.c\nrename to p.c\n";
    const Tree before = {{"dir/f.c", numbers(1, 10)}, {"o.c", "o\n"}};
    Tree after = before;
    for (const auto& [path, change] : apply(before, {patch}).files)
        if (change.after)
            after[path] = *change.after;
        else
            after.erase(path);
    CHECK(after.count("o.c") == 0);

    const std::vector<source::PatchText> back = {source::reversed(source::parse_patch("fix.patch", patch))};
    Tree restored = after;
    for (const auto& [path, change] : source::apply_patches(back, reader_of(after)).files)
        if (change.after)
            restored[path] = *change.after;
        else
            restored.erase(path);
    CHECK(restored == before);
}

TEST_CASE("line ends: a mailed CRLF patch fits, a CRLF file keeps its own, the last line may have none") {
    std::string crlf;
    for (const char c : change_5)
        crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
    CHECK(apply({{"dir/f.c", numbers(1, 10)}}, {crlf}).files.at("dir/f.c").after ==
          numbers(1, 4) + "five\nfive and a half\n" + numbers(6, 10));
    CHECK(apply({{"f", "a\r\nb\r\n"}}, {"--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-a\n+A\n b\n"}).files.at("f").after ==
          "A\r\nb\r\n");
    const std::string no_end = "\\ No newline at end of file\n";
    CHECK(apply({{"f", "a"}}, {"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n" + no_end + "+b\n"}).files.at("f").after == "b\n");
    CHECK(apply({{"f", "a\n"}}, {"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n" + no_end}).files.at("f").after == "b");
    const Applied odd = apply({{"f", "a\nb\n"}}, {"--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n+\n" + no_end});
    CHECK(odd.files.at("f").after == "a\n");
    CHECK(odd.files.at("f").line_origins == std::vector<uint32_t>{1});
}

TEST_CASE("line ends that are not the file's are said, and nothing of them gets into the file") {
    const std::string some = "--- a/f\n+++ b/f\n@@ -1,3 +1,4 @@\n a\r\n-b\r\n+B \\\r\n+C\r\n c\n";
    const Applied applied = apply({{"f", "a\nb\nc\n"}}, {some});
    CHECK(applied.files.at("f").after == "a\nB \\\nC\nc\n");
    REQUIRE(applied.findings.size() == 1);
    CHECK(applied.findings[0].code == "source.patch-line-ends");
    CHECK(applied.findings[0].message.starts_with("4 of the patch's 5 lines for this file end in CRLF"));

    const std::string lost = "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\r\n-b\n+B\n";
    const Applied dos = apply({{"f", "a\r\nb\r\n"}}, {lost});
    CHECK(dos.files.at("f").after == "a\r\nB\r\n");
    REQUIRE(dos.findings.size() == 1);
    CHECK(dos.findings[0].code == "source.patch-line-ends");

    const std::string made = "--- /dev/null\n+++ b/f\n@@ -0,0 +1,2 @@\n+a\r\n+b\n";
    CHECK(apply({}, {made}).files.at("f").after == "a\nb\n");
    // A patch that is CRLF as a whole was mailed so: a note is enough.
    const std::string whole = "--- a/f\r\n+++ b/f\r\n@@ -1 +1 @@\r\n-a\r\n+b\r\n";
    const Applied mailed = apply({{"f", "a\n"}}, {whole});
    CHECK(mailed.files.at("f").after == "b\n");
    REQUIRE(mailed.findings.size() == 1);
    CHECK(mailed.findings[0].severity == report::Severity::note);
    CHECK(apply({{"f", "a\n"}}, {"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"}).findings.empty());
}

TEST_CASE("an empty line of context that a mail program trimmed still counts") {
    CHECK(apply({{"f", "a\n\nb\n"}}, {"--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n"}).files.at("f").after ==
          "a\n\nc\n");
}

TEST_CASE("names that git quotes, and names with blanks") {
    const std::string quoted = "diff --git \"a/t\\303\\244g \\\"x\\\".c\" \"b/t\\303\\244g \\\"x\\\".c\"\n"
                               "--- \"a/t\\303\\244g \\\"x\\\".c\"\n+++ \"b/t\\303\\244g \\\"x\\\".c\"\n"
                               "@@ -1 +1 @@\n-a\n+b\n";
    CHECK(apply({{"t\303\244g \"x\".c", "a\n"}}, {quoted}).files.count("t\303\244g \"x\".c") == 1);
    const std::string blank = "diff --git a/a b.c b/a b.c\nold mode 100644\nnew mode 100755\n";
    CHECK(apply({{"a b.c", "a\n"}}, {blank}).files.count("a b.c") == 1);
}

TEST_CASE("what is no unified diff of text is refused by its name") {
    const auto parse = [](std::string_view text) { return code_of([&] { source::parse_patch("p", text); }); };
    CHECK(parse("") == "source.empty-patch");
    CHECK(parse("hello\n") == "source.empty-patch");
    CHECK(parse("diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 3\n") == "source.binary-patch");
    CHECK(parse("Binary files a/x and b/x differ\n") == "source.binary-patch");
    CHECK(parse("*** a/x\n--- b/x\n***************\n*** 1 ****\n") == "source.not-unified");
    CHECK(parse(std::string_view("\xff\xfe-\0-\0-\0", 8)) == "source.not-unified");
    CHECK(parse("diff --cc x\nindex 1,2..3\n--- a/x\n+++ b/x\n@@@ -1,1 -1,1 +1,1 @@@\n") == "source.combined-diff");
    CHECK(parse("From: a\nContent-Transfer-Encoding: base64\n\nZGlmZg==\n") == "source.encoded-mail");
    CHECK(parse("@@ -1 +1 @@\n-a\n+b\n") == "source.malformed-patch");
    CHECK(parse("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n") == "source.malformed-patch");
    CHECK(parse("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\nwrapped\n b\n") == "source.malformed-patch");
    for (const std::string number : {"99999999999999999999999", "9999999999999999999", "4294967296"})
        CHECK(parse("--- a/x\n+++ b/x\n@@ -" + number + " +1 @@\n-a\n+b\n") == "source.malformed-patch");
}

TEST_CASE("an editor's mark of UTF-8 at the patch's beginning is no part of it") {
    const std::string patch = "\xef\xbb\xbf"
                              "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n";
    CHECK(apply({{"f", "a\n"}}, {patch}).files.at("f").after == "b\n");
}

TEST_CASE("a patch cannot reach out of the tree") {
    for (const char* name : {"a/../../etc/passwd", "a//etc/../../x", "a/x/../../../y"}) {
        const std::string patch = std::string("--- ") + name + "\n+++ " + name + "\n@@ -1 +1 @@\n-a\n+b\n";
        CHECK(code_of([&] { apply({}, {patch}); }) == "source.path-outside-tree");
    }
}
