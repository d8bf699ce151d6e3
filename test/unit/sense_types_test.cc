#include "sense_units.h"

#include "sense/shapes.h"
#include "sense/types.h"

using namespace klp;
using namespace klp::test;

namespace {

using Said = std::vector<std::string>;

void expect(const std::string& source, const Said& expected) {
    with_each_compiler(source, [&](const std::vector<report::Finding>& findings) {
        for (const report::Finding& finding : findings)
            INFO(report::to_text(finding));
        CHECK(said(findings) == joined(expected));
    });
}

// Objects of `struct box` live on a heap; one function is changed, another is not.
std::string heap(const std::string& members, const std::string& before = {}) {
    return before +
           "struct list { struct list *next, *prev; };\n"
           "struct box { " +
           members +
           " };\n"
           "void *allocate(unsigned long);\n"
           "struct box *make(void) { struct box *b = allocate(sizeof(*b)); b->last = 1; return b; }\n"
           "int first_of(struct box *b) { return b->first; }\n"
           "int last_of(struct box *b) { return b->last @{|+ 1}@; }\n";
}

const Said changed = {"sense.layout-changed struct box"};
const Said nothing = {};

} // namespace

TEST_CASE("a member at the end, in the middle, gone, wider or moved is another layout") {
    expect(heap("int first; int last; @{|long more;}@"), changed);
    expect(heap("int first; @{|long more;}@ int last;"), changed);
    expect(heap("int first; @{long less;|}@ int last;"), changed);
    expect(heap("int first; @{short|long}@ last;"), changed);
    expect(heap("int first; @{int a; int b;|int b; int a;}@ int last;"), changed);
}

TEST_CASE("the message has the member, the offsets, the sizes and who uses the type; the hint names shadow variables") {
    with_each_compiler(heap("int first; int last; @{|int more[2];}@"),
                       [](const std::vector<report::Finding>& findings) {
                           REQUIRE(findings.size() == 1);
                           const report::Finding& finding = findings.front();
                           CHECK(finding.severity == report::Severity::error);
                           CHECK(finding.where.ends_with("after.c:2"));
                           CHECK(finding.message.find("`more` (int[2]) is new at offset 8") != std::string::npos);
                           CHECK(finding.message.find("its size is 16 bytes, was 8") != std::string::npos);
                           CHECK(finding.message.find("first_of") != std::string::npos);
                           CHECK(finding.message.find("last_of") == std::string::npos);
                           CHECK(finding.hint.find("klp_shadow_get_or_alloc()") != std::string::npos);
                       });
}

TEST_CASE("causes come before effects: the new member before those that it moves") {
    with_each_compiler(heap("@{|long more;}@ int first; int a; int b; int c; int d; int last;"),
                       [](const std::vector<report::Finding>& findings) {
                           REQUIRE(findings.size() == 1);
                           CHECK(findings[0].message.starts_with("`more` (long"));
                           CHECK(findings[0].message.find("`first` is at offset 8, was at offset 0") !=
                                 std::string::npos);
                       });
}

TEST_CASE("a change that only a macro's value makes is seen") {
    expect(heap("int first; char name[SIZE]; int last;", "#define SIZE @{8|16}@\n"), changed);
}

TEST_CASE("a type inside of others is named once, with those that embed it") {
    const std::string source = "struct inner { int a; @{|int b;}@ };\n"
                               "struct middle { struct inner inner[2]; };\n"
                               "struct outer { long x; struct middle m; long last; };\n"
                               "struct outer object;\n"
                               "long get(struct outer *o) { return o->last; }\n";
    with_each_compiler(source, [](const std::vector<report::Finding>& findings) {
        REQUIRE(said(findings) == joined({"sense.layout-changed struct inner"}));
        CHECK(findings[0].message.find("part of struct middle, struct outer") != std::string::npos);
        CHECK(findings[0].message.find("object is of it") != std::string::npos);
    });
}

TEST_CASE("a member in what was padding is a warning, unless zeros are no state of it") {
    expect(heap("char first; @{|char more;}@ int last;"), {"sense.hole-filled struct box"});
    expect(heap("unsigned first : 3; @{|unsigned more : 5;}@ int last;"), {"sense.hole-filled struct box"});
    expect(heap("char first; @{|struct list more;}@ int last __attribute__((aligned(64)));"), changed);
}

TEST_CASE("bit-fields: another width or place is another layout") {
    expect(heap("unsigned first : @{3|4}@; unsigned b : 4; int last;"), changed);
    expect(heap("unsigned first : 3; @{unsigned b : 2; unsigned c : 2;|unsigned c : 2; unsigned b : 2;}@ int last;"),
           changed);
    expect(heap("unsigned first : 3; unsigned @{b|renamed}@ : 2; int last;"), {"sense.member-renamed struct box"});
}

TEST_CASE("unions: a larger member is another layout, another view of the same bytes is none") {
    expect(heap("int first; union { int a; @{|long b;}@ }; int last;"), changed);
    expect(heap("int first; union { long a; @{|int b;}@ }; int last;"), nothing);
    expect(heap("int first; @{long a;|union { long a; struct { int low, high; }; };}@ int last;"), nothing);
}

TEST_CASE("the same bytes with the same meaning are no change") {
    expect(heap("int first; @{int|unsigned}@ a; int last;"), nothing);
    expect(heap("int first; @{int|atomic}@ a; int last;", "typedef struct { int counter; } atomic;\n"), nothing);
    expect(heap("int first; @{int *|const int *}@a; int last;"), nothing);
    expect(heap("int first; @{void *|struct list *}@a; int last;"), nothing);
    expect(heap("int first; int last; char a[@{0|}@];"), nothing);
    // Put into a structure of their own.
    const std::string calls = "struct calls { int (*reset)(int); long state; };\n";
    expect(heap("int first; @{int (*pre_reset)(int); long state;|struct calls pre;}@ int last;", calls), nothing);
    expect(heap("int first; @{struct calls calls;|int (*reset)(int); long state;}@ int last;", calls), nothing);
    expect(heap("int first; @{long state; int (*reset)(int);|struct calls calls;}@ int last;", calls), changed);
    expect(heap("int first; @{int (*reset)(int); int state;|struct calls calls;}@ int last;", calls), changed);
    expect(heap("int first; int last;") + "@{|struct fresh { int a; } kept; int get(void) { return kept.a; }}@",
           nothing);
}

TEST_CASE("the same bytes with another meaning are a change") {
    expect(heap("int first; @{long|struct list *}@ a; int last;"), changed);
    expect(heap("int first; @{struct list|struct box}@ *a; int last;"), changed);
    expect(heap("int first; int (*call)(int@{|, int}@); int last;"), changed);
}

TEST_CASE("a new name for a member is a warning: old objects hold the old value") {
    expect(heap("int first; int @{a|b}@; int last;"), {"sense.member-renamed struct box"});
}

TEST_CASE("typedefs and variables without a named type") {
    expect("typedef @{int|long}@ cookie;\nvoid use(cookie *);\ncookie kept[4];\n"
           "void f(int n) { kept[n] = 1; use(kept); }\n",
           {"sense.layout-changed cookie"});
    expect("static struct { @{int a; int b;|int b; int a;}@ } state;\nvoid use(void *);\n"
           "int f(void) { use(&state); return state.a; }\n",
           {"sense.layout-changed variable state"});
    expect("static @{int a[4]|short a[8]}@;\nvoid use(void *);\nint f(int n) { use(&a); return a[n]; }\n",
           {"sense.layout-changed variable a"});
}

TEST_CASE("of a variable that gets another type, nothing is said about other objects of its old type") {
    const std::string unit =
        "struct lock { int held; };\nstruct count { short n, m; };\nstruct box { struct lock lock; };\n"
        "static struct lock mine;\nvoid use(void *);\n"
        "int f(struct box *b) { use(&mine); return b->lock.held; }\n"
        "int g(struct box *b) { return b->lock.held + 1; }\n";
    std::string other = unit;
    other.replace(other.find("static struct lock"), 18, "static struct count");
    other.replace(other.find("use(&mine);"), 0, "mine.m = 1; ");
    for (const DebugCompiler& compiler : debug_compilers()) {
        CAPTURE(compiler.name);
        if (!has_program(compiler.command)) {
            MESSAGE("skipped: not installed");
            continue;
        }
        const std::vector<report::Finding> findings = sense_pair(compiler, unit, other);
        REQUIRE(said(findings) == "sense.layout-changed variable mine");
        CHECK(findings[0].message.find("struct box") == std::string::npos);
        CHECK(findings[0].hint.find("shadow") == std::string::npos);
    }
}

TEST_CASE("a type that only stacks of changed functions hold may change") {
    const std::string start =
        "struct args { int a; @{|long b;}@ };\n"
        "static __attribute__((noinline)) int callee(struct args *x) { return x->a@{|+ x->b}@; }\n";
    const std::string local = "int caller(int n) { struct args x = { n@{|, n}@ }; return callee(&x); }\n";
    expect(start + local, nothing);
    // A function that stays as it is holds one.
    expect(start + local + "int other(struct args *x) { return x->a; }\n", {"sense.layout-changed struct args"});
    // Somebody has it from elsewhere.
    expect(start + local +
               "void *allocate(void);\nint heap(void) { struct args *x = allocate(); return callee(x) @{|+ 1}@; }\n",
           {"sense.layout-changed struct args"});
    expect(start + local + "struct args *kept;\nint get(void) { return kept->a; }\n",
           {"sense.layout-changed struct args"});
    // Others can find it by what it has inside.
    expect("struct list { struct list *next, *prev; };\nvoid enqueue(struct list *);\n"
           "struct args { int a; struct list entry; @{|long b;}@ };\n"
           "int caller(int n) { struct args x = { n }; enqueue(&x.entry); return x.a@{|+ x.b}@; }\n",
           {"sense.layout-changed struct args"});
}

TEST_CASE("a type that only casts name is somewhere else than on stacks") {
    expect("struct buffer { char cb[48]; };\nstruct parms { int a; @{|int b;}@ int c; };\n"
           "int f(struct buffer *b) { return ((struct parms *)b->cb)->c; }\n",
           {"sense.layout-changed struct parms"});
}

TEST_CASE("of objects on stacks that also come by a pointer, the source decides") {
    const auto severity = [](const std::string& more, bool is_made) {
        const std::string text = "int find(const void *);\nvoid *given(void);\nstruct key { int a; @{|long b;}@ };\n"
                                 "int match(const void *p) { const struct key *x = p; return x->a@{|+ x->b}@; }\n"
                                 "int look(int n) { struct key x = { n@{|, n}@ }; return find(&x); }\n" +
                                 more;
        sense::Options options;
        options.is_made = [&](std::string_view tag) { return tag == "key" && is_made; };
        const std::vector<report::Finding> findings =
            sense_pair(debug_compilers().front(), side(text, false), side(text, true), options);
        REQUIRE(said(findings) == "sense.layout-changed struct key");
        return findings.front().severity;
    };
    CHECK(severity("", false) == report::Severity::warning);
    CHECK(severity("", true) == report::Severity::error);
    // A variable keeps one, or code that stays as it is has one.
    CHECK(severity("struct key *kept;\nint last(void) { return kept->a; }\n", false) == report::Severity::error);
    CHECK(severity("int other(const void *p) { const struct key *x = p; return 3 * x->a; }\n", false) ==
          report::Severity::error);
}

TEST_CASE("a layout that no code depends on is no change") {
    expect("struct box { int first; int last; @{|int more;}@ };\nint first_of(struct box *b) { return b->first; }\n",
           nothing);
}

TEST_CASE("enumerators: other values are refused, one more at the end is not") {
    auto states = [](const std::string& list) {
        return "enum state { " + list + " };\nint kept;\nvoid put(enum state s) { kept = s == BUSY ? DEAD : s; }\n";
    };
    expect(states("IDLE, @{|DRAINING, }@BUSY, DEAD"), {"sense.enum-changed enum state"});
    expect(states("IDLE, BUSY, @{|DRAINING, }@DEAD"), {"sense.enum-changed enum state"});
    expect(states("IDLE, BUSY, DEAD@{|, DRAINING}@") + "int f(void) { return kept @{|+ 1}@; }\n", nothing);
    expect(states("IDLE, BUSY, DEAD, @{|DRAINING, }@NR_STATES") + "int f(void) { return NR_STATES; }\n", nothing);
    expect("enum { A, @{|B, }@C };\nint kept;\nvoid f(void) { kept = C; }\n", {"sense.enum-changed enum"});
}

TEST_CASE("the integer of a typedef with no name is known by the typedef") {
    expect("typedef struct { int a; @{|int b;}@ } box;\nbox kept;\nint get(box *b) { return b[1].a; }\n",
           {"sense.layout-changed box"});
}

TEST_CASE("objects without a description of types are no reason to be silent") {
    const DebugCompiler plain = {"GCC", "gcc", "-g0"};
    const std::vector<report::Finding> findings =
        sense_pair(plain, "int f(void) { return 1; }\n", "int f(void) { return 2; }\n");
    CHECK(said(findings) == joined({"sense.no-debug-data "}));
}

TEST_CASE("a byte order that contradicts the old one is another meaning; one that is said at last is not") {
    const std::string orders = "typedef unsigned int __be32; typedef unsigned int __le32; typedef unsigned int u32;\n";
    expect(heap("int first; @{__be32|__le32}@ last;", orders), changed);
    expect(heap("int first; @{u32|__be32}@ last;", orders), nothing);
    expect(heap("int first; @{__be32|u32}@ last;", orders), {"sense.byte-order struct box"});
}

TEST_CASE("a column more in a table that only replaced functions read is no change of data that stays") {
    auto table = [](const std::string& storage, const std::string& more) {
        return "struct row { int id; @{|int flag;}@ };\n" + storage +
               " struct row rows[4] = { { 1@{|, 5}@ }, { 2 }, { 3 }, { 7@{|, 9}@ } };\n"
               "const struct row *find(int id, int count)\n"
               "{ for (int at = 0; at < count; ++at) if (rows[at].id == id) return &rows[at]; return 0; }\n" +
               more;
    };
    const Said row = {"sense.layout-changed struct row"};
    expect(table("static const", ""), nothing);
    expect(table("static", "void set(int at) { rows[at].id = at; }\n"), row);
    expect(table("const", ""), row);
    // Others get at it.
    expect(table("static const", "const void *const found = &rows[1];\n"), row);
    expect(table("static const", "struct owner { const struct row *row; };\n"
                                 "void own(struct owner *o) { o->row = &rows[1]; }\n"),
           row);
    // A function that stays as it is reads the old table.
    expect(table("static const", "int first(const struct row *row) { return row->id; }\n"), row);
}

TEST_CASE("a record of a trace event that grows is no case for a shadow variable") {
    const std::string unit = "struct trace_entry { unsigned short type; int pid; };\n"
                             "struct trace_event_raw_full { struct trace_entry ent; int size; };\n"
                             "int f(struct trace_event_raw_full *e) { return e->size; }\n";
    std::string grown = unit;
    grown.replace(grown.find("int size;"), 9, "int size, mark;");
    grown.replace(grown.find("e->size"), 7, "e->mark");
    for (const DebugCompiler& compiler : debug_compilers()) {
        CAPTURE(compiler.name);
        if (!has_program(compiler.command)) {
            MESSAGE("skipped: not installed");
            continue;
        }
        const std::vector<report::Finding> findings = sense_pair(compiler, unit, grown);
        REQUIRE(said(findings) == "sense.layout-changed struct trace_event_raw_full");
        CHECK(findings[0].hint.find("trace_printk()") != std::string::npos);
        CHECK(findings[0].hint.find("shadow") == std::string::npos);
    }
}

TEST_CASE("a table of operations that grows is no case for a shadow variable") {
    const std::string unit = "struct object;\nstruct ops { void *owner; int (*get)(struct object *); int (*set)(int); "
                             "};\nint f(struct ops *ops, struct object *o) { return ops->get(o) + ops->set(2); }\n"
                             "int g(struct ops *ops) { return ops->set(3) + 1; }\n";
    std::string grown = unit;
    grown.replace(grown.find("int (*set)"), 3, "int (*test)(int); int");
    grown.replace(grown.find("->set(3)"), 8, "->test(3)");
    for (const DebugCompiler& compiler : debug_compilers()) {
        CAPTURE(compiler.name);
        if (!has_program(compiler.command)) {
            MESSAGE("skipped: not installed");
            continue;
        }
        const std::vector<report::Finding> findings = sense_pair(compiler, unit, grown);
        REQUIRE(said(findings) == "sense.layout-changed struct ops");
        CHECK(findings[0].hint.find("by its name") != std::string::npos);
        CHECK(findings[0].hint.find("shadow") == std::string::npos);
    }
}
