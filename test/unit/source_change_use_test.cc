// Whether a unit uses what changes in a header that it reads.
#include "compile.h"
#include "source/change_use.h"
#include "source/unexpanded_use.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace klp::source;
namespace fs = std::filesystem;

namespace {

class Folder {
public:
    CompileCommand write(const std::string& side, const std::string& header, const std::string& unit) const {
        fs::create_directories(place_.path() / side);
        std::ofstream(place_.path() / side / "head.h") << header;
        std::ofstream(place_.path() / side / "unit.c") << "#include \"head.h\"\n" << unit;
        const std::string file = (place_.path() / side / "unit.c").string();
        const std::string map = "-fmacro-prefix-map=" + (place_.path() / side).string() + "/=";
        return {place_.path().string(), file, {"gcc", "-std=gnu11", map, "-c", "-o", "x.o", file}};
    }

private:
    klp::test::ScratchDirectory place_;
};

const UnitReader reader({"head.h"});

struct Sides {
    ReadUnit before, after;
};

// The unit as both ways of reading have it.
struct Case {
    Sides expanded;
    bool is_surely_unused = false;
};

Case read(const std::string& before, const std::string& after, const std::string& unit) {
    const Folder folder;
    const CompileCommand old_side = folder.write("before", before, unit), new_side = folder.write("after", after, unit);
    const auto old_unit = reader.read(old_side), new_unit = reader.read(new_side);
    const auto old_text = reader.read_unexpanded(old_side), new_text = reader.read_unexpanded(new_side);
    REQUIRE(old_unit);
    REQUIRE(new_unit);
    REQUIRE(old_text);
    REQUIRE(new_text);
    return {{*old_unit, *new_unit}, is_surely_unused(*old_text, *new_text)};
}

// The quick answer is never another one where it says no.
bool uses(const std::string& before, const std::string& after, const std::string& unit) {
    const Case both = read(before, after, unit);
    const bool is_used = uses_change(both.expanded.before, both.expanded.after);
    CHECK_FALSE((is_used && both.is_surely_unused));
    return is_used;
}

bool is_quick(const std::string& before, const std::string& after, const std::string& unit) {
    const Case both = read(before, after, unit);
    CHECK_FALSE(uses_change(both.expanded.before, both.expanded.after));
    return both.is_surely_unused;
}

// An inline function gets another body.
bool uses_function(const std::string& more, const std::string& unit) {
    const std::string head = "static inline int f(void) { return ", tail = "; }\n" + more;
    return uses(head + "1" + tail, head + "2" + tail, unit);
}

const std::string old_type = "struct s { int a; };\n", new_type = "struct s { long n; int a; };\n";

bool uses_type(const std::string& more, const std::string& unit) {
    return uses(old_type + more, new_type + more, unit);
}

} // namespace

TEST_CASE("uses of a change: an inline function is used by whom it is called from, and by nobody else") {
    CHECK(uses_function("", "int h(void) { return f(); }"));
    CHECK_FALSE(uses_function("", "int h(void) { return 1; }"));
    CHECK(uses_function("static inline int g(void) { return f(); }", "int h(void) { return g(); }"));
    CHECK_FALSE(uses_function("static inline int g(void) { return f(); }", "int h(void) { return 1; }"));
    CHECK(uses_function("", "static int h(void) { return f(); }"));
    CHECK(uses_function("", "int (*h)(void) = f;"));
    CHECK(uses_function("", "struct ops { int (*f)(void); }; struct ops o = { .f = f };"));
}

TEST_CASE("uses of a change: a prototype, a member and a comment of that name are no use") {
    CHECK_FALSE(uses_function("static inline int f(void);", "int h(void);"));
    CHECK_FALSE(uses_function("", "struct ops { int (*g)(void); }; int h(struct ops *o) { return o->g(); } /* f */"));
    CHECK_FALSE(uses_function("struct ops;", "int h(struct ops *o); struct ops;"));
    // A member is declared by that name, and used by it.
    CHECK_FALSE(uses_function("", "struct ops { int g; }; int h(struct ops *o) { return o->g; }"));
    CHECK_FALSE(uses("static inline int f(void) { return 1; } struct x { int a; };",
                     "static inline int f(void) { return 2; } struct x { int a; };",
                     "extern struct x *q; int h(void) { return q->a; }"));
}

TEST_CASE("uses of a change: macros count as what they become") {
    const std::string call = "#define CALL(x) call_##x()\n";
    CHECK(uses("static inline int call_f(void) { return 1; }\n" + call,
               "static inline int call_f(void) { return 2; }\n" + call, "int h(void) { return CALL(f); }"));
    CHECK_FALSE(uses("static inline int call_f(void) { return 1; }\n" + call,
                     "static inline int call_f(void) { return 2; }\n" + call + "", "int h(void) { return 0; }"));
    CHECK(uses("#define N 1\n", "#define N 2\n", "int h(void) { return N; }"));
    CHECK_FALSE(uses("#define N 1\n", "#define N 2\n", "int h(void) { return 0; }"));
    CHECK(
        uses("#define N 1\n", "#define N 2\n", "static inline int g(void) { return N; } int h(void) { return g(); }"));
    CHECK_FALSE(uses("#define N 1\n", "#define N 2\n", "static inline int g(void) { return N; }"));
}

TEST_CASE("uses of a change: a type is used where something speaks of it, through other types and pointers as well") {
    CHECK(uses_type("", "int h(struct s *p) { return p->a; }"));
    CHECK_FALSE(uses_type("", "int h(void) { return 0; }"));
    CHECK(uses_type("struct t { struct s *p; };", "int h(struct t *t) { return t->p->a; }"));
    CHECK(uses_type("struct s *get(void);", "int h(void) { return get()->a; }"));
    CHECK(uses_type("extern struct s all;", "int h(void) { return all.a; }"));
    CHECK(uses_type("typedef struct s *handle;", "int h(handle p) { return p->a; }"));
    CHECK(uses_type("typedef int (*reader)(struct s *);", "reader h;"));
    CHECK(uses_type("extern struct s all;", "int h(void) { return sizeof(__typeof__(all)); }"));
    CHECK_FALSE(uses_type("struct t { struct s *p; }; extern struct t all; typedef struct t t;", "int h(void);"));
    CHECK(uses_type("", "static struct s mine;"));
    CHECK(uses("enum e { A, B };", "enum e { A = 4, B };", "int h(void) { return B; }"));
    CHECK(uses("struct t { enum { A, B } e; };", "struct t { enum { A = 4, B } e; };", "int h(void) { return B; }"));
    CHECK_FALSE(uses("enum e { A, B };", "enum e { A = 4, B };", "int h(void) { return 0; }"));
}

TEST_CASE("uses of a change: the declarator tells the name, however it is written") {
    const auto changes = [](const std::string& before, const std::string& after, const std::string& unit) {
        return uses("typedef int u;\n" + before, "typedef int u;\n" + after, unit);
    };
    CHECK(changes("static inline u (f)(u a) { return a; }", "static inline u (f)(u a) { return a + 1; }",
                  "int h(void) { return f(1); }"));
    CHECK(changes("static inline int (*f(int a))(int) { return 0; }",
                  "static inline int (*f(int a))(int) { return 1; }", "void *h(void) { return f(1); }"));
    CHECK(changes("static inline __attribute__((unused)) u f(u a) { return a; }",
                  "static inline __attribute__((unused)) u f(u a) { return a + 1; }", "int h(void) { return f(1); }"));
    CHECK(changes("struct __attribute__((packed)) s { int a; };", "struct __attribute__((packed)) s { long a; };",
                  "int h(struct s *s) { return s->a; }"));
    CHECK(changes("typedef struct { int a; } __attribute__((aligned(8))) s;",
                  "typedef struct { long a; } __attribute__((aligned(8))) s;", "int h(s *p) { return p->a; }"));
    CHECK(changes("extern int one, two[];", "extern long one, two[];", "long h(void) { return two[1]; }"));
}

TEST_CASE("uses of a change: what the compiler keeps, and what makes code itself, is a use") {
    const std::string call = "int g(void) { return f(); }";
    CHECK_FALSE(uses_function("static inline " + call, ""));
    CHECK(uses_function("static inline __attribute__((used)) " + call, ""));
    CHECK(uses_function("static inline __attribute__((__constructor__)) " + call, ""));
    CHECK(uses_function("static __attribute__((unused)) " + call, ""));
    CHECK(uses_function("inline " + call, ""));
    CHECK_FALSE(uses_function("extern inline __attribute__((__gnu_inline__)) " + call, ""));
    CHECK(uses("int f(void) { return 1; }", "int f(void) { return 2; }", ""));
    CHECK(uses("__asm__(\".globl a\");", "__asm__(\".globl b\");", ""));
    CHECK(uses("static int a = 1;", "static int a = 2;", ""));
    CHECK_FALSE(uses("_Static_assert(1, \"a\");", "_Static_assert(1, \"b\");", "int h(void) { return 1; }"));
}

TEST_CASE("uses of a change: declarations in another order count as changed") {
    CHECK(uses("struct s { int a; }; struct t { int b; };", "struct t { int b; }; struct s { int a; };",
               "int h(struct s *s) { return s->a; }"));
}

TEST_CASE("uses of a change: what is no C is a use, and what cannot be read is told") {
    CHECK(uses("static inline int f(void) { return 1; }", "static inline int f(void) { return 1; } }", ""));
    CHECK_FALSE(reader.read(Folder().write("before", "#include \"missing.h\"\n", "")).has_value());
}

TEST_CASE("uses of a change: the place of the tree is no difference") {
    const std::string call = "static inline const char *f(void) { return __FILE__; }";
    CHECK_FALSE(uses(call, call, "const char *h(void) { return f(); }"));
}

TEST_CASE("uses of a change: what a condition leaves out is known") {
    const Sides same = read("#ifdef X\nint a;\n#endif\n", "#ifdef X\nint a;\n#endif\nint b;\n", "").expanded;
    CHECK(same.before.left_out == same.after.left_out);
    const Sides other = read("#ifdef X\nint a;\n#endif\n", "#ifdef X\nlong a;\n#endif\n", "").expanded;
    CHECK(other.before.tokens == other.after.tokens);
    CHECK(other.before.left_out != other.after.left_out);
}

TEST_CASE("uses of a change: most units are told without expanding a macro") {
    const std::string kernel = "#define __attr(x) __attribute__((x))\n#define __hot __attr(hot)\n"
                               "#define inline inline __attr(gnu_inline)\n#define READ(x) (*(volatile int *)&(x))\n"
                               "#define __names(a, b) a##b\n#define UNIQUE(x) __names(__unique_, x)\n";
    const std::string before = kernel + "static __hot inline int sk_full(int a) { return READ(a); }\n"
                                        "static inline __attr(x) int sk_half(int a) { return sk_full(a) / 2; }\n";
    const std::string after = kernel + "static __hot inline int sk_full(int a) { return READ(a) + 1; }\n"
                                       "static inline __attr(x) int sk_half(int a) { return sk_full(a) / 2; }\n";
    CHECK(is_quick(before, after, "int h(int a) { int UNIQUE(b) = READ(a); return UNIQUE(b); }"));
    CHECK(is_quick(before, after, "struct x { int sk; }; static int __hot h(struct x *full) { return full->sk; }"));
    CHECK(uses(before, after, "int h(int a) { return sk_half(a); }"));
    const std::string loop = "#define DO(x) do { if (x) {\n#define WHILE(x) } } while (x)\n"
                             "#define EACH(x) DO(x)\n#define DONE(x) WHILE(x)\n";
    CHECK(is_quick(loop + before, loop + after, "int h(int a) { EACH(a) --a; DONE(a); return a; }"));
    CHECK(uses(loop + before, loop + after, "int h(int a) { EACH(a) a = sk_half(a); DONE(a); return a; }"));
    CHECK(is_quick("#define N 1\n#define M N\n", "#define N 2\n#define M N\n", "int h(void) { return 0; }"));
    CHECK(uses("#define N 1\n#define M N\n", "#define N 2\n#define M N\n", "int h(void) { return M; }"));
}

TEST_CASE("uses of a change: what macros hide is not passed by") {
    const auto changed = [](const std::string& more, const std::string& unit) {
        return uses(more + "static inline int sk_full(int a) { return a; }\n",
                    more + "static inline int sk_full(int a) { return a + 1; }\n", unit);
    };
    const std::string paste = "#define PASTE_(a, b) a##b\n#define PASTE(a, b) PASTE_(a, b)\n";
    CHECK(changed("#define SK(what) sk_##what\n", "int h(int a) { return SK(full)(a); }"));
    CHECK(changed(paste, "int h(int a) { return PASTE(sk_, full)(a); }"));
    CHECK(changed(paste, "int h(int a) { return PASTE(PASTE(sk, _), full)(a); }"));
    CHECK(changed(paste + "#define HALF sk_f\n#define CALL PASTE(HALF, ull)\n", "int h(int a) { return CALL(a); }"));
    CHECK(changed("#define MAKE(name) int name(int a) { return sk_full(a); }\n", "MAKE(h)"));
    CHECK(changed("#define BEGIN {\n#define END }\n",
                  "static inline int g(int a) BEGIN return a; END int h(int a) { return sk_full(a); }"));
    CHECK(changed("#define BEGIN {\n#define END }\n#define DO BEGIN\n#define DONE } while (0) {\n",
                  "static inline int g(int a) { DONE return a; } int h(int a) { return sk_full(a); }"));
    CHECK(changed("#define member sk_full(1)\n#define AT(p) p -> member\n#define ZERO(x) 0\n",
                  "int h(int a) { return member; }"));
    CHECK(changed("#define KEEP __attribute__((used))\n", "static inline KEEP int h(int a) { return sk_full(a); }"));
    // The name is a macro, and the function has another one.
    CHECK(uses("#define f f_two\nstatic inline int f(void) { return 1; }\n",
               "#define f f_two\nstatic inline int f(void) { return 2; }\n", "int h(void) { return f_two(); }"));
    // The same definitions, on another side of what uses one.
    CHECK(uses("static int N = 1;\nstatic inline int g(void) { return N; }\n#define N 2\n",
               "static int N = 1;\n#define N 2\nstatic inline int g(void) { return N; }\n",
               "int h(void) { return g(); }"));
    CHECK(uses("enum { N };\n#undef N\n#define N 2\n", "enum { N };\n#undef N\n", "int h(void) { return N; }"));
}
