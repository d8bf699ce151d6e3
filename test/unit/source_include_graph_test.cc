#include "compile.h"
#include "source/include_graph.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace klp::source;
namespace fs = std::filesystem;

namespace {

using Names = std::vector<std::string>;

class Folder {
public:
    void write(const std::string& name, const std::string& text) const {
        fs::create_directories((place_.path() / name).parent_path());
        std::ofstream(place_.path() / name) << text;
    }
    std::string operator/(const std::string& name) const { return (place_.path() / name).string(); }
    CompileCommand gcc(const std::string& unit, Names options = {}) const {
        Names argv = {"gcc", "-Wp,-MMD,.x.d", "-nostdinc", "-I./include", "-mno-sse", "-fconserve-stack"};
        argv.insert(argv.end(), options.begin(), options.end());
        argv.insert(argv.end(), {"-c", "-o", "x.o", unit});
        return {place_.path().string(), unit, argv};
    }

private:
    klp::test::ScratchDirectory place_;
};

} // namespace

TEST_CASE("paths are normalised by their text") {
    CHECK(absolute_path("/o", "./include/../x.h") == "/o/x.h");
    CHECK(absolute_path("/o", "/a//b/./c") == "/a/b/c");
    CHECK(absolute_path("/o", "../../../x") == "/x");
    CHECK(absolute_path("/", "..") == "/");
}

TEST_CASE("units are found by what they include, directly or not") {
    const Folder at;
    at.write("include/deep.h", "");
    at.write("include/mid.h", "#include <deep.h>\n");
    at.write("include/off.h", "");
    at.write("a.c", "#include <mid.h>\n#ifdef CONFIG_OFF\n#include <off.h>\n#endif\n");
    at.write("b.c", "#include \"sub/../include/deep.h\"\nint x = sizeof(int);\n");
    at.write("c.c", "int c;\n");
    at.write("sub/x", "");
    const std::vector<CompileCommand> commands = {at.gcc("a.c"), at.gcc(at / "b.c"),
                                                  at.gcc("c.c", {"-include", "./include/off.h"})};
    const IncludeGraph graph = scan(commands, 2);
    CHECK(graph.failures().empty());
    CHECK(graph.unit_count() == 3);
    CHECK(graph.units_including(at / "include/deep.h") == Names{at / "a.c", at / "b.c"});
    CHECK(graph.units_including(at / "include/off.h") == Names{at / "c.c"});
    CHECK(graph.units_including(at / "a.c") == Names{at / "a.c"});
    CHECK(graph.units_including("/nowhere.h").empty());
    CHECK(graph.files_of(at / "a.c") == Names{at / "a.c", at / "include/deep.h", at / "include/mid.h"});
    CHECK_FALSE(graph.files_of(at / "z.c"));
}

TEST_CASE("definitions decide as they do for the compiler, and headers see GCC") {
    const Folder at;
    for (const char* name : {"gcc.h", "clang.h", "d.h", "u.h"})
        at.write(std::string("include/") + name, "");
    at.write("a.c", "#ifdef __clang__\n#include <clang.h>\n#elif __GNUC__ >= 12\n#include <gcc.h>\n#endif\n"
                    "#if IS(CONFIG_D)\n#include <d.h>\n#endif\n#ifdef GONE\n#include <u.h>\n#endif\n");
    const std::vector<CompileCommand> commands = {at.gcc("a.c", {"-DIS(x)=x", "-D", "CONFIG_D=1", "-DGONE", "-UGONE"})};
    const IncludeGraph graph = scan(commands, 1);
    CHECK(graph.files_of(at / "a.c") == Names{at / "a.c", at / "include/d.h", at / "include/gcc.h"});
}

TEST_CASE("assembly units count too") {
    const Folder at;
    at.write("include/asm.h", "");
    at.write("e.S", "#ifdef __ASSEMBLER__\n#include <asm.h>\n#endif\n\tmov don't, x # comment\n");
    const std::vector<CompileCommand> commands = {at.gcc("e.S", {"-D__ASSEMBLY__"})};
    CHECK(scan(commands, 1).units_including(at / "include/asm.h") == Names{at / "e.S"});
}

TEST_CASE("a missing header fails its unit with the reason, and a second scan mends it") {
    const Folder at;
    at.write("include/there.h", "");
    at.write("a.c", "#include <there.h>\n#include \"generated.h\"\n");
    at.write("b.c", "#include <there.h>\n");
    const std::vector<CompileCommand> commands = {at.gcc("a.c"), at.gcc("b.c")};
    const IncludeGraph first = scan(commands, 2);
    REQUIRE(first.failures().size() == 1);
    CHECK(first.failures()[0].unit == at / "a.c");
    CHECK(first.failures()[0].reason.find("generated.h") != std::string::npos);
    CHECK(first.units_including(at / "include/there.h").back() == at / "b.c");

    at.write("generated.h", "");
    const std::vector<CompileCommand> again = {commands[0]};
    const IncludeGraph both = first.merged_with(scan(again, 1));
    CHECK(both.failures().empty());
    CHECK(both.unit_count() == 2);
    CHECK(both.units_including(at / "include/there.h") == Names{at / "a.c", at / "b.c"});
    CHECK(both.units_including(at / "generated.h") == Names{at / "a.c"});
}

TEST_CASE("a graph survives the cache, and half a graph is none") {
    const IncludeGraph graph({"/s/z.h", "/s/a.c", "/s/a.h", "/s/b.c", "/s/z.h"},
                             {{"/s/b.c", {3, 0, 2}}, {"/s/a.c", {1, 4}}}, {{"/s/c.c", "no \"x.h\""}});
    const std::string text = graph.serialise();
    const auto back = IncludeGraph::parse(text);
    REQUIRE(back);
    CHECK(back->units_including("/s/z.h") == Names{"/s/a.c", "/s/b.c"});
    CHECK(back->files_of("/s/b.c") == Names{"/s/a.h", "/s/b.c", "/s/z.h"});
    CHECK(back->failures()[0].reason == "no \"x.h\"");
    CHECK(back->serialise() == text);
    for (size_t size = 0; size < text.size(); ++size)
        CHECK_FALSE(IncludeGraph::parse(text.substr(0, size)));
    CHECK_FALSE(IncludeGraph::parse(text + "x"));
    // Damage must not crash; it may happen to be another valid graph.
    for (size_t i = 0; i < text.size(); ++i)
        for (const char byte : {'\0', '\x7f', '\xff'}) {
            std::string damaged = text;
            damaged[i] = byte;
            if (const auto other = IncludeGraph::parse(damaged))
                CHECK(other->unit_count() <= text.size());
        }
}
