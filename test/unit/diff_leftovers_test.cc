// Registers that hold a table's address where a function returns, without debug data that says what it returns.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

// On x86-64, where a second register may be half of the result.
UnitPair with_g0() {
    Compiler compiler = gcc_x86;
    return UnitPair(compiler);
}

const std::string types = "typedef unsigned short u16; typedef unsigned char u8; typedef unsigned u32;\n"
                          "struct d { u8 code; u8 sev; u16 fl; };\nstruct q { u16 v, p; u32 f; };\n"
                          "struct dv { u16 v, p; u32 f; };\n";
const std::string table = "static const struct d ds[] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {9, 1, 1}, {0}};\n";
const std::string quirks = "static const struct q qs[] = {{1, 2, 4}, {3, 4, 8}, {5, 6, 16}, {0}};\n";

} // namespace

TEST_CASE("the pointer that walked through a table is no result of a function that returns numbers or nothing") {
    UnitPair pair = with_g0();
    const std::string number = types + table +
                               "int walk(void *m, u8 code) { const struct d *d; for (d = ds; d->code; d++) "
                               "if (d->code == code) return d->sev << 8 | d->fl; return -2; }\n";
    const Outcome changed = pair.run(number, replaced(number, "8, 9}", "8, 10}"));
    CHECK(changed.codes.empty());
    CHECK(changed.changed() == Names{"walk"});
    const std::string nothing = types + quirks +
                                "void walk(struct dv *d) { const struct q *q; for (q = qs; q->v; q++) "
                                "if (q->v == d->v && q->p == d->p) { d->f |= q->f; return; } }\n";
    const Outcome other = pair.run(nothing, replaced(nothing, "6, 16}", "6, 32}"));
    CHECK(other.codes.empty());
    CHECK(other.changed() == Names{"walk"});
}

TEST_CASE("a pointer into a table that is returned, alone or in a pair, is refused") {
    UnitPair pair = with_g0();
    const std::string alone = types + table +
                              "const struct d *walk(u8 code) { const struct d *d; for (d = ds; d->code; d++) "
                              "if (d->code == code) return d; return 0; }\n";
    const std::string negative = types + table +
                                 "const struct d *walk(u8 code) { const struct d *d; for (d = ds; d->code; d++) "
                                 "if (d->code == code) return d; return (void *)-2L; }\n";
    const std::string in_pair =
        types + table +
        "struct two { long n; const struct d *d; };\n"
        "struct two walk(u8 code) { const struct d *d; long n = 0; for (d = ds; d->code; d++, n++) "
        "if (d->code == code) return (struct two){n, d}; return (struct two){-2, 0}; }\n";
    const std::string with_int = types + table +
                                 "struct two { int n; const struct d *d; };\n"
                                 "struct two walk(u8 code) { const struct d *d; for (d = ds; d->code; d++) "
                                 "if (d->code == code) return (struct two){d->sev, d}; return (struct two){-2, d}; }\n";
    for (const std::string& unit : {alone, negative, in_pair, with_int}) {
        CAPTURE(unit);
        CHECK(pair.run(unit, replaced(unit, "8, 9}", "8, 10}")).codes == Codes{"diff.data-changed"});
    }
}
