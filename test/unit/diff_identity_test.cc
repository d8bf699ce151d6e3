// What a reference means, and what makes a variable the same variable.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

const std::string named = "#define NAMED __attribute__((section(\".data..read_mostly\")))\nextern void use(int *);\n";

// Where a relocation of `section` in the output leads that is neither a call nor to another section of code.
std::vector<std::pair<std::string, int64_t>> data_targets(const Outcome& outcome, std::string_view section) {
    std::vector<std::pair<std::string, int64_t>> result;
    for (const elf::RelocationTable& table : outcome.output->relocation_tables()) {
        if (!outcome.output->section(table.target).name.starts_with(section))
            continue;
        for (const elf::Relocation& relocation : table.entries) {
            const elf::Symbol& symbol = outcome.output->symbol(relocation.symbol);
            if (symbol.place == elf::Place::section && !outcome.output->section(symbol.section).is_code())
                result.emplace_back(symbol.is_section() ? outcome.output->section(symbol.section).name : symbol.name,
                                    relocation.addend);
        }
    }
    return result;
}

bool has_code(const Outcome& outcome, std::string_view code) {
    return std::ranges::find(outcome.codes, code) != outcome.codes.end();
}

} // namespace

TEST_CASE("the end of a new array is not the kernel's variable behind it") {
    for (const Compiler& compiler : {gcc_x86, clang_x86()}) {
        CAPTURE(compiler.command);
        UnitPair pair(compiler);
        const std::string before = named +
                                   "static int old[64] NAMED = {1, 2};\nint g(int i) { use(old); return old[i & 63]; "
                                   "}\nint f(void) { return 0; }\n";
        const std::string after = replaced(replaced(before, "int g(", "static int fresh[64] NAMED = {9, 8};\nint g("),
                                           "return 0;", "for (int i = 0; i < 64; i++) use(&fresh[i]); return 1;");
        Outcome outcome = pair.run(before, after);
        REQUIRE(outcome.codes == Codes{});
        CHECK_FALSE(outcome.refers(".text.f", ".klp.ref.vmlinux.vmlinux.old,0"));
        REQUIRE_FALSE(data_targets(outcome, ".text.f").empty());
        for (const auto& [section, addend] : data_targets(outcome, ".text.f"))
            CHECK((addend == 0 || addend == 256));
    }
}

TEST_CASE("where nobody can say which of two is meant, and they lead to different places, that is refused") {
    UnitPair pair;
    const std::string before = named +
                               "static int old[64] NAMED = {1, 2};\nint g(int i) { use(old); return old[i & 63]; }\n"
                               "int f(int *p) { return 0; }\n";
    // Is it the end of `fresh` or the beginning of `old` that is passed?
    const std::string after = replaced(replaced(before, "int g(", "static int fresh[64] NAMED = {9, 8};\nint g("),
                                       "return 0;", "use(&fresh[64]); use(fresh); return 1;");
    Outcome outcome = pair.run(before, after);
    if (outcome.codes.empty()) { // the compiler put them the other way round: nothing is behind `fresh`
        CHECK_FALSE(outcome.refers(".text.f", ".klp.ref.vmlinux.vmlinux.old,0"));
    } else {
        CHECK(outcome.codes == Codes{"diff.ambiguous-reference"});
    }
}

TEST_CASE("a string keeps its end, whatever comes behind it") {
    for (const Compiler& compiler : {gcc_x86}) { // Clang makes 17 constants of it
        UnitPair pair(compiler);
        const std::string before = "extern void use(char);\nvoid f(int n) { use('x'); }\n";
        const std::string after = "extern void use(char);\nvoid f(int n) { for (unsigned i = 0; i < "
                                  "sizeof(\"0123456789abcdef\"); i++) use(\"0123456789abcdef\"[i]); }\n";
        Outcome outcome = pair.run(before, after);
        REQUIRE(outcome.codes == Codes{});
        const auto targets = data_targets(outcome, ".text.f");
        REQUIRE_FALSE(targets.empty());
        for (const auto& [section, addend] : targets) {
            CHECK(section.starts_with(".rodata"));
            CHECK(addend >= -1);
            CHECK(addend <= 17);
        }
        bool has_text = false;
        for (const elf::Section& section : outcome.output->sections())
            has_text = has_text || std::string_view(reinterpret_cast<const char*>(section.data.data()),
                                                    section.data.size()) == std::string_view("0123456789abcdef\0", 17);
        CHECK(has_text);
    }
}

TEST_CASE("strings that a loop walks from one into the next stay neighbours") {
    UnitPair pair;
    const std::string before = "extern void use(const char *);\nint f(void) { return 0; }\n";
    const std::string after =
        "extern void use(const char *);\nint f(void) { static const char *const all[] = {\"first\", \"second\"};\n"
        "    for (const char *p = \"first\"; p != \"first\" + sizeof(\"first\"); p++) use(p);\n"
        "    use(\"second\"); return 1; }\n";
    Outcome outcome = pair.run(before, after);
    REQUIRE(outcome.codes == Codes{});
    std::string text;
    for (const elf::Section& section : outcome.output->sections())
        if (section.name.starts_with(".rodata") && section.data.size() > 6)
            text.assign(reinterpret_cast<const char*>(section.data.data()), section.data.size());
    CHECK(text.find(std::string("first\0second", 12)) != std::string::npos);
}

TEST_CASE("another kind of storage is another variable") {
    struct Change {
        const char* name;
        const char* before;
        const char* after;
        bool is_refused;
    };
    const std::vector<Change> changes = {
        {"becomes per-cpu", "static int v = 1;", "static int v __attribute__((section(\".data..percpu\"))) = 1;", true},
        {"was per-cpu", "static int v __attribute__((section(\".data..percpu\"))) = 1;", "static int v = 1;", true},
        {"const dropped", "static const int v = 1;", "static int v = 1;", true},
        {"const added", "static int v = 1;", "static const int v = 1;", false},
        {"was written in init only", "static int v __attribute__((section(\".data..ro_after_init\"))) = 1;",
         "static int v = 1;", true},
        {"is written in init only", "static int v = 1;",
         "static int v __attribute__((section(\".data..ro_after_init\"))) = 1;", false},
        {"more aligned", "static int v = 1;", "static int v __attribute__((aligned(64))) = 1;", true},
        {"less aligned", "static int v __attribute__((aligned(64))) = 1;", "static int v = 1;", false},
        {"read mostly", "static int v = 1;", "static int v __attribute__((section(\".data..read_mostly\"))) = 1;",
         false},
        {"in a table", "static int v = 1;", "static int v __attribute__((section(\"my_table\"))) = 1;", true},
    };
    for (const Change& change : changes) {
        CAPTURE(std::string(change.name));
        UnitPair pair;
        auto unit = [](const char* variable, const char* sum) {
            return std::string("extern int use(const volatile int *);\n") + variable +
                   "\nint f(int x) { return use(&v) + x " + sum + "; }\nint g(int x) { return x; }\n";
        };
        CHECK(has_code(pair.run(unit(change.before, ""), unit(change.after, "+ 1")), "diff.storage-changed") ==
              change.is_refused);
        // Who goes by its address only has the same code: the running kernel's variable is not what the patch wants.
        const std::string unrelated = replaced(unit(change.after, ""), "return x;", "return x + 7;");
        const bool is_alignment = std::string_view(change.name) == "more aligned";
        const Outcome other = pair.run(unit(change.before, ""), unrelated);
        CHECK(has_code(other, "diff.storage-changed") == (change.is_refused && !is_alignment));
        CHECK(other.has_finding("diff.alignment-kept") == is_alignment);
        const Outcome alone = pair.run(unit(change.before, ""), unit(change.after, ""));
        CHECK(has_code(alone, "diff.storage-changed") == (change.is_refused && !is_alignment));
        if (is_alignment)
            CHECK_FALSE(diff::changes_without_effect(alone.diff.findings).empty());
    }
}

TEST_CASE("what was gone after the start comes along when the patch needs it later") {
    UnitPair pair;
    const std::string before =
        "#define __init __attribute__((section(\".init.text\")))\nextern int hw_probe(int);\n"
        "static int __attribute__((section(\".init.data\"))) tries = 3;\n"
        "static int __init __attribute__((noinline)) setup(int x) { return hw_probe(x) + tries++; }\n"
        "int __init start(void) { return setup(1) + setup(2); }\nint resume(int x) { return x + 1; }\n";
    const std::string after = replaced(
        replaced(replaced(before, "static int __init", "static int"), "return x + 1", "setup(x); return x + 1"),
        "__attribute__((section(\".init.data\"))) tries", "tries");
    Outcome outcome = pair.run(before, after);
    REQUIRE(outcome.codes == Codes{});
    CHECK(outcome.changed() == Names{"resume"});
    CHECK(outcome.names(diff::Change::added) == Names{"setup"});
    CHECK(outcome.names(diff::Change::added, "variable") == Names{"tries"});
}

TEST_CASE("patched code that calls what is gone after the start brings its own") {
    UnitPair pair;
    const std::string before = "#define __init __attribute__((section(\".init.text\")))\n"
                               "static int __attribute__((section(\".init.data\"))) tries = 3;\n"
                               "int __init __attribute__((noinline)) list(int x) { return x + tries++; }\n"
                               "int __init start(void) { return list(1); }\nint show(int x) { return x + 1; }\n";
    Outcome outcome = pair.run(before, replaced(before, "return x + 1", "return list(x) + 1"));
    REQUIRE(outcome.codes == Codes{});
    CHECK(outcome.changed() == Names{"show"});
    CHECK(outcome.refers(".text.show", "list"));
    for (const elf::Section& section : outcome.output->sections())
        CHECK_FALSE(section.name.starts_with(".init"));
}

TEST_CASE("of two names that Clang gives, the one without a number is no surer") {
    if (!is_installed(clang_x86())) {
        MESSAGE("skipped: clang-19 is not installed");
        return;
    }
    // The branches change places, and the two variables their names: account.count and account.count.1.
    const std::string before = "extern void out(unsigned, unsigned long);\nunsigned account(unsigned fast) {\n"
                               "    fast &= 1;\n    if (fast) { static int count; out(1, ++count); }\n"
                               "    else { static int count; out(2, count += 10); }\n    return 0; }\n";
    const std::string after = "extern void out(unsigned, unsigned long);\nunsigned account(unsigned fast) {\n"
                              "    fast &= 1;\n    if (!fast) { static int count; out(2, count += 10); }\n"
                              "    else { static int count; out(1, ++count); }\n    return 0; }\n";
    UnitPair pair(clang_x86());
    const Outcome outcome = pair.run(before, after);
    CHECK((has_code(outcome, "diff.static-local") || outcome.diff.nothing_changed));
}

TEST_CASE("two static locals of one name are told apart by the code around them, or not at all") {
    UnitPair pair;
    const std::string unit = "extern void slow(int), fast(int), log(int);\nvoid account(int x) {\n"
                             "    if (x) { static int count; fast(++count); FIRST }\n"
                             "    else { static int count; slow(++count); SECOND }\n}\n";
    auto with = [&](const char* first, const char* second) {
        return replaced(replaced(unit, "FIRST", first), "SECOND", second);
    };
    // Something is added behind both uses: each is where it was.
    Outcome outcome = pair.run(with("", ""), with("log(x);", ""));
    CHECK((outcome.codes.empty() || has_code(outcome, "diff.static-local")));
    if (outcome.codes.empty())
        for (const diff::Item& item : outcome.diff.items)
            CHECK(item.kind != "variable");
    // Their sizes tell.
    const std::string sizes = "extern void slow(int), fast(int);\nvoid account(int x) {\n"
                              "    if (x) { static int count; fast(++count); }\n"
                              "    else { static long count; slow(++count); }\n}\n";
    const std::string turned_sizes = "extern void slow(int), fast(int);\nvoid account(int x) {\n"
                                     "    if (!x) { static long count; slow(++count); }\n"
                                     "    else { static int count; fast(count += 2); }\n}\n";
    outcome = pair.run(sizes, turned_sizes);
    REQUIRE(outcome.codes == Codes{});
    for (const diff::Item& item : outcome.diff.items)
        CHECK(item.kind != "variable");
}

TEST_CASE("a read-only table whose address is an identity cannot be copied") {
    const std::string unit =
        "struct ops { int (*read)(void); int (*write)(void); };\n"
        "extern int first(void), second(void), third(void); extern void keep(const struct ops *);\n"
        "struct file { const struct ops *ops; };\n"
        "struct user { int (*attach)(struct user *, const struct ops *); };\n"
        "static const struct ops table = { first, second };\n";
    const std::vector<std::pair<std::string, std::string>> uses = {
        {"compared", "int f(struct file *p) { return p->ops == &table; }\n"},
        {"stored", "void f(struct file *p) { p->ops = &table; }\n"},
        {"passed", "void f(void) { keep(&table); }\n"},
        {"returned", "const struct ops *f(void) { return &table; }\n"},
        {"returned as a number", "unsigned long f(int x) { return x ? (unsigned long)&table : 0; }\n"},
        {"passed to its own operation",
         "struct user_ops { int (*show)(struct user *, const void *); };\n"
         "int f(struct user *u, int i) { const struct user_ops *ops = (const void *)&table; "
         "return ops[i & 1].show(u, &ops[i & 1]); }\n"},
        {"passed to an operation", "int f(struct user *u) { return u->attach(u, &table); }\n"},
        {"compared in memory", "int f(struct file *p) { const struct ops *old = &table; return "
                               "__atomic_compare_exchange_n(&p->ops, &old, 0, 0, 5, 5); }\n"},
        {"mixed", "long f(struct file *p) { return ((long)p->ops ^ (long)&table) * 7; }\n"},
        {"one of several", "int f(struct file *p) { return (unsigned long)p->ops - (unsigned long)&table < 16; }\n"},
        {"in data", "const struct ops *const list[] = { &table };\nint f(int i) { return list[i]->read(); }\n"},
    };
    with_compilers([&](const Compiler& compiler) {
        for (const auto& [name, use] : uses) {
            CAPTURE(name);
            UnitPair pair(compiler);
            for (const char* debug : {"-g0", "-g1", "-g"})
                CHECK(pair.run(unit + use, replaced(unit, "first, second }", "first, third }") + use, debug).codes ==
                      Codes{"diff.data-changed"});
        }
    });
    // Only its content counts: whoever reads it may have a copy.
    const std::string read =
        "int f(int i) { const int (*const *p)(void) = (const void *)&table; return ((int (*)(int))p[i])(i); }\n";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        Outcome outcome = pair.run(unit + read, replaced(unit, "first, second }", "first, third }") + read);
        REQUIRE(outcome.codes == Codes{});
        CHECK(outcome.changed() == Names{"f"});
    });
}

TEST_CASE("who returns nothing, or a number, does not return an address that is left in the register") {
    const std::string unit = "extern void use(int);\nstatic const int table[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };\n"
                             "static __attribute__((noinline)) void show(const int *row, int i) { use(row[i & 7]); }\n"
                             "int state;\n"
                             "static __attribute__((noinline)) void step(const int *row) { state = row[state & 7]; }\n"
                             "void f(int i) { show(table, i); step(table); }\n"
                             "int walk(void) { int all = 0; for (const int *p = table; p != table + 8; p++) all = all "
                             "* 3 + *p; return all; }\n"
                             "void g(const int *row, int i) { show(row, i); step(row); }\n";
    const std::string kept =
        replaced(unit, "void f(int i) {", "const int *find(int i) { return &table[i & 7]; }\nvoid f(int i) {");
    with_compilers([&](const Compiler& compiler) {
        if (std::string_view(compiler.machine) == "ppc64le") // by way of .toc, see above
            return;
        UnitPair pair(compiler);
        CHECK(pair.run(unit, replaced(unit, "7, 8 }", "7, 9 }"), "-g").codes == Codes{});
        CHECK(pair.run(kept, replaced(kept, "7, 8 }", "7, 9 }"), "-g").codes == Codes{"diff.data-changed"});
    });
}

TEST_CASE("a description that names operations is as well kept as they are") {
    const std::string unit = "struct ops { int (*run)(int); }; struct chip { const struct ops *ops; int flags; };\n"
                             "extern int attach(const struct chip *); static int run(int x) { return x; }\n"
                             "static const struct ops ops = { run };\nstatic const struct chip chip = { &ops, 1 };\n"
                             "int f(void) { return attach(&chip); }\n";
    with_compilers([&](const Compiler& compiler) {
        CHECK(UnitPair(compiler).run(unit, replaced(unit, "&ops, 1", "&ops, 3")).codes == Codes{"diff.data-changed"});
    });
}

TEST_CASE("a table of numbers may be copied unless its address is compared or kept") {
    const std::string unit = "struct file { const int *row; };\nextern int sum(const int *, int);\n"
                             "static const int table[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };\n";
    const std::string other = replaced(unit, "7, 8 }", "7, 9 }");
    const std::vector<std::pair<std::string, std::string>> uses = {
        {"compared", "int f(struct file *p) { return p->row == table; }\n"},
        {"compared unless it is none",
         "extern void none(int);\nint f(struct file *p, int x) { const int *row; if (x > 4) "
         "row = p->row; else { none(x); row = 0; } __asm__ volatile(\"\" : \"+r\"(row)); "
         "return row == table + 1; }\n"},
        {"index of what somebody set", "int f(struct file *p) { return (p->row - table) * 3; }\n"},
        {"walked from what a caller has", "int f(const int *p) { int n = 0; do n += *p; while (++p != table + 8); "
                                          "return n; }\n"},
        {"element stored", "void f(struct file *p, int i) { p->row = &table[i]; }\n"},
        {"returned", "const int *f(int i) { return i < 8 ? &table[i] : 0; }\n"},
        {"kept by a part of the unit", "static __attribute__((noinline)) void keep(struct file *p, const int *row) "
                                       "{ p->row = row; }\nvoid f(struct file *p) { keep(p, table); }\n"
                                       "void g(struct file *p, const int *row) { keep(p, row); }\n"},
        {"by way of another table", "static const int *const all[] = { 0, table };\n"
                                    "void f(struct file *p, int i) { p->row = all[i & 1]; }\n"},
    };
    const std::vector<std::pair<std::string, std::string>> harmless = {
        {"read", "int f(int i) { return table[i & 7]; }\n"},
        {"counted from its end", "int f(const struct file *p) { return table[7 - (p->row[0] & 7)] + 3; }\n"},
        {"searched by halves", "int f(int x) { const int *low = table, *high = table + 7; while (low <= high) { const "
                               "int *middle = low + (high "
                               "- low) / 2; if (*middle == x) return 1; if (*middle < x) low = middle + 1; else high = "
                               "middle - 1; } return 0; "
                               "}\n"},
        {"passed to the kernel", "int f(void) { return sum(table, 8); }\n"},
        {"index of what was found in it", "extern const int *find(int, const int *, int);\n"
                                          "int f(int x) { return (find(x, table, 8) - table) * 3; }\n"},
        {"read by a part of the unit",
         "static __attribute__((noinline)) int first(const int *row) { return row[7] * 3; }\n"
         "int f(void) { return first(table) + 1; }\nint g(int *row) { return first(row) + 2; }\n"},
        {"numbers beside it",
         "static const struct entry { unsigned long size; const int *row; const char *name; } all[] = { "
         "{ 7, table, \"a\" }, { 9, 0, \"b\" } };\n"
         "unsigned long f(struct file *p, int i) { p->row = 0; ((const char **)p)[1] = all[i & 1].name; "
         "return all[i & 1].size + all[i & 1].row[7]; }\n"},
        {"read by way of another table", "static const int *const all[] = { 0, table };\n"
                                         "int f(int i) { return all[i & 1][7]; }\n"},
        {"walked", "int f(void) { int all = 0; for (const int *p = table; p != table + 8; p++) all = all * 3 + *p; "
                   "return all; }\n"},
    };
    with_compilers([&](const Compiler& compiler) {
        for (const auto& [name, use] : uses) {
            CAPTURE(name);
            CHECK(UnitPair(compiler).run(unit + use, other + use).codes == Codes{"diff.data-changed"});
        }
        for (const auto& [name, use] : harmless) {
            // GCC for ppc64 has the address before the table in .toc, and who gets it from there is not followed.
            if ((name == "walked" || name == "searched by halves") &&
                std::string_view(compiler.command) == "powerpc64le-linux-gnu-gcc")
                continue;
            CAPTURE(name);
            CHECK(UnitPair(compiler).run(unit + use, other + use, "-g").codes == Codes{});
        }
    });
}

TEST_CASE("a loop that ends at a table's end does not compare its address with another's") {
    for (const Compiler& compiler : {gcc_x86, clang_x86()}) {
        CAPTURE(compiler.command);
        UnitPair pair(compiler);
        const std::string unit =
            "static const unsigned short state[8] = {54, 134, 52, 157, 247, 169, 34, 109};\n"
            "unsigned sum(unsigned a) { unsigned i, s = 0; for (i = 0; i < 8; i++) s += state[i] ^ "
            "a; return s; }\n";
        Outcome outcome = pair.run(unit, replaced(unit, "247", "248"));
        REQUIRE(outcome.codes == Codes{});
        CHECK(outcome.changed() == Names{"sum"});
    }
}

TEST_CASE("statements that change places do not exchange what they write") {
    // Clang takes the structure apart and numbers the parts by their use.
    if (!is_installed(clang_x86())) {
        MESSAGE("skipped: clang-19 is not installed");
        return;
    }
    UnitPair pair(clang_x86());
    const std::string unit = "extern void out(unsigned, unsigned long);\nstatic struct { unsigned a, b, c; } s;\n"
                             "void set(unsigned x, unsigned y, unsigned n) { if (n) s.a = x; s.b = y; }\n"
                             "void get(void) { out(1, s.a); out(2, s.b); }\n";
    const std::string after = replaced(replaced(unit, "if (n) s.a = x; s.b = y;", "s.b = y; if (n) s.a = x;"),
                                       "out(1, s.a); out(2, s.b);", "out(2, s.b); out(1, s.a);");
    CHECK(has_code(pair.run(unit, after), "diff.static-local"));
}

TEST_CASE("a weak function in whose place the kernel has another one cannot be changed") {
    UnitPair pair;
    const std::string unit =
        "__attribute__((weak)) int f(int x) { return x + 1; }\nint g(int x) { return f(x) * 2; }\n";
    symbols::Resolution other{symbols::Resolution::Kind::livepatch, "vmlinux", 0, true, {}, false, {}};
    other.is_overridden = true;
    pair.resolver.special["f"] = other;
    CHECK(pair.run(unit, replaced(unit, "x + 1", "x + 2")).codes == Codes{"diff.weak-overridden"});
    CHECK(pair.run(unit, replaced(unit, "* 2", "* 3")).changed() == Names{"g"});
}

TEST_CASE("a table of numbers may be passed on as a copy") {
    UnitPair pair;
    const std::string unit = "extern int send(const void *, int);\nint report(int n) { static const unsigned char "
                             "descriptor[] = { 5, 1, 9, 2 }; return send(descriptor, n); }\n";
    Outcome outcome = pair.run(unit, replaced(unit, "9, 2", "9, 6"));
    REQUIRE(outcome.codes == Codes{});
    CHECK(outcome.changed() == Names{"report"});
}

TEST_CASE("boot code's data is gone when patched code runs") {
    const std::string unit = "static int v __attribute__((section(\".init.data\"))) = 1;\n"
                             "static const int c __attribute__((section(\".init.rodata\"))) = 3;\n"
                             "extern int use(const volatile int *);\n"
                             "__attribute__((section(\".init.text\"))) int boot(void) { return use(&v) + use(&c); }\n"
                             "int f(int x) { return use(0) + x; }\n";
    UnitPair pair;
    CHECK(pair.run(unit, replaced(unit, "use(0)", "use(&v)")).has_finding("diff.init-data"));
    // A constant is the same in a copy; and who does not refer to either does not care.
    CHECK_FALSE(pair.run(unit, replaced(unit, "use(0)", "use(&c)")).has_finding("diff.init-data"));
    CHECK_FALSE(pair.run(unit, replaced(unit, "+ x", "- x")).has_finding("diff.init-data"));
}
