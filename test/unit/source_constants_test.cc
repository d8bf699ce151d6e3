#include "source/constant_uses.h"
#include "source/constants.h"

#include <doctest/doctest.h>

using namespace klp::source;

namespace {

// "NAME before after" of each.
std::vector<std::string> changed(std::string_view before, std::string_view after) {
    std::vector<std::string> result;
    for (const ChangedConstant& constant : changed_constants(before, after))
        result.push_back(constant.name + " " + constant.before + " " + constant.after);
    return result;
}

using Said = std::vector<std::string>;
using Members = std::set<std::string>;

ConstantUses uses_in(std::string_view text) {
    ConstantUses uses;
    add_uses(text, "BUSY", uses);
    return uses;
}

Members stored(std::string_view text) {
    return uses_in(text).stored;
}
Members tested(std::string_view text) {
    return uses_in(text).tested;
}

const Members state = {"state"}, none = {};

} // namespace

TEST_CASE("a macro with another value is a changed constant, one that is spelled otherwise is not") {
    CHECK(changed("#define BUSY 3\n", "#define BUSY 4\n") == Said{"BUSY 3 4"});
    CHECK(changed("#define BUSY (1UL << 4)\n", "#define BUSY BIT(4)\n").empty());
    CHECK(changed("#define BUSY 0x10\n", "#define BUSY 16 /* more */\n").empty());
    CHECK(changed("#define BUSY(x) 3\n", "#define BUSY(x) 4\n").empty());
    CHECK(changed("", "#define BUSY 4\n").empty());
    CHECK(changed("#define BUSY 4\n", "").empty());
    CHECK(changed("#define BUSY other\n", "#define BUSY another\n") == Said{"BUSY other another"});
    CHECK(changed("#define BUSY ((void *)-1L)\n", "#define BUSY ((void *)-2L)\n") ==
          Said{"BUSY ((void *)-1L) ((void *)-2L)"});
}

TEST_CASE("a macro made of a changed one has changed with it") {
    CHECK(changed("#define BIT_NUMBER 3\n#define BUSY (1 << BIT_NUMBER)\n#define REST 5\n",
                  "#define BIT_NUMBER 4\n#define BUSY (1 << BIT_NUMBER)\n#define REST 5\n") ==
          Said{"BIT_NUMBER 3 4", "BUSY 8 16"});
    // One whose value is known to the compiler of the kernel only.
    CHECK(changed("#define HEAD 4\n#define ALL (HEAD + sizeof(struct s))\n#define OTHER sizeof(struct s)\n",
                  "#define HEAD 8\n#define ALL (HEAD + sizeof(struct s))\n#define OTHER sizeof(struct s)\n") ==
          Said{"ALL (HEAD + sizeof(struct s)), HEAD being 4 (HEAD + sizeof(struct s)), HEAD being 8", "HEAD 4 8"});
    CHECK(changed("#define HEAD 4\n#define ALL (HEAD + sizeof(struct s))\n",
                  "#define HEAD BIT(2)\n#define ALL (HEAD + sizeof(struct s))\n")
              .empty());
}

TEST_CASE("the line is that of the definition") {
    const auto found = changed_constants("#define BUSY 3\n", "/* a\n b */\n#define A \\\n 1\n#define BUSY 4\nint x;\n");
    REQUIRE(found.size() == 1);
    CHECK(found[0].line == 5);
}

TEST_CASE("what is assigned to a member is stored") {
    for (const char* text :
         {"a->state = BUSY;", "a.b.state = c ? IDLE : BUSY;", "a->state |= x | BUSY;",
          "struct a a = { .name = \"x\", .state = BUSY };", "WRITE_ONCE(a->state, BUSY);", "set_bit(BUSY, &a->state);",
          "atomic_set(&a->b->state, (BUSY));", "a->other = 1; a->state = (u8)(BUSY | 2);"}) {
        INFO(text);
        CHECK(stored(text) == state);
    }
}

TEST_CASE("what a member is compared with or masked by is tested") {
    for (const char* text :
         {"if (a->state == BUSY) f();", "if (BUSY != READ_ONCE(a->state)) f();", "return a->state & BUSY;",
          "if (x && !(a.state & (BUSY | 4))) f();", "a->state &= ~BUSY;", "return test_bit(BUSY, &a->state);",
          "switch (a->state) { case IDLE: break; case BUSY: f(); }",
          "if (x || smp_load_acquire(&a->state) == BUSY) f();"}) {
        INFO(text);
        CHECK(tested(text) == state);
        CHECK(stored(text) == none);
    }
}

TEST_CASE("limits, sizes, local variables, arguments, other members are neither") {
    for (const char* text :
         {"if (a->state < BUSY) f();", "int x[BUSY];", "x = BUSY;", "if (x == BUSY) f();", "f(a->state, BUSY);",
          "a->state = x * f(BUSY);", "struct a a = { .state = 1, BUSY };", "a->BUSY = a->state;",
          "/* a->state = BUSY */", "x = a->state == 1 ? BUSY : 2;", "switch (x) { case BUSY: break; }",
          "a->state = x; f(BUSY);", "#define SET(a) a->state = BUSY\n", "return f(&a->state) || x == BUSY;"}) {
        INFO(text);
        CHECK(stored(text) == none);
        CHECK(tested(text) == none);
    }
}

TEST_CASE("the length of a bitmap or a buffer is neither stored nor tested") {
    const std::string in_function = "void f(struct s *x) { ";
    CHECK(stored(in_function + "bitmap_set(x->mask, 0, BUSY); memset(x->name, 0, BUSY); }").empty());
    CHECK(tested(in_function + "bitmap_clear(x->mask, 0, BUSY); }").empty());
    CHECK(stored(in_function + "set_bit(BUSY, &x->mask); }") == Members{"mask"});
}

TEST_CASE("a static variable holds a constant as a member does") {
    const std::string flags = "static unsigned long flags; void f(void) { int own; ";
    CHECK(stored(flags + "set_bit(BUSY, &flags); }") == Members{"flags"});
    CHECK(tested(flags + "if (test_and_clear_bit(BUSY, &flags)) g(); }") == Members{"flags"});
    CHECK(tested(flags + "if (flags & BUSY) g(); }") == Members{"flags"});
    CHECK(stored(flags + "own = BUSY; }").empty());
    CHECK(tested("static const int table = 3; int f(void) { return table == BUSY; }").empty());
}

TEST_CASE("how much of a member is written") {
    const auto filled = [](const char* text) {
        ConstantUses uses;
        add_uses(text, "BUSY", uses);
        return uses.filled;
    };
    CHECK(filled("bitmap_clear(a->state, 0, BUSY);") == state);
    CHECK(filled("memset(a->state, 0, 2 * BUSY);") == state);
    CHECK(filled("n = bitmap_weight(a->state, BUSY);") == none);
    CHECK(filled("copy(a->state, 0, BUSY);") == none);
}
