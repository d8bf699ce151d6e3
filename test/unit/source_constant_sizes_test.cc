// Buffers whose size is a constant's.
#include "source/constant_sizes.h"

#include <doctest/doctest.h>

using namespace klp::source;

namespace {

ConstantSizes sizes_in(const std::string& text) {
    ConstantSizes sizes;
    add_sizes(text, {"LEN", "MASK"}, sizes);
    return sizes;
}

} // namespace

TEST_CASE("what is made by a constant's size, and gone by elsewhere") {
    const ConstantSizes found = sizes_in("int make(struct c *c) { c->buf = kzalloc(LEN, GFP_KERNEL); return 0; }\n"
                                         "void clear(struct c *c) { memset(c->buf, 0, LEN); }\n");
    REQUIRE(found.made.size() == 1);
    CHECK(found.made[0].function == "make");
    CHECK(found.made[0].variable == "->buf");
    CHECK(found.made[0].call == "kzalloc(LEN, GFP_KERNEL)");
    CHECK(found.made[0].constant == "LEN");
    CHECK(found.is_used);
    // By way of a variable, and by a macro with parameters.
    CHECK(sizes_in("int f(struct c *c) { size_t n = LEN * sizeof(u64); c->buf = kvmalloc(n, GFP_KERNEL); return 0; }")
              .made.size() == 1);
    CHECK(sizes_in("#define place(x) ((x) & MASK)\n").is_used);
    CHECK(
        sizes_in("int f(struct c *c) { c->t = kmalloc_array(2 * LEN, sizeof(*c->t), GFP_KERNEL); return c->n & MASK; }")
            .is_used);
}

TEST_CASE("what goes by the size that is kept, a buffer for a while, and a limit") {
    CHECK_FALSE(sizes_in("int f(struct c *c) { c->buf = kzalloc(LEN, GFP_KERNEL); return 0; }").is_used);
    CHECK_FALSE(sizes_in("#define MASK (LEN - 1)\n").is_used);
    CHECK(
        sizes_in("int f(void) { char *b = kmalloc(LEN, GFP_KERNEL); fill(b, LEN); kfree(b); return 0; }").made.empty());
    CHECK(sizes_in("int f(struct c *c) { return c->n > LEN; }").made.empty());
    CHECK(sizes_in("int f(struct c *c) { c->buf = kzalloc(OTHER, GFP_KERNEL); return 0; }").made.empty());
}
