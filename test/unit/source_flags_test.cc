// Bits that get another meaning.
#include "source/flags.h"

#include <doctest/doctest.h>

using klp::source::reused_bits;

namespace {

const std::string flags =
    "#define FOO_READY 0x1 /* set at the start */\n#define FOO_BUSY (1 << 3)\n#define FOO_SIZE 24\n";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    return text.replace(text.find(from), from.size(), to);
}

} // namespace

TEST_CASE("a bit that gets another meaning") {
    const auto changes = reused_bits(flags, replaced(flags, "FOO_BUSY (1 << 3)", "FOO_DEAD BIT(3)"));
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].name == "FOO_DEAD");
    CHECK(changes[0].was == "FOO_BUSY");
    CHECK(changes[0].bit == 8);
}

TEST_CASE("another spelling, a new bit, a flag that is gone, and what is no flag") {
    CHECK(reused_bits(flags, replaced(flags, "(1 << 3)", "8U")).empty());
    CHECK(reused_bits(flags, replaced(flags, "1 << 3", "1 << 4")).empty());
    CHECK(reused_bits(flags, flags + "#define FOO_DEAD 0x10\n").empty());
    CHECK(reused_bits(flags, replaced(flags, "#define FOO_BUSY (1 << 3)\n", "")).empty());
    CHECK(reused_bits(flags, replaced(flags, "24", "48")).empty());
    CHECK(reused_bits(flags, replaced(flags, "FOO_BUSY", "BAR_BUSY")).empty());
    CHECK(reused_bits("", flags).empty());
    // A limit under another name.
    const std::string limit = "#define FOO_MAX 4\nint f(int depth) { return depth > FOO_MAX ? FOO_MAX + 1 : depth; }\n";
    const std::string renamed =
        replaced(replaced(replaced(limit, "FOO_MAX", "FOO_DEPTH"), "FOO_MAX", "FOO_DEPTH"), "FOO_MAX", "FOO_DEPTH");
    CHECK(reused_bits(limit, renamed).empty());
    const std::string masked = "int g(int x) { return x & FOO_MAX; }\n";
    CHECK(reused_bits(limit + masked, renamed + replaced(masked, "FOO_MAX", "FOO_DEPTH")).size() == 1);
}
