// The differ's rules one by one, on x86_64 objects of GCC.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

TEST_CASE("a function that ftrace cannot hook is refused") {
    UnitPair pair;
    std::string unit = "__attribute__((no_instrument_function)) int f(int x) { return x + 1; }";
    CHECK(pair.run(unit, replaced(unit, "x + 1", "x + 2")).codes == Codes{"diff.no-ftrace"});
}

TEST_CASE("the refusal of a function that ftrace cannot hook says why, and who calls it") {
    UnitPair pair;
    const std::string unit = "__attribute__((no_instrument_function)) int f(int x) { return x + 1; }";
    const auto finding = [&] {
        const Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
        REQUIRE(outcome.errors.size() == 1);
        return outcome.errors.front();
    };
    pair.options.untraced_by = "lib/Makefile:6: all";
    pair.options.callers_of = [](const elf::Symbol& function) {
        return function.name == "f" ? diff::CallerNames{{"one", "two"}, {"quiet"}} : diff::CallerNames{};
    };
    CHECK(finding().message.find("lib/Makefile:6: all") != std::string::npos);
    CHECK(finding().message.find("notrace") == std::string::npos);
    CHECK(finding().hint.find("one, two; ") != std::string::npos);
    pair.options.callers_of = [](const elf::Symbol&) { return diff::CallerNames{{}, {"quiet"}}; };
    CHECK(finding().hint.find("either (quiet)") != std::string::npos);
}

TEST_CASE("changed exit code of a module is refused for what it is") {
    UnitPair pair;
    pair.resolver.owner = "fuse";
    std::string unit = "__attribute__((section(\".exit.text\"), no_instrument_function)) void f(void) { extern void "
                       "g(int); g(1); }";
    CHECK(pair.run(unit, replaced(unit, "g(1)", "g(2)")).codes == Codes{"diff.exit-changed"});
}

TEST_CASE("changed exit code of what is built in stays behind, and what only it needs") {
    UnitPair pair;
    std::string unit =
        "static __attribute__((noinline)) int helper(int x) { return x * 3; }\n"
        "__attribute__((section(\".exit.text\"), no_instrument_function)) int f(int x) { return x + 1; }\n"
        "int g(int x) { return helper(x) + 2; }";
    std::string exit_changed = replaced(unit, "x + 1", "helper(x) + 1");
    Outcome alone = pair.run(unit, exit_changed);
    CHECK(alone.codes.empty());
    CHECK(alone.diff.nothing_changed);
    CHECK(alone.has_finding("diff.exit-changed"));
    Outcome both = pair.run(unit, replaced(exit_changed, "+ 2", "+ 3"));
    CHECK(both.changed() == Names{"g"});
    CHECK(both.has_finding("diff.exit-changed"));
}

TEST_CASE("a changed __init function is refused") {
    UnitPair pair;
    std::string unit = "__attribute__((section(\".init.text\"))) int f(int x) { return x + 1; }";
    CHECK(pair.run(unit, replaced(unit, "x + 1", "x + 2")).codes == Codes{"diff.init-changed"});
}

TEST_CASE("a function without change is left out by name") {
    UnitPair pair;
    std::string unit =
        "int f(int x) { return x + 1; }\nint g(int x) { return x * 5; }\n"
        "__attribute__((section(\".kpatch.ignore.functions\"), used)) static void *ignore = (void *)f;\n";
    Outcome outcome = pair.run(unit, replaced(replaced(unit, "x + 1", "x + 2"), "x * 5", "x * 7"));
    CHECK(outcome.changed() == Names{"g"});
}

TEST_CASE("changed data is left out by its section's name") {
    UnitPair pair;
    std::string unit =
        "int value = 1;\nint f(int x) { return x + value; }\n"
        "__attribute__((section(\".kpatch.ignore.sections\"), used)) static char *ignore = \".data.value\";\n";
    Outcome outcome = pair.run(unit, replaced(replaced(unit, "value = 1", "value = 2"), "x + value", "x - value"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
}

TEST_CASE("callbacks of both ecosystems are registered") {
    for (const char* macro :
         {"__attribute__((section(\".kpatch.callbacks.pre_patch\"), used)) static void *cb = (void *)before;",
          "__attribute__((section(\".discard.klp_callback_ptrs\"), used)) static void "
          "*__klp_pre_patch_callback_vmlinux = (void *)before;"}) {
        UnitPair pair;
        std::string unit = "int f(int x) { return x + 1; }\n";
        Outcome outcome = pair.run(unit, unit + "static int before(void *p) { return 0; }\n" + macro);
        REQUIRE(outcome.codes.empty());
        REQUIRE(outcome.diff.callbacks.size() == 1);
        CHECK(outcome.diff.callbacks.front().function == "before");
        const elf::Section* table = outcome.output->find_section(elf::build_callbacks_section);
        REQUIRE(table);
        CHECK(table->size == 24);
        CHECK(outcome.output->read_integer(table->data, 16, 8) == static_cast<uint64_t>(elf::CallbackKind::pre_patch));
    }
}

TEST_CASE("an unknown section that refers to a changed function is refused by name") {
    UnitPair pair;
    std::string unit =
        "int f(int x) { return x + 1; }\nasm(\".pushsection .magic, \\\"a\\\"; .quad f; .popsection\");\n";
    Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2"));
    CHECK(outcome.codes == Codes{"diff.unknown-section"});
    CHECK(pair.run(unit, unit).diff.nothing_changed);
}

TEST_CASE("a call within a shared section is compared and moved by what it calls") {
    UnitPair pair;
    const std::string flag = "-fno-function-sections";
    std::string unit =
        "__attribute__((noinline)) static int first(int x) { asm volatile(\"nop\"); return x + 1; }\n"
        "__attribute__((noinline)) static int second(int x) { asm volatile(\"nop; nop\"); return x + 2; }\n"
        "int third(int x) { return second(first(x) + 3) + 1; }\n";
    // first() grows, so the distance from third() to it does; third() itself does not change.
    Outcome outcome =
        pair.run(unit, replaced(unit, "asm volatile(\"nop\")", "asm volatile(\"nop; nop; nop; nop\")"), flag);
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"first"});
    outcome = pair.run(unit, replaced(unit, "first(x) + 3", "first(x) + 4"), flag);
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"third"});
    CHECK(outcome.refers(".text.third", ".klp.ref.vmlinux.vmlinux.first,0"));
    CHECK(outcome.refers(".text.third", ".klp.ref.vmlinux.vmlinux.second,0"));
}

TEST_CASE("a function made static is still the same function") {
    UnitPair pair;
    std::string unit = "__attribute__((noinline, used)) int f(int x) { asm volatile(\"\"); return x + 1; }\nint g(int "
                       "x) { return f(x); }\n";
    Outcome outcome = pair.run(unit, replaced(replaced(unit, "used)) int f", "used)) static int f"), "x + 1", "x + 2"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
}

TEST_CASE("a symbol that the target lacks, or has more than once, is refused") {
    std::string unit = "extern int far(int);\nint f(int x) { return far(x) + 1; }\n";
    std::string after = replaced(unit, "far(x) + 1", "far(x) + 2");
    UnitPair pair;
    pair.resolver.special["far"].kind = symbols::Resolution::Kind::absent;
    CHECK(pair.run(unit, after).codes == Codes{"diff.unresolved"});
    pair.resolver.special["far"].kind = symbols::Resolution::Kind::ambiguous;
    CHECK(pair.run(unit, after).codes == Codes{"diff.ambiguous"});
}

TEST_CASE("what another unit of the patch brings stays a plain symbol") {
    std::string unit = "extern int far(int);\nint f(int x) { return x + 1; }\n";
    UnitPair pair;
    pair.resolver.special["far"].kind = symbols::Resolution::Kind::absent;
    pair.options.is_provided = [](std::string_view name) { return name == "far"; };
    Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "far(x)"));
    REQUIRE(outcome.codes.empty());
    REQUIRE(outcome.symbol("far"));
    CHECK_FALSE(outcome.symbol("far")->is_weak());
}

TEST_CASE("a new global function comes along though nobody here calls it") {
    UnitPair pair;
    std::string unit = "int f(int x) { return x + 1; }\n";
    Outcome outcome = pair.run(unit, unit + "int fresh(int x) { return x + 9; }\n");
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.names(diff::Change::added) == Names{"fresh"});
    CHECK_FALSE(outcome.symbol("fresh")->is_local());
}

TEST_CASE("new globals of a unit") {
    UnitPair pair;
    std::string unit = "int f(int x) { return x + 1; }\n";
    auto a = pair.compile("before", unit, "");
    auto b = pair.compile("after", unit + "int fresh(int x) { return x; }\nint fresh_data;\nstatic int hidden;\n", "");
    CHECK(diff::new_globals(elf::Object::open(a), elf::Object::open(b)) == Names{"fresh", "fresh_data"});
}

TEST_CASE("an unlikely part belongs to its function") {
    UnitPair pair;
    std::string unit = "extern void rare(int) __attribute__((cold)); extern int state;\n"
                       "int f(int x) { if (x == state) { rare(1); rare(2); rare(3); } return x + 1; }\n";
    Outcome outcome = pair.run(unit, replaced(unit, "rare(3)", "rare(4)"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
    REQUIRE(outcome.symbol("f.cold"));
    CHECK(outcome.symbol("f.cold")->is_function());
}

TEST_CASE("the cause of a change is told") {
    UnitPair pair;
    pair.options.explain = true;
    std::string unit = "extern int printk(const char *, ...);\n"
                       "static inline int twice(int x) { return x * 2; }\n"
                       "int a(int x) { return twice(x) + 1; }\nint b(int x) { return printk(\"old %d\", x); }\n"
                       "int c(int x) { return printk(\"c %d\", x + 100); }\n";
    Outcome outcome = pair.run(
        unit, replaced(replaced(replaced(unit, "x * 2", "(x ^ 5) * 2"), "old", "new"), "x + 100", "x + 101"), "-g");
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.item("a")->cause == "inlined callee twice");
    CHECK(outcome.item("a")->place.ends_with("unit.c:2"));
    CHECK(outcome.item("b")->cause == "only a string");
    CHECK(outcome.item("c")->cause == "only a constant");
    CHECK(outcome.item("c")->original_instruction.find("0x64") != std::string::npos);
    CHECK(outcome.item("c")->patched_instruction.find("0x65") != std::string::npos);
}

TEST_CASE("objects of two machines are not compared") {
    elf::Builder x86, arm;
    for (elf::Builder* builder : {&x86, &arm}) {
        builder->sections.resize(1);
        builder->symbols.resize(1);
    }
    x86.machine = EM_X86_64;
    arm.machine = EM_AARCH64;
    TestResolver resolver;
    diff::Options options;
    options.resolver = &resolver;
    CHECK_THROWS_AS(
        diff::run(elf::Object::from_bytes("a", x86.bytes()), elf::Object::from_bytes("b", arm.bytes()), options),
        report::Refusal);
}

TEST_CASE("a changed function that no pointer leads to is marked for the build's check of indirect branches") {
    UnitPair pair;
    const std::string unit = "static __attribute__((noinline)) int inner(int x) { asm(\"\"); return x + 1; }\n"
                             "int f(int x) { return inner(x) * 3; }\n";
    const std::string flags = "-fcf-protection=branch";
    Outcome outcome = pair.run(unit, replaced(replaced(unit, "x + 1", "x + 2"), "* 3", "* 5"), flags);
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f", "inner"});
    for (const char* name : {".discard.noendbr", ".discard.annotate_insn"}) {
        const elf::Section* marks = outcome.output->find_section(name);
        REQUIRE(marks);
        std::span<const elf::Relocation> relocations = outcome.output->relocations(marks->index);
        REQUIRE(relocations.size() == 1); // f() begins with ENDBR
        CHECK(outcome.output->symbol(relocations[0].symbol).name == "inner");
    }
}

TEST_CASE("new content of read-only data changes the functions that use it, and comes along") {
    UnitPair pair;
    // A message, a table behind another, and what only one of two functions uses.
    const std::string unit = R"(
extern int use(const void *);
int f(int x) { static const char __msg[] = "old"; return use(__msg) + x; }
static const int values[] = { 3, 1, 4, 1, 5 };
static const struct { const int *list; int count; } table = { values, 5 };
int g(int x) { return use(&table) + x; }
int h(int x) { return use(&table) - x; }
int other(int x) { return use("other") * x; }
)";
    Outcome outcome = pair.run(unit, replaced(unit, "old", "new"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
    CHECK(outcome.names(diff::Change::included, "variable").size() == 1);
    outcome = pair.run(unit, replaced(unit, "4, 1, 5", "4, 1, 6"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"g", "h"});
    CHECK(outcome.names(diff::Change::included, "variable") == Names{"table", "values"});
    CHECK(outcome.refers(".rodata.table", ".rodata.values"));
}

TEST_CASE("new content of read-only data that others see is refused") {
    UnitPair pair;
    const std::string ignore =
        "__attribute__((section(\".kpatch.ignore.sections\"), used)) static char *ignore = \".rodata.value\";\n";
    const std::string unit = "extern int use(const void *);\nstatic const int value = 3;\n"
                             "const int *volatile pointer = &value;\nint f(int x) { return use(&value) + x; }\n";
    CHECK(pair.run(unit, replaced(unit, "= 3", "= 4")).codes == Codes{"diff.data-changed"});
    CHECK(pair.run(unit, replaced(unit, "= 3", "= 4") + ignore).diff.nothing_changed);
}

TEST_CASE("a changed function that ends in a jump to an added one is warned of") {
    UnitPair pair;
    const std::string unit = "extern int nap(int);\nint f(int x) { return nap(x) + 1; }\n";
    auto with_end = [&](const std::string& end) {
        return replaced(unit, "int f(int x) { return nap(x) + 1; }",
                        "__attribute__((noinline)) static int added(int x) { return nap(x) * 5 + nap(x + 1); }\n"
                        "int f(int x) { " +
                            end + " }");
    };
    Outcome jump = pair.run(unit, with_end("return added(x + 3);"));
    REQUIRE(jump.has_finding("diff.tail-call"));
    CHECK(jump.codes.empty());
    for (const report::Finding& finding : jump.diff.findings)
        if (finding.code == "diff.tail-call") {
            CHECK(finding.function == "f");
            CHECK(finding.message.find("jump to added,") != std::string::npos);
        }
    Outcome call = pair.run(unit, with_end("return added(x + 3) + 1;"));
    CHECK(call.codes.empty());
    CHECK_FALSE(call.has_finding("diff.tail-call"));
}

TEST_CASE("a jump to a function that is replaced itself leaves the kernel what it needs to know") {
    UnitPair pair;
    const std::string unit = "extern int nap(int);\n"
                             "__attribute__((noinline)) static int last(int x) { return nap(x) * 5 + nap(x + 1); }\n"
                             "int f(int x) { return last(x + 3); }\n";
    Outcome outcome = pair.run(unit, replaced(replaced(unit, "* 5", "* 6"), "x + 3", "x + 4"));
    CHECK(outcome.changed() == Names{"f", "last"});
    CHECK_FALSE(outcome.has_finding("diff.tail-call"));
}

TEST_CASE("a variable that grows is told by its size, not by its content") {
    UnitPair pair;
    const std::string unit =
        "static int seen[4];\nint f(int x) { return ++seen[x & 3]; }\nint g(int x) { return --seen[x & 3]; }\n";
    Outcome outcome = pair.run(unit, replaced(replaced(unit, "seen[4]", "seen[8]"), "++seen[x & 3]", "++seen[x & 7]"));
    REQUIRE(outcome.codes == Codes{"diff.data-changed"});
    CHECK(outcome.errors.front().message.find("from 16 to 32 bytes") != std::string::npos);
    CHECK(outcome.errors.front().message.find("content") == std::string::npos);
    // What the hint says makes a module.
    const std::string beside = replaced(unit, "int f(int x) { return ++seen[x & 3]; }",
                                        "static int more[8];\nint f(int x) { return ++seen[x & 3] + ++more[x & 7]; }");
    CHECK(pair.run(unit, beside).changed() == Names{"f"});
}

TEST_CASE("a variable that is protected from now on is not protected in the running kernel") {
    const std::string unit = "int limit = 3;\nint f(int x) { return limit + x; }\n";
    const std::string mark = "__attribute__((section(\".data..ro_after_init\"))) ";
    UnitPair pair;
    const Outcome alone = pair.run(unit, mark + unit);
    CHECK(alone.diff.nothing_changed);
    CHECK(alone.has_finding("diff.storage-late"));
    REQUIRE(diff::changes_without_effect(alone.diff.findings).size() == 1);
    CHECK_FALSE(pair.run(mark + unit, mark + unit).has_finding("diff.storage-late"));
    CHECK_FALSE(pair.run(unit, replaced(unit, "+ x", "- x")).has_finding("diff.storage-late"));
}

TEST_CASE("what the kernel exports for certain modules only is not referred to by its plain name") {
    const std::string unit = "int shared; int f(int x) { return shared + x; }\n";
    for (const bool is_for_some : {false, true}) {
        UnitPair pair;
        symbols::Resolution found{symbols::Resolution::Kind::livepatch, "vmlinux", 0, true, {}, false, {}};
        found.is_for_some =
            is_for_some; // modpost: "uses symbol shared from namespace module:..., but does not import it"
        pair.resolver.special["shared"] = found;
        const Outcome outcome = pair.run(unit, replaced(unit, "+ x", "- x"));
        REQUIRE(outcome.codes == Codes{});
        CHECK(outcome.refers(".text.f", ".klp.ref.vmlinux.vmlinux.shared,0") == is_for_some);
    }
}
