// Which piece is which: names that compilers and linkers make, and what they do with them.
#include "diff_units.h"

#include "diff/compare.h"
#include "diff/names.h"

using namespace klp;
using namespace klp::test;

namespace {

// Two sources, each with statics of the same names.
const std::string first = "static int state; static __attribute__((noinline)) int helper(int x) { asm(\"\"); return "
                          "state += x; }\nint first(int x) { return helper(x); }\n";

std::string second_source() {
    return replaced(replaced(first, "first", "second"), "+= x", "-= x");
}

// An object of several sources, as `ld -r` or the compiler of a whole kernel makes it.
std::filesystem::path linked(UnitPair& pair, const std::string& name, const std::vector<std::string>& sources) {
    std::string inputs;
    for (size_t at = 0; at < sources.size(); ++at)
        inputs.append(" ").append(pair.compile(name + std::to_string(at), sources[at], "").string());
    std::filesystem::path output = pair.scratch().path() / (name + ".o");
    run("ld -r" + inputs + " -o " + output.string());
    return output;
}

} // namespace

TEST_CASE("names: ThinLTO's hash, sanitizers' constructors, static locals") {
    CHECK(diff::without_llvm_hash("state.llvm.1234567") == "state");
    CHECK(diff::without_llvm_hash("state.llvm.x") == "state.llvm.x");
    CHECK(diff::without_llvm_hash("state") == "state");
    CHECK(diff::is_made_constructor("_sub_I_65535_1"));
    CHECK(diff::is_made_constructor("asan.module_ctor"));
    CHECK_FALSE(diff::is_made_constructor("submit"));
    CHECK(diff::is_static_local_name("count.3"));
    CHECK(diff::is_static_local_name("f.count"));
    CHECK_FALSE(diff::is_static_local_name("count"));
    CHECK_FALSE(diff::is_static_local_name("state.llvm.1234567"));
    CHECK(diff::stem("__initstub__kmod_timer__866_322_start6") == "__initstub__kmod_timer_start6");
    CHECK(diff::stem("__initstub__kmod_timer__start6") == "__initstub__kmod_timer__start6");
    CHECK(diff::stem("__866_322_start6") == "__866_322_start6");
}

TEST_CASE("what ThinLTO made global keeps its identity when the hash changes, appears or goes") {
    // The compiler cannot be told which hash to use; the assembler's name can.
    auto unit = [](const char* hash) {
        std::string name = *hash ? std::string(".llvm.") + hash : "";
        std::string scope = *hash ? "" : "static ";
        return scope + "int helper(int) asm(\"helper" + name + "\");\n" + scope + "int state asm(\"state" + name +
               "\");\n__attribute__((noinline, used)) int helper(int x) { asm(\"\"); return state += x; }\n"
               "int f(int x) { return helper(x) + 1; }\n";
    };
    UnitPair pair;
    for (auto [before, after] : {std::pair{"111", "222"}, {"", "222"}, {"111", ""}}) {
        CAPTURE(before);
        CAPTURE(after);
        CHECK(pair.run(unit(before), unit(after)).diff.nothing_changed);
        Outcome outcome = pair.run(unit(before), replaced(unit(after), "+= x", "-= x"));
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed().size() == 1);
        CHECK(outcome.names(diff::Change::added).empty());
    }
}

TEST_CASE("clones that appear, go and get other numbers") {
    auto unit = [](const char* name) {
        return std::string("static int helper(int) asm(\"") + name +
               "\");\n__attribute__((noinline, used)) static int helper(int x) { asm(\"\"); return x * 77; }\n"
               "int f(int x) { return helper(x) + 1; }\n";
    };
    UnitPair pair;
    CHECK(pair.run(unit("helper.constprop.0"), unit("helper.constprop.1")).diff.nothing_changed);
    CHECK(pair.run(unit("helper.isra.0"), unit("helper.isra.14")).diff.nothing_changed);
    CHECK(pair.run(unit("helper.part.3"), unit("helper.part.4")).diff.nothing_changed);
    // A function that became a clone is another one: its caller changes with it.
    Outcome outcome = pair.run(unit("helper"), unit("helper.isra.0"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
    CHECK(outcome.names(diff::Change::added) == Names{"helper.isra.0"});
}

TEST_CASE("clones of a source that gets another name are still themselves") {
    const std::string unit = "static int helper(int) asm(\"helper.isra.0\");\n"
                             "__attribute__((noinline, used)) static int helper(int x) { asm(\"\"); return x * 77; }\n"
                             "int f(int x) { return helper(x) + 1; }\nint g(int x) { return helper(x) + 5; }\n";
    const auto named = [&](const std::string& name, const std::string& text) {
        return "__asm__(\".file \\\"" + name + "\\\"\");\n" + text;
    };
    UnitPair pair;
    const Outcome outcome = pair.run(named("old.c", unit), named("new.c", replaced(unit, "+ 5", "+ 6")));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"g"});
    CHECK(outcome.names(diff::Change::added).empty());
}

TEST_CASE("two clones whose numbers were exchanged are told by what they do") {
    auto unit = [](const char* first, const char* second) {
        return std::string("static int one(int) asm(\"") + first + "\"); static int two(int) asm(\"" + second +
               "\");\n__attribute__((noinline, used)) static int one(int x) { asm(\"\"); return x * 77; }\n"
               "__attribute__((noinline, used)) static int two(int x) { asm(\"\"); return x * 99; }\n"
               "int f(int x) { return one(x) + 1; }\nint g(int x) { return two(x) + 2; }\n";
    };
    UnitPair pair;
    CHECK(pair.run(unit("clone.constprop.0", "clone.constprop.1"), unit("clone.constprop.1", "clone.constprop.0"))
              .diff.nothing_changed);
}

TEST_CASE("a renamed function is one that went and one that is new") {
    UnitPair pair;
    const std::string unit = "__attribute__((noinline)) static int helper(int x) { asm(\"\"); return x * 77; }\n"
                             "int f(int x) { return helper(x) + 1; }\n";
    std::string after = unit;
    for (size_t at = after.find("helper"); at != std::string::npos; at = after.find("helper", at + 1))
        after.replace(at, 6, "assist");
    Outcome outcome = pair.run(unit, after);
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
    CHECK(outcome.names(diff::Change::added) == Names{"assist"});
    REQUIRE(outcome.has_finding("diff.function-removed"));
    for (const report::Finding& finding : outcome.diff.findings)
        if (finding.code == "diff.function-removed")
            CHECK(finding.function == "helper");
}

TEST_CASE("a function made global, or put among the unlikely ones, is still the same function") {
    UnitPair pair;
    const std::string unit = "__attribute__((noinline, used)) static int f(int x) { asm(\"\"); return x + 1; }\n"
                             "int g(int x) { return f(x); }\n";
    Outcome outcome = pair.run(unit, replaced(replaced(unit, "static int f", "int f"), "x + 1", "x + 2"));
    CHECK(outcome.changed() == Names{"f"});
    const std::string plain = "int f(int x) { return x + 1; }\nint g(int x) { return f(x) * 2; }\n";
    outcome = pair.run(plain, "__attribute__((section(\".text.unlikely.f\"))) " + replaced(plain, "x + 1", "x + 2"),
                       "-fno-inline");
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
}

TEST_CASE("statics of one name in several sources are told by their source") {
    const std::string second = second_source();
    UnitPair pair;
    auto before = linked(pair, "before", {first, second});
    CHECK(pair.run_files(before, linked(pair, "same", {first, second})).diff.nothing_changed);
    Outcome outcome = pair.run_files(before, linked(pair, "after", {first, replaced(second, "-= x", "-= x + 1")}));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"helper"});
    // The second one's own variable: sympos is the resolver's business, the symbol is the differ's.
    CHECK(outcome.refers(".text.helper", ".klp.ref.vmlinux.vmlinux.state,0"));
}

TEST_CASE("statics of one name without FILE symbols are told by who uses them") {
    const std::string second = second_source();
    UnitPair pair;
    auto nameless = [&](const std::string& name, const std::vector<std::string>& sources) {
        auto path = linked(pair, name, sources);
        run("objcopy --strip-symbol unit.c " + path.string());
        return path;
    };
    auto before = nameless("before", {first, second});
    CHECK(pair.run_files(before, nameless("same", {first, second})).diff.nothing_changed);
    CHECK(pair.run_files(before, nameless("turned", {second, first})).diff.nothing_changed);
    Outcome outcome = pair.run_files(before, nameless("after", {first, replaced(second, "-= x", "-= x + 1")}));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"helper"});
}

TEST_CASE("a static local keeps its value when its function is inlined, or no longer") {
    const std::string unit = "static INLINE int helper(int x) { static int count; asm(\"\"); return count += x; }\n"
                             "int f(int x) { return helper(x) + 1; }\nint g(int x) { return helper(x) + 2; }\n";
    const std::string always = replaced(unit, "INLINE", "inline __attribute__((always_inline))");
    const std::string never = replaced(unit, "INLINE", "__attribute__((noinline))");
    for (const Compiler& compiler : {gcc_x86, clang_x86()}) {
        CAPTURE(compiler.command);
        for (const auto& [before, after] : {std::pair(always, never), std::pair(never, always)}) {
            UnitPair pair(compiler);
            Outcome outcome = pair.run(before, after);
            REQUIRE(outcome.codes.empty());
            CHECK(outcome.changed() == Names{"f", "g"});
            for (const diff::Item& item : outcome.diff.items)
                CHECK(item.kind != "variable");
        }
    }
}

TEST_CASE("a counter that one function lost is not the one that another got") {
    UnitPair pair;
    const std::string unit = "extern int next(void);\nint f(int x) { static int count; return count += next() * x; }\n"
                             "int g(int x) { return next() - x; }\n";
    const std::string after = "extern int next(void);\nint f(int x) { return next() * x; }\n"
                              "int g(int x) { static int count; return count += next() - x; }\n";
    CHECK(pair.run(unit, after).codes == Codes{"diff.static-local-removed"});
}

TEST_CASE("a removed static local is refused, and taken where the author insists") {
    for (const Compiler& compiler : {gcc_x86, clang_x86()}) {
        CAPTURE(compiler.command);
        UnitPair pair(compiler);
        const std::string unit =
            "extern int next(void);\nint f(int x) { static int count; return count += next() * x; }\n";
        const std::string after = "extern int next(void);\nint f(int x) { return next() * x; }\n";
        CHECK(pair.run(unit, after).codes == Codes{"diff.static-local-removed"});
        const std::string force =
            "__attribute__((section(\".kpatch.force\"), used)) static const void *force = (const void *)f;\n";
        Outcome outcome = pair.run(unit, after + force);
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == Names{"f"});
        CHECK(outcome.has_finding("diff.static-local-removed"));
    }
}

TEST_CASE("marks of messages are never those of the kernel; neither a name nor a section alone makes one") {
    UnitPair pair;
    const auto unit = [](const std::string& section, const std::string& name) {
        return "extern int use(int *);\nint f(int x) { static int " + section + name + "; return use(&" + name +
               ") + x; }\n";
    };
    // Whether the live patch brings one of its own for a changed function.
    const auto is_own = [&](const std::string& section, const std::string& name) {
        const std::string text = unit(section, name);
        const Outcome outcome = pair.run(text, replaced(text, "+ x", "- x"));
        REQUIRE(outcome.codes.empty());
        return std::ranges::any_of(outcome.output->symbols(), [&](const elf::Symbol& symbol) {
            return symbol.name.starts_with(name) && symbol.place == elf::Place::section;
        });
    };
    const std::string once = "__attribute__((section(\".data..once\"))) ";
    for (const char* name : {"__warned", "__already_done", "__print_once"}) {
        CAPTURE(std::string(name));
        CHECK(pair.run(unit(once, name), unit(once, name)).diff.nothing_changed);
        CHECK(is_own(once, name));
        CHECK_FALSE(is_own("", name));
    }
    // What DO_ONCE() has done (linux/once.h), or somebody's own state.
    for (const char* name : {"___done", "inited", "_rs", "str"}) {
        CAPTURE(std::string(name));
        CHECK_FALSE(is_own(once, name));
    }
}

TEST_CASE("keys of lock classes and states of rate limits may be lost; what else is passed on may not") {
    auto unit = [](const char* callee, const char* extra) {
        return std::string("extern int ") + callee + "(void *);\nextern void log(int);\nint f(int x) { " + extra +
               "{ static long _rs = 5; if (" + callee + "(&_rs)) log(x); }\n" + "{ static long _rs = 5; if (" + callee +
               "(&_rs)) log(x + 1); }\n return x; }\n";
    };
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        for (auto [callee, is_harmless] : {std::pair("___ratelimit", true), {"mutex_lock", false}}) {
            CAPTURE(std::string(callee));
            // A third one in front: nothing tells which two are the old ones.
            const std::string extra = std::string("{ static long _rs = 5; if (") + callee + "(&_rs)) log(x - 1); }";
            const Outcome outcome = pair.run(unit(callee, ""), unit(callee, extra.c_str()));
            CHECK(outcome.codes.empty() == is_harmless);
        }
    });
}

TEST_CASE("tables that compilers make are known by content, whatever their number") {
    // A table of constants that GCC makes of a switch, file-scope compound literals, and __UNIQUE_ID_ names.
    const std::string unit = R"(
extern int use(const int *);
#define TABLE(a, b, c, d, e) switch (x) { case 0: return a; case 1: return b; case 2: return c; case 3: return d; case 4: return e; } return 0;
MORE
int f(int x) { TABLE(11, 200, 35, 4711, 5) }
static const int __UNIQUE_ID_thingNUMBER = 8;
int g(int x) { return use(&__UNIQUE_ID_thingNUMBER) + x; }
struct data { int value; }; struct user { struct data *data; };
struct user first = { &(struct data){ 3 } };
int h(int x) { return first.data->value + x; }
AGAIN
)";
    auto with = [&](const char* more, const char* again, const char* number) {
        std::string text = replaced(replaced(unit, "MORE", more), "AGAIN", again);
        for (size_t at = text.find("NUMBER"); at != std::string::npos; at = text.find("NUMBER"))
            text.replace(at, 6, number);
        return text;
    };
    for (const Compiler& compiler : {gcc_x86, clang_x86()}) {
        CAPTURE(compiler.command);
        UnitPair pair(compiler);
        const std::string before = with("", "", "7");
        Outcome outcome = pair.run(before, with("int e(int x) { TABLE(1, 2002, 3, 14711, 15) }",
                                                "struct user second = { &(struct data){ 5 } };", "19"));
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == Names{});
        CHECK(outcome.names(diff::Change::added) == Names{"e"});
        CHECK(pair.run(before, replaced(before, "4711", "4712")).changed() == Names{"f"});
        CHECK(pair.run(before, replaced(before, "= 8", "= 9")).changed() == Names{"g"});
    }
}

TEST_CASE("a function with several names is known by any of them") {
    UnitPair pair;
    const std::string unit = "__attribute__((noinline)) int f(int x) { asm(\"\"); return x + 1; }\n"
                             "int also(int) __attribute__((alias(\"f\")));\nint g(int x) { return also(x) * 2; }\n";
    CHECK(pair.run(unit, unit).diff.nothing_changed);
    Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed().size() == 1);
    // One of the two names gets a body of its own: its address is the other's as well.
    outcome = pair.run(unit, replaced(unit, "int also(int) __attribute__((alias(\"f\")));",
                                      "int also(int x) { asm(\"\"); return x + 5; }"));
    CHECK(outcome.codes == Codes{"diff.alias-changed"});
    // And the other way round.
    outcome = pair.run("int f(int x) { asm(\"\"); return x + 1; }\nint also(int x) { asm(\"\"); return x + 5; }\n",
                       "int f(int x) { asm(\"\"); return x + 1; }\nint also(int) __attribute__((alias(\"f\")));\n");
    CHECK(outcome.codes == Codes{"diff.alias-changed"});
    // Of a variable: what other units mean by the name is the kernel's.
    const std::string data = "int one = 1, two = 2;\nextern int also __attribute__((alias(\"one\")));\n"
                             "int f(int x) { return also + x; }\n";
    CHECK(pair.run(data, replaced(data, "alias(\"one\")", "alias(\"two\")")).codes.front() == "diff.alias-changed");
    CHECK(pair.run(data, replaced(data, "+ x", "- x")).codes.empty());
}
