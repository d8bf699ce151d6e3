// Numbers that are kept in a form of which a constant decides.
#include "source/encodings.h"

#include <doctest/doctest.h>

using namespace klp::source;

namespace {

Encodings encodings_in(const std::string& text) {
    Encodings encodings;
    add_encodings(text, {"BITS", "UNIT"}, encodings);
    return encodings;
}

using Functions = std::set<std::string, std::less<>>;

} // namespace

TEST_CASE("put together in one function, taken apart in another") {
    const Encodings shifts = encodings_in("void put(struct l *l) { l->next = free << BITS; }\n"
                                          "int get(struct l *l) { return l->next >> BITS; }\n");
    CHECK(shifts.makers == Functions{"put"});
    CHECK(shifts.takers == Functions{"get"});
    CHECK(encodings_in(
              "void put(struct l *l) { l->rate = bytes * UNIT; }\nint get(struct l *l) { return l->rate >> BITS; }")
              .makers == Functions{"put"});
}

TEST_CASE("sizes, limits, and what goes no further") {
    CHECK(encodings_in("void f(struct l *l) { l->n = 1UL << BITS; }").makers.empty());
    CHECK(encodings_in("int f(int x) { return (x >> BITS) << BITS; }").takers.empty());
    CHECK(encodings_in("int f(int x) { return x > BITS; }").takers.empty());
    CHECK(encodings_in("int f(int x) { return x >> OTHER; }").takers.empty());
    CHECK(encodings_in("int f(int *x) { return *UNIT; }").makers.empty());
}
