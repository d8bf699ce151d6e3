// What must hold for the objects of every compiler and machine.
#include "diff_units.h"
#include "files/files.h"

using namespace klp;
using namespace klp::test;

namespace {

const std::string unit = R"(
typedef unsigned long size_t;
extern int printk(const char *fmt, ...);
extern void use(void *p);
static int counter;
static const char *const names[] = { "zero", "one", "two" };
struct ops { int (*get)(int); const char *name; };
__attribute__((noinline)) static int helper(int x) { counter += x; return counter * 3; }
__attribute__((noinline)) static int table(int x) { return printk("name %s\n", names[x]); }
__attribute__((noinline)) int visit(int x) { static int visits; visits++; return helper(x) + visits; }
int other(int x) { printk("other %d\n", x); return table(x) + 7; }
const struct ops unit_ops = { visit, "unit" };
int pass(void) { use((void *)&unit_ops); use((void *)visit); return visit(2); }
)";

} // namespace

TEST_CASE("a unit is equal to itself") {
    with_compilers([](const Compiler& compiler) {
        UnitPair pair(compiler);
        CHECK(pair.run(unit, unit).diff.nothing_changed);
    });
}

TEST_CASE("one changed function is selected, with its own string and nothing else") {
    with_compilers([](const Compiler& compiler) {
        UnitPair pair(compiler);
        Outcome outcome = pair.run(unit, replaced(unit, "return table(x) + 7", "return table(x) + 9"));
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == std::vector<std::string>{"other"});
        CHECK(outcome.names(diff::Change::added).empty());
        CHECK(outcome.names(diff::Change::included, "string") == std::vector<std::string>{"other %d\n"});
        REQUIRE(outcome.symbol("other"));
        CHECK(outcome.symbol("other")->is_local());
        CHECK_FALSE(outcome.symbol("visit"));
        CHECK(outcome.refers(".text.other", "printk"));
        CHECK(outcome.refers(".text.other", ".klp.ref.vmlinux.vmlinux.table,0"));
        CHECK(outcome.refers(".klp.build.funcs", "other"));
    });
}

TEST_CASE("a changed string changes the function that shows it, wherever the compiler put the others") {
    with_compilers([](const Compiler& compiler) {
        UnitPair pair(compiler);
        Outcome outcome = pair.run(unit, replaced(unit, "\"name %s\\n\"", "\"a much longer name: %s\\n\""));
        CHECK(outcome.changed() == std::vector<std::string>{"table"});
    });
}

TEST_CASE("a static variable keeps its place in the kernel") {
    with_compilers([](const Compiler& compiler) {
        UnitPair pair(compiler);
        Outcome outcome = pair.run(unit, replaced(unit, "counter * 3", "counter * 5"));
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == std::vector<std::string>{"helper"});
        CHECK(outcome.symbol(".klp.ref.vmlinux.vmlinux.counter,0"));
        CHECK_FALSE(outcome.symbol("counter"));
    });
}

TEST_CASE("a static local variable keeps its place though its number moved") {
    with_compilers([](const Compiler& compiler) {
        UnitPair pair(compiler);
        std::string after = replaced(unit, "static int visits; visits++;",
                                     "{ static int fresh; if (fresh++) use(&fresh); } static int visits; visits += 2;");
        Outcome outcome = pair.run(unit, after);
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == std::vector<std::string>{"visit"});
        std::vector<std::string> added = outcome.names(diff::Change::added, "variable");
        REQUIRE(added.size() == 1);
        CHECK(added[0].find("fresh") != std::string::npos);
        bool refers_to_old = false;
        for (const elf::Symbol& symbol : outcome.output->symbols())
            refers_to_old = refers_to_old || (symbol.is_undefined() && symbol.name.find("visits") != std::string::npos);
        CHECK(refers_to_old);
    });
}

TEST_CASE("a new function and a new variable come along") {
    with_compilers([](const Compiler& compiler) {
        UnitPair pair(compiler);
        std::string after = replaced(unit, "int other(int x) {",
                                     "static int fresh_data = 5;\n"
                                     "__attribute__((noinline)) static int fresh(int x) { return fresh_data += x; }\n"
                                     "int other(int x) { x = fresh(x);");
        Outcome outcome = pair.run(unit, after);
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == std::vector<std::string>{"other"});
        CHECK(outcome.names(diff::Change::added) == std::vector<std::string>{"fresh"});
        REQUIRE(outcome.symbol("fresh_data"));
        CHECK(outcome.symbol("fresh_data")->place == elf::Place::section);
    });
}

TEST_CASE("calls go to the new copy, addresses stay those of the kernel") {
    with_compilers([](const Compiler& compiler) {
        UnitPair pair(compiler);
        std::string after = replaced(replaced(unit, "static int visits; visits++;", "static int visits; visits += 3;"),
                                     "return visit(2)", "return visit(4) + visit(5)");
        Outcome outcome = pair.run(unit, after);
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == std::vector<std::string>{"pass", "visit"});
        bool has_address = outcome.symbol(".klp.ref.vmlinux.vmlinux.visit,0") != nullptr;
        CHECK(has_address);
        CHECK(outcome.symbol("visit")->place == elf::Place::section);
    });
}

TEST_CASE("changed data is refused by name") {
    with_compilers([](const Compiler& compiler) {
        UnitPair pair(compiler);
        Outcome outcome = pair.run(unit, replaced(unit, "\"unit\" }", "\"other unit\" }"));
        CHECK(outcome.codes == std::vector<std::string>{"diff.data-changed"});
    });
}

TEST_CASE("a table that only changed functions see travels with them") {
    with_compilers([](const Compiler& compiler) {
        UnitPair pair(compiler);
        Outcome outcome = pair.run(unit, replaced(replaced(unit, "\"two\"", "\"TWO\""), "name %s", "Name %s"));
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == std::vector<std::string>{"table"});
        CHECK_FALSE(outcome.symbol(".klp.ref.vmlinux.vmlinux.names,0"));
        std::vector<std::string> strings = outcome.names(diff::Change::included, "string");
        CHECK(std::ranges::find(strings, "TWO") != strings.end());
    });
}

TEST_CASE("a line number is no change, wherever the compiler takes the source's name from") {
    // The name is loaded once before the loop, the line on the way to the call.
    const std::string source = R"(
extern void __might_resched(const char *file, int line, unsigned int offsets);
extern int step(int *p); extern int flag;
int f(int *p, int n) {
    for (; n > 0; --n) { int r = step(p); if (r < 0) return r; if (flag) return -514; __might_resched("fs/x.c", 705, 0); }
    return 0; }
int g(int *p) { step(p); __might_resched("fs/x.c", 710, 0); return *p; }
)";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        const std::string moved = replaced(replaced(source, "705", "708"), "710", "713");
        CHECK(pair.run(source, moved).diff.nothing_changed);
        CHECK(pair.run(source, replaced(source, "-514", "-515")).changed() == std::vector<std::string>{"f"});
    });
}

TEST_CASE("an entry whose fields count from their own place keeps counting from there") {
    // A jump label with a key of another unit. LoongArch's assembler makes a sum and a difference of each distance.
    const std::string site = R"(
extern int printk(const char *fmt, ...);
extern char other_key;
int before(int x) { asm volatile("1:\n.pushsection __jump_table,\"aw\"\n.balign 8\n"
    ".long 1b - ., 1b - .\n.quad other_key - .\n.popsection"); return x + 2; }
int f(int x) { asm volatile("1:\n.pushsection __jump_table,\"aw\"\n.balign 8\n"
    ".long 1b - ., 1b - .\n.quad other_key - .\n.popsection"); return x * 3; }
)";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        pair.resolver.special["other_key"] = {symbols::Resolution::Kind::livepatch, "vmlinux", 0, true, {}, false, {}};
        Outcome outcome = pair.run(site, replaced(site, "x * 3", "x * 5"));
        REQUIRE(outcome.codes == std::vector<std::string>{});
        CHECK(outcome.changed() == std::vector<std::string>{"f"});
        const elf::Section* table = outcome.output->find_section("__jump_table");
        REQUIRE(table);
        CHECK(table->size == 16);
        bool names_key = false;
        for (const elf::Relocation& relocation : outcome.output->relocations(table->index)) {
            const elf::Symbol& symbol = outcome.output->symbol(relocation.symbol);
            names_key = names_key || (symbol.name == "other_key" && relocation.offset == 8);
            if (symbol.place == elf::Place::section && symbol.section == table->index)
                CHECK(symbol.value + static_cast<uint64_t>(relocation.addend) == relocation.offset);
        }
        CHECK(names_key);
        pair.resolver.special["other_key"] = {symbols::Resolution::Kind::livepatch, "a_module", 0, true, {}, false, {}};
        CHECK(pair.run(site, replaced(site, "x * 3", "x * 5")).codes == std::vector<std::string>{"diff.module-key"});
    });
}

TEST_CASE("the output has the same bytes on every run, and a linker takes it") {
    with_compilers([](const Compiler& compiler) {
        UnitPair pair(compiler);
        std::string after = replaced(unit, "counter * 3", "counter * 5");
        auto a = pair.compile("before", unit, "");
        auto b = pair.compile("after", after, "");
        std::vector<std::byte> first = pair.run_files(a, b).diff.output.bytes();
        CHECK(first == pair.run_files(a, b).diff.output.bytes());
        std::filesystem::path file = pair.scratch().path() / "out.o";
        files::write(file, first);
        if (std::string_view(compiler.machine) == "x86_64")
            run("ld -r " + file.string() + " -o " + file.string() + ".linked");
    });
}

TEST_CASE("new content of read-only data changes its users on every machine") {
    const std::string source = R"(
extern int use(const void *);
int f(int x) { static const char __msg[] = "the old message"; return use(__msg) + x; }
static const int values[] = { 3, 1, 4, 1, 5, 9, 2, 6 };
int g(int x) { return values[x & 7]; }
int h(int x) { return use("other") - x; }
)";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        Outcome outcome = pair.run(source, replaced(source, "old", "new"));
        REQUIRE(outcome.codes == std::vector<std::string>{});
        CHECK(outcome.changed() == std::vector<std::string>{"f"});
        outcome = pair.run(source, replaced(source, "5, 9", "5, 8"));
        REQUIRE(outcome.codes == std::vector<std::string>{});
        CHECK(outcome.changed() == std::vector<std::string>{"g"});
    });
}

TEST_CASE("a switch brings its tables, and another function's stay") {
    const std::string source = R"(
extern int one(int), two(int), three(int), four(int), five(int);
#define TABLE(x) switch (x) { case 0: return one(x); case 1: return two(x + 1); case 2: return three(x + 2); \
    case 3: return four(x + 3); case 4: return five(x + 4); case 5: return one(x + 5); } return 0;
int f(int x) { one(10); TABLE(x) }
int g(int x) { one(20); TABLE(x) }
int h(int x) { switch (x) { case 0: return 11; case 1: return 200; case 2: return 35; case 3: return 4711; case 4: return 5; } return 0; }
)";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        CHECK(pair.run(source, source).diff.nothing_changed);
        Outcome outcome = pair.run(source, replaced(source, "one(10)", "one(11)"));
        REQUIRE(outcome.codes == std::vector<std::string>{});
        CHECK(outcome.changed() == std::vector<std::string>{"f"});
        CHECK(pair.run(source, replaced(source, "case 2: return three(x + 2)", "case 2: return three(x + 7)"))
                  .changed() == std::vector<std::string>{"f", "g"});
        CHECK(pair.run(source, replaced(source, "4711", "4712")).changed() == std::vector<std::string>{"h"});
    });
}

TEST_CASE("checks of undefined behaviour: their lines are no change on any machine") {
    const std::string source = "int f(int x, int y) { return x << y; }\nint g(int x, int y) { return 5 * (x << y); }\n";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        CHECK(pair.run(source, "\n\n\n" + source, "-fsanitize=shift").diff.nothing_changed);
        CHECK(pair.run(source, replaced(source, "5 *", "7 *"), "-fsanitize=shift").changed() ==
              std::vector<std::string>{"g"});
    });
}

TEST_CASE("a static local keeps its value, and one that goes is refused, on every machine") {
    const std::string source =
        "extern int next(void);\nint f(int x) { static int count; return count += next() * x; }\n"
        "int g(int x) { static int count; return count -= next() * x; }\n";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        Outcome outcome = pair.run(source, replaced(source, "count -= next()", "count -= 3 + next()"));
        REQUIRE(outcome.codes == std::vector<std::string>{});
        CHECK(outcome.changed() == std::vector<std::string>{"g"});
        for (const diff::Item& item : outcome.diff.items)
            CHECK(item.kind != "variable");
        CHECK(pair.run(source, replaced(source, "static int count; return count -= next()", "return next()")).codes ==
              std::vector<std::string>{"diff.static-local-removed"});
    });
}
