// Functions that a patch leaves as they are.
#include "source/kept_functions.h"

#include <doctest/doctest.h>

using namespace klp::source;

namespace {

bool is_kept(const std::string& before, const std::string& after) {
    return does_the_same(split_functions(before), split_functions(after), "work");
}

} // namespace

TEST_CASE("a function does the same where its text and all that it calls are as they were") {
    const std::string helper = "static int helper(int x) { return x + LIMIT; }\n";
    const std::string work = "static void work(struct work *w) { use(helper(w->n)); }\n";
    const std::string limit = "#define LIMIT 3\n";
    const std::string caller = "static void caller(struct work *w) { work(w); }\n";
    CHECK(is_kept(limit + helper + work, limit + helper + work + caller));
    CHECK_FALSE(is_kept(limit + helper + work, limit + helper + caller));
    CHECK_FALSE(is_kept(limit + helper + work, limit + helper + "static void work(struct work *w) { use(1); }\n"));
    // Parts of it, and what they are made of.
    CHECK_FALSE(is_kept(limit + helper + work, limit + "static int helper(int x) { return x - LIMIT; }\n" + work));
    CHECK_FALSE(is_kept(limit + helper + work, "#define LIMIT 4\n" + helper + work));
    CHECK(is_kept(limit + helper + work, "#define OTHER 4\n" + limit + helper + work));
}
