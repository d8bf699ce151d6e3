// What is told apart by more than a name or a section: places inside of functions and data, ends, neighbours, addresses
// that a function has of itself, constants that only look like lines.
#include "diff_units.h"

#include <fmt/format.h>

#include <map>

using namespace klp;
using namespace klp::test;

namespace {

bool refers_to_kernel(const Outcome& outcome, const std::string& name) {
    return outcome.symbol(".klp.ref.vmlinux.vmlinux." + name + ",0") != nullptr;
}

} // namespace

TEST_CASE("a table of labels leads into the function that jumps by it") {
    const std::string unit = "extern void ext(int);\n"
                             "int run(const unsigned char *p, int acc) {\n"
                             "  static KIND void *table[4] = { &&add, &&sub, &&out, &&nop };\n"
                             "  goto *table[*p];\n"
                             "add: acc += 8; ext(acc); goto *table[*++p];\n"
                             "sub: acc -= 3; ext(acc); goto *table[*++p];\n"
                             "nop: goto *table[*++p];\n"
                             "out: return acc; }\n";
    const std::string constant = replaced(unit, "KIND void *table", "const void *const table");
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        const Outcome outcome = pair.run(constant, replaced(constant, "acc += 8", "acc += 9"));
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == Names{"run"});
        for (const elf::Symbol& symbol : outcome.output->symbols())
            CHECK(symbol.name.find("ref.vmlinux.vmlinux") == std::string_view::npos);
    });
    // What may be written is the kernel's, and holds places in its old code.
    const std::string writable = replaced(unit, "KIND void *table", "void *table");
    const std::string written =
        replaced(writable, "goto *table[*p];", "ext((long)(table[acc & 3] = table[0])); goto *table[*p];");
    CHECK(UnitPair().run(written, replaced(written, "acc += 8", "acc += 9")).codes == Codes{"diff.data-changed"});
}

TEST_CASE("nameless data behind one anchor is one block") {
    const std::string unit = "extern void use(const void *);\n"
                             "int keep(int i) { const char *n[] = {\"alpha\", \"beta\"}; use(n); return i; }\n"
                             "int odd(int i) { const int t[] = {10, 20, 30, 40, 50, 60, 70, 80, 90}; return t[i]; }\n"
                             "int g(int i) { const int t[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}; return t[i] + 1; }\n";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        const Outcome data = pair.run(unit, replaced(unit, "9, 10}", "9, 11}"));
        REQUIRE(data.codes.empty());
        CHECK(std::ranges::count(data.changed(), "g") == 1);
        // As much of it comes along as the function reads: from an anchor, all.
        const std::filesystem::path patched = pair.compile("whole", replaced(unit, "t[i] + 1", "t[i] + 2"), "");
        const Outcome code = pair.run_files(pair.compile("before", unit, ""), patched);
        REQUIRE(code.codes.empty());
        CHECK(code.changed() == Names{"g"});
        const elf::Object whole = elf::Object::open(patched);
        const bool has_anchors =
            std::string_view(compiler.machine) == "ppc64le" || std::string_view(compiler.machine) == "aarch64";
        if (const elf::Section* block = whole.find_section(".rodata"); has_anchors && block) {
            const elf::Section* copy = code.output->find_section(".rodata");
            REQUIRE(copy);
            CHECK(copy->size == block->size);
        }
    });
}

TEST_CASE("a function's own address is the one that others have of it") {
    const std::string unit =
        "struct work { void (*func)(struct work *); int n; };\n"
        "extern void queue(struct work *); extern void log_it(int);\n"
        "void self(struct work *w) { if (w->func != self) { log_it(1); return; } w->n++; queue(w); }\n"
        "void other(struct work *w) { w->func = self; }\n";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        const Outcome outcome = pair.run(unit, replaced(unit, "w->n++", "w->n += 2"));
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == Names{"self"});
        // An import in these tests, where every global symbol of the kernel is exported.
        const bool is_kernels = std::ranges::any_of(outcome.output->symbols(), [](const elf::Symbol& symbol) {
            return symbol.is_undefined() && symbol.name.find("self") != std::string_view::npos;
        });
        CHECK(is_kernels);
    });
}

TEST_CASE("a label behind a blob is its end") {
    const auto unit = [](const std::string& text) {
        return "extern void ext(const char *, const char *); extern const char blob_start[], blob_end[];\n"
               "asm(\".pushsection .rodata.blob,\\\"a\\\"\\n.balign 16\\nblob_start:\\n.ascii \\\"" +
               text +
               "\\\"\\nblob_end:\\n.popsection\");\n"
               "int f(int x) { ext(blob_start, blob_end); return x; }\n";
    };
    UnitPair pair;
    const Outcome outcome = pair.run(unit("HELLO-1"), unit("HELLO-1234567"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
    CHECK_FALSE(refers_to_kernel(outcome, "blob_end"));
    CHECK_FALSE(refers_to_kernel(outcome, "blob_start"));
}

TEST_CASE("assembly that goes on in its neighbour is not taken apart") {
    const std::string unit =
        "extern int helper(int); extern int af(int), ag(int);\n"
        "asm(\".section .text.asm1,\\\"ax\\\"\\n.type af,@function\\naf: addl $1,%edi\\n.size af,.-af\\n\"\n"
        "    \".type ag,@function\\nag: movl %edi,%eax\\nret\\n.size ag,.-ag\\n.text\\n\");\n"
        "int caller(int x) { return helper(af(x)) + 1; }\n"
        "int second(int x) { return helper(ag(x)) + 1; }\n";
    UnitPair pair;
    CHECK(pair.run(unit, replaced(unit, "addl $1", "addl $2")).codes == Codes{"diff.falls-through"});
    const std::string whole = replaced(unit, "addl $1,%edi", "addl $1,%edi\\njmp helper");
    CHECK(pair.run(whole, replaced(whole, "addl $1", "addl $2")).codes.empty());
}

TEST_CASE("what assembly points to without a relocation is not left behind") {
    const auto unit = [](const std::string& load) {
        return "extern void ext(long);\n"
               "#define S __attribute__((section(\".noinstr.text\")))\n"
               "S static __attribute__((used)) int st(int x) { ext(1); return x + 3; }\n"
               "S int other(int x) { ext(x); return x * 3; }\n"
               "S void f(int x) { const int *p; asm volatile(\"" +
               load + "\" : \"=r\"(p)); ext((long)p + x + 1); }\n";
    };
    const std::map<std::string, std::string> loads = {
        {"x86_64", "lea st(%%rip), %0"}, {"aarch64", "adr %0, st"}, {"s390x", "larl %0, st"}};
    with_compilers(
        [&](const Compiler& compiler) {
            const std::string before = unit(loads.at(compiler.machine));
            CHECK(UnitPair(compiler).run(before, replaced(before, "x + 1", "x + 2")).codes ==
                  Codes{"diff.resolved-address"});
        },
        {gcc_x86, compilers()[2], compilers()[4]});
}

TEST_CASE("what ends in a trap goes on nowhere") {
    const std::string unit = "extern void ext(int); extern void die(int) __attribute__((noreturn));\n"
                             "#define S __attribute__((section(\".noinstr.text\")))\n"
                             "S void a(int x) { ext(x + 1); __builtin_trap(); }\n"
                             "S void b(int x) { ext(x + 1); for (;;) ext(1); }\n"
                             "S void c(int x) { ext(x + 1); die(x); }\n"
                             "S int d(int x) { ext(x); return x * 3; }\n";
    const std::string after = replaced(replaced(replaced(unit, "x + 1", "x + 2"), "x + 1", "x + 2"), "x + 1", "x + 2");
    with_compilers([&](const Compiler& compiler) {
        CHECK(UnitPair(compiler).run(unit, after).changed() == Names{"a", "b", "c"});
    });
}

TEST_CASE("statements with static variables that changed places are not taken for one another") {
    const std::string first = "{ static int n; n += condA(); ext(n); }\n",
                      second = "{ static int n; n += condB(); ext(n); }\n";
    const std::string head = "extern void ext(int); extern int condA(void), condB(void);\nint a(int k) {\n";
    with_compilers(
        [&](const Compiler& compiler) {
            UnitPair pair(compiler);
            const Outcome outcome =
                pair.run(head + first + second + "return 0; }\n", head + second + first + "return 0; }\n");
            CHECK(outcome.codes == Codes{"diff.static-local", "diff.static-local"});
        },
        {gcc_x86, clang_x86()});
}

TEST_CASE("an author's data that begins with the name of a source has no line") {
    const std::string unit =
        "struct firmware { const char *name; unsigned line, column; long more[12]; };\n"
        "extern void load(const struct firmware *);\n"
        "void g(void) { struct firmware w = {\"firmware/boot.inc\", 12, 5, {1, 2, 3, 4, 5, 6, 7, 8}}; load(&w); }\n";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        CHECK(pair.run(unit, replaced(unit, "\", 12,", "\", 13,")).changed() == Names{"g"});
    });
}

TEST_CASE("a constant that is stored before a call that takes a line is none") {
    const std::string unit = "struct p { int state, x, y; unsigned long a, b; };\n"
                             "extern void __might_sleep(const char *, int);\n"
                             "int f(struct p *p, int c) { if (!p->x) { p->y = p->a; p->state = 5; }\n"
                             "  __might_sleep(\"unit.c\", 100); p->x++; return 0; }\n";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        CHECK(pair.run(unit, replaced(unit, "p->state = 5", "p->state = 6")).changed() == Names{"f"});
        CHECK(pair.run(unit, replaced(unit, "100", "101")).diff.nothing_changed);
    });
}

TEST_CASE("what is behind a line in a call of ext4's is none") {
    const std::string unit =
        "struct sb; extern void *__ext4_journal_start_sb(struct sb *, unsigned, int, int, int, int);\n"
        "int f(struct sb *sb) { return __ext4_journal_start_sb(sb, 77, 5, 8, 0, 0) != 0; }\n";
    const std::string later =
        "struct sb; extern void *__ext4_journal_start_sb(void *, struct sb *, unsigned, int, int, int);\n"
        "int f(struct sb *sb) { return __ext4_journal_start_sb(sb, sb, 77, 5, 8, 0) != 0; }\n";
    UnitPair pair;
    CHECK(pair.run(unit, replaced(unit, "77, 5", "77, 9")).changed() == Names{"f"});
    CHECK(pair.run(unit, replaced(unit, "77, 5", "78, 5")).diff.nothing_changed);
    CHECK(pair.run(later, replaced(later, "77, 5", "78, 5")).diff.nothing_changed);
    CHECK(pair.run(later, replaced(later, "77, 5", "77, 9")).changed() == Names{"f"});
}

TEST_CASE("the address of a variable that an author calls str is one that others have") {
    const std::string unit =
        "struct d { const char *name; int n; }; extern void reg(struct d *); extern void drop(const void *);\n"
        "static const char *name(void) { static const char str[] = \"default\"; return str; }\n"
        "void init(struct d *d) { d->name = name(); reg(d); }\n"
        "void fini(struct d *d) { d->n++; if (d->name != name()) drop(d->name); }\n";
    with_compilers(
        [&](const Compiler& compiler) {
            UnitPair pair(compiler);
            const Outcome outcome = pair.run(unit, replaced(unit, "d->n++", "d->n += 2"));
            REQUIRE(outcome.codes.empty());
            CHECK(outcome.changed() == Names{"fini"});
            const bool is_gcc = std::string_view(compiler.command) == gcc_x86.command;
            CHECK(refers_to_kernel(outcome, is_gcc ? "str.0" : "name.str"));
        },
        {gcc_x86, clang_x86()});
}

TEST_CASE("the flags of a bug entry without a line are no line") {
    const std::string unit =
        "extern int g;\n"
        "void f(int x) { if (x) asm volatile(\"1: ud2\\n.pushsection __bug_table,\\\"aw\\\"\\n2: .long 1b - .\\n\"\n"
        "  \".long %c1 - .\\n.word %c0\\n.org 2b + 12\\n.popsection\" : : \"i\"(0x901), \"i\"(\"format\")); g++; }\n";
    UnitPair pair;
    CHECK(pair.run(unit, replaced(unit, "0x901", "0x903")).changed() == Names{"f"});
    const std::string named = replaced(unit, "\"i\"(\"format\")", "\"i\"(\"unit.c\")");
    CHECK(pair.run(named, replaced(named, "0x901", "0x903")).diff.nothing_changed);
}

TEST_CASE("entries of a table that is put together by the link are no change of code, nor nothing") {
    const std::string unit = "extern void ext(int);\n"
                             "int foo(int x) { ext(x); return x + 1; }\n"
                             "int foo2(int x) { ext(x); return x + 2; }\n"
                             "struct drv { int (*p)(int); const char *n; };\n"
                             "#define ENTRY static struct drv __attribute__((section(\"__drv_table\"), used))\n"
                             "ENTRY first = { foo, \"first\" };\n";
    UnitPair pair;
    CHECK(pair.run(unit, replaced(unit, "{ foo,", "{ foo2,")).codes == Codes{"diff.data-changed"});
    const Outcome added = pair.run(unit, unit + "ENTRY second = { foo2, \"second\" };\n");
    CHECK(added.diff.nothing_changed);
    CHECK(added.has_finding("diff.registry-added"));
}

TEST_CASE("a tracepoint that is new is said once, not once for each table that has an entry of it") {
    const auto tracepoint = [](const std::string& name) {
        const std::string used = "__attribute__((used, section(\"";
        return "static const char " + used + "__tracepoints_strings\"))) __tpstrtab_" + name + "[] = \"" + name +
               "\";\nint __tracepoint_" + name + " = 3;\nstatic int *" + used + "_ftrace_events\"))) __event_" + name +
               " = &__tracepoint_" + name + ";\nasm(\".section __tracepoints_ptrs,\\\"a\\\"\\n.long __tracepoint_" +
               name + " - .\\n.previous\");\n";
    };
    const std::string unit = "int f(int x) { return x + 1; }\n" + tracepoint("old");
    UnitPair pair;
    const Outcome outcome = pair.run(unit, replaced(unit, "x + 1", "x + 2") + tracepoint("new"));
    REQUIRE(outcome.codes.empty());
    std::vector<std::string> said;
    for (const report::Finding& finding : outcome.diff.findings)
        if (finding.code.starts_with("diff.registry"))
            said.push_back(finding.function + ": " + finding.message);
    REQUIRE(said.size() == 1);
    CHECK(said.front().starts_with("new: this tracepoint is new"));
    // One that goes has no name.
    CHECK(pair.run(unit + tracepoint("new"), replaced(unit, "x + 1", "x + 2")).has_finding("diff.registry-changed"));
}

TEST_CASE("the names of a system call's arguments are a matter of tracing") {
    const auto unit = [](const std::string& type, int add) {
        return "static const char *types__umask[] = { \"" + type +
               "\" };\nstruct meta { const char **types; };\n"
               "static struct meta __attribute__((used)) __syscall_meta__umask = { types__umask };\n"
               "static const char *types__own[] = { \"" +
               type + "\" };\nconst char **own(void) { return types__own; }\nint f(int x) { return x + " +
               std::to_string(add) + "; }\n";
    };
    const std::string before = unit("int", 1), after = unit("long", 2);
    UnitPair pair;
    CHECK(pair.run(before, after).codes == Codes{"diff.data-changed"}); // types__own is nobody's metadata
    const Outcome outcome = pair.run(before, replaced(after, "types__own[] = { \"long\"", "types__own[] = { \"int\""));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"f"});
    CHECK(outcome.has_finding("diff.syscall-metadata"));
}

TEST_CASE("a new variable among others is told from the end of the one before by being read and written") {
    const std::string unit = "#define RM __attribute__((section(\".data..read_mostly\")))\n"
                             "extern void ext(int); static int a RM = 1; NEW static int b RM = 2;\n"
                             "void seta(int x) { a = x; } void setb(int x) { b = x; }\n"
                             "int f(int x) { USE return a + b; }\n";
    const std::string before = replaced(replaced(unit, "NEW ", ""), "USE ", "");
    const std::string after =
        replaced(replaced(unit, "NEW ", "static int fresh RM = 77; "), "USE ", "fresh += x; ext(fresh); ");
    // The others take an address in one instruction and go there in another, which nobody follows.
    with_compilers(
        [&](const Compiler& compiler) {
            const Outcome outcome = UnitPair(compiler).run(before, after);
            REQUIRE(outcome.codes.empty());
            CHECK(outcome.changed() == Names{"f"});
            CHECK(outcome.names(diff::Change::added, "variable") == Names{"fresh"});
        },
        {gcc_x86, clang_x86(), compilers()[2], compilers()[3]});
}

TEST_CASE("what decides which of two static variables is reached is part of the place") {
    const auto unit = [](const char* first, const char* second) {
        return fmt::format("extern void ext(int);\nint a(int k) {{\n"
                           "  if ({}) {{ static int n; if (n++ < 3) ext(n); }}\n"
                           "  if ({}) {{ static int n; if (n++ < 3) ext(n); }}\n"
                           "  return 0; }}\n",
                           first, second);
    };
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        for (const auto& [first, second] : {std::pair("k == 3", "k == 5"), {"k", "!k"}, {"k & 16", "k & 32"}}) {
            CAPTURE(first);
            CHECK_FALSE(pair.run(unit(first, second), unit(second, first)).codes.empty());
        }
        // What comes between two ends that are the same says nothing of them.
        const std::string before = unit("k == 3", "k == 5");
        const Outcome added = pair.run(before, replaced(before, "  if (k == 5)", "  ext(7);\n  if (k == 5)"));
        const bool is_told = added.codes.empty();
        CHECK((is_told || added.codes == Codes{"diff.static-local", "diff.static-local"}));
    });
}

TEST_CASE("what happens only where a static variable is used tells which it is") {
    const auto unit = [](const char* first, const char* second, const char* between) {
        return fmt::format("extern void ext(int); extern int cond(int); extern void alpha(int *), beta(int *);\n"
                           "int a(int k) {{\n"
                           "  if (k < 0) {{ static int n; if (n < 9) {}(&n); return 22; }}\n"
                           "  {}\n"
                           "  if (cond(k)) {{ static int n; if (n < 9) {}(&n); return 5; }}\n"
                           "  return cond(k + 1); }}\n",
                           first, between, second);
    };
    // The number of the variable that is named last before the call, behind its dot in both objects.
    const auto used_before = [](const elf::Object& object, std::string_view callee) {
        std::string last;
        for (const elf::RelocationTable& table : object.relocation_tables()) {
            if (!object.section(table.target).name.starts_with(".text"))
                continue;
            for (const elf::Relocation& relocation : table.entries) {
                const elf::Symbol& symbol = object.symbol(relocation.symbol);
                const std::string name(symbol.is_section() ? object.section(symbol.section).name : symbol.name);
                if (symbol.name == callee)
                    return last;
                if (const size_t dot = name.rfind("n."); dot != std::string::npos)
                    last = name.substr(dot + 2, 1);
            }
        }
        return std::string("not called");
    };
    with_compilers(
        [&](const Compiler& compiler) {
            UnitPair pair(compiler);
            const std::string before = unit("alpha", "beta", "");
            const elf::Object original = elf::Object::open(pair.compile("original", before, {}));
            for (const std::string& after :
                 {unit("alpha", "beta", "if (k > 4096) return 7;"), unit("alpha", "beta", "ext(k);")}) {
                const Outcome outcome = pair.run(before, after);
                REQUIRE(outcome.codes.empty());
                CHECK(outcome.changed() == Names{"a"});
                if (compiler.command != gcc_x86.command)
                    continue; // others name a variable once, and far from the call
                CHECK(used_before(*outcome.output, "alpha") == used_before(original, "alpha"));
                CHECK(used_before(*outcome.output, "beta") == used_before(original, "beta"));
                CHECK(used_before(original, "alpha") != used_before(original, "beta"));
            }
            // The same two, the other way round.
            const std::string chosen =
                "extern void alpha(int), beta(int);\nvoid a(int k) {\n"
                "  if (k) { static int n; alpha(++n); }\n  else { static int n; beta(++n); } }\n";
            const std::string turned = replaced(replaced(replaced(chosen, "(k)", "(!k)"), "alpha(++n)", "beta(++n)"),
                                                "else { static int n; beta", "else { static int n; alpha");
            const Outcome outcome = pair.run(chosen, turned);
            REQUIRE(outcome.codes.empty());
            if (!outcome.diff.nothing_changed) {
                const elf::Object first = elf::Object::open(pair.compile("chosen", chosen, {}));
                CHECK(used_before(*outcome.output, "alpha") == used_before(first, "alpha"));
                CHECK(used_before(*outcome.output, "beta") == used_before(first, "beta"));
            }
            // What is behind the one is behind the other now: are they the same?
            CHECK(pair.run(before, unit("beta", "alpha", "ext(k);")).codes ==
                  Codes{"diff.static-local", "diff.static-local"});
        },
        {gcc_x86, compilers()[2], compilers()[3], compilers()[4]});
}

TEST_CASE("a pool of addresses has its addresses") {
    const std::string unit = "extern void use(const void *, const void *); extern char start[], end[], other[];\n"
                             "asm(\".pushsection .rodata.cst8,\\\"aM\\\",@progbits,8\\n.balign 8\\npool: .quad start, "
                             "end\\n.popsection\");\n"
                             "extern const void *const pool[];\n"
                             "int f(int x) { use(pool[0], pool[1]); return x; }\n";
    UnitPair pair;
    const Outcome moved = pair.run(unit, replaced(unit, "return x", "return x + 1"));
    REQUIRE(moved.codes.empty());
    CHECK((moved.symbol("start") || refers_to_kernel(moved, "pool")));
    CHECK_FALSE(pair.run(unit, replaced(unit, "start, end\\n", "other, end\\n")).diff.nothing_changed);
    // C, on s390x: addresses that no instruction makes.
    const std::string c = "extern void use(const void *, const void *); extern char start[], end[], other[];\n"
                          "int f(int x) { use(start, end); return x; }\n";
    with_compilers(
        [&](const Compiler& compiler) {
            UnitPair s390(compiler);
            const Outcome outcome = s390.run(c, replaced(c, "return x", "return x + 1"));
            REQUIRE(outcome.codes.empty());
            CHECK(outcome.symbol("start"));
            CHECK(s390.run(c, replaced(c, "use(start,", "use(other,")).changed() == Names{"f"});
        },
        {compilers()[4]});
}

TEST_CASE("what the kernel may have stays a question") {
    const std::string unit = "extern int optional(int) __attribute__((weak)); extern void ext(int);\n"
                             "int f(int x) { ext(3); if (optional) return optional(x); return 0; }\n";
    UnitPair pair;
    symbols::Resolution absent;
    absent.kind = symbols::Resolution::Kind::absent;
    pair.resolver.special["optional"] = absent;
    const Outcome outcome = pair.run(unit, replaced(unit, "ext(3)", "ext(4)"));
    REQUIRE(outcome.codes.empty());
    REQUIRE(outcome.symbol("optional"));
    CHECK(outcome.symbol("optional")->is_weak());
}
