#include "source/changes.h"

#include <doctest/doctest.h>

using namespace klp::source;

TEST_CASE("comments, blanks and line ends make no difference to the tokens") {
    const std::string before = "#define A(x) #x\nint f(int a) /* one */\n{\n\treturn a + 1; // two\n}\n";
    CHECK(is_token_equal(before, "#define A(x) #x\n\n/* new\n comment */\nint f(int a)\n{\n    return a + 1;\n}\n"));
    CHECK(is_token_equal(before, "#define A(x) #x\r\nint f(int a) /* one */\r\n{\r\n\treturn a + 1;\r\n}\r\n"));
    CHECK(is_token_equal("int abc;\n", "int a\\\nbc;\n"));
}

TEST_CASE("what a compiler or preprocessor could tell apart is not equal") {
    CHECK_FALSE(is_token_equal("int a = 1;\n", "int a = 2;\n"));
    CHECK_FALSE(is_token_equal("char *s = \"a b\";\n", "char *s = \"a  b\";\n"));
    CHECK_FALSE(is_token_equal("#define A (x)\n", "#define A(x)\n"));
    CHECK_FALSE(is_token_equal("#define A x\ny\n", "#define A x y\n"));
    CHECK_FALSE(is_token_equal("S(a+b)\n", "S(a + b)\n"));
    CHECK_FALSE(is_token_equal("int a;\n", "int a;\nint b;\n"));
    CHECK_FALSE(is_token_equal("int a;\n", "// int a;\n"));
    CHECK_FALSE(is_token_equal("int a;\n/* x */ #define B\n", "int a;\n"));
}

TEST_CASE("kinds of files") {
    CHECK(kind_of("net/ipv4/tcp.c") == FileKind::c_source);
    CHECK(kind_of("include/net/tcp.h") == FileKind::header);
    CHECK(kind_of("arch/x86/entry/entry_64.S") == FileKind::assembly);
    CHECK(kind_of("arch/x86/kernel/vmlinux.lds.S") == FileKind::assembly);
    CHECK(kind_of("net/Kconfig.debug") == FileKind::kconfig);
    CHECK(kind_of("arch/x86/configs/x86_64_defconfig") == FileKind::kconfig);
    CHECK(kind_of("net/ipv4/Makefile") == FileKind::makefile);
    CHECK(kind_of("arch/x86/Kbuild") == FileKind::makefile);
    CHECK(kind_of("Documentation/a.c") == FileKind::documentation);
    CHECK(kind_of("MAINTAINERS") == FileKind::documentation);
    CHECK(kind_of("tools/objtool/check.c") == FileKind::other);
    CHECK(kind_of("samples/livepatch/livepatch-sample.c") == FileKind::c_source);
    CHECK(kind_of("arch/arm64/boot/dts/x.dts") == FileKind::other);
}

namespace {

std::string code_of(const Applied& applied) {
    try {
        require_code(changed_files(applied));
    } catch (const klp::report::Refusal& refusal) {
        return refusal.findings().front().code;
    }
    return {};
}

FileChange modified(std::string path, std::string before, std::string after) {
    return {std::move(before), std::move(after), std::move(path), {}, {}};
}

} // namespace

TEST_CASE("a patch without code, and one that only comments, are refused; one with code passes") {
    Applied applied;
    CHECK(code_of(applied) == "source.no-code");
    applied.files["Documentation/x.rst"] = modified("Documentation/x.rst", "a\n", "b\n");
    CHECK(code_of(applied) == "source.no-code");
    applied.files["a.c"] = modified("a.c", "int a;\n", "/* a */\nint a;\n");
    CHECK(code_of(applied) == "source.only-comments");
    Applied of_modes;
    of_modes.files["a.c"] = modified("a.c", "int a;\n", "int a;\n");
    of_modes.files["a.c"].mode = 0100755;
    CHECK(code_of(of_modes) == "source.no-code");
    of_modes.files["b.c"] = modified("b.c", "int a;\n", "int a; // b\n");
    CHECK(code_of(of_modes) == "source.only-comments");
    applied.files["b.c"] = modified("b.c", "int b;\n", "int c;\n");
    CHECK(code_of(applied).empty());
}

TEST_CASE("created, removed and renamed files are told apart") {
    Applied applied;
    applied.files["new.c"] = {std::nullopt, "int n;\n", "", {0}, {}};
    applied.files["gone.c"] = {"int g;\n", std::nullopt, "", {}, {}};
    applied.files["to.c"] = {std::nullopt, "int m;\n", "from.c", {1}, {}};
    const std::vector<ChangedFile> files = changed_files(applied);
    REQUIRE(files.size() == 3);
    CHECK(files[0].change == ChangedFile::Change::removed);
    CHECK(files[0].origin == "gone.c");
    CHECK(files[1].change == ChangedFile::Change::created);
    CHECK(files[2].change == ChangedFile::Change::renamed);
    CHECK(files[2].origin == "from.c");
    CHECK_FALSE(files[2].is_token_equal);
    applied.files["to.c"].is_copy = true;
    CHECK(changed_files(applied)[2].change == ChangedFile::Change::copied);
}
