// The list of rules.
#include "verify/rule.h"
#include "verify_codes.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fstream>
#include <set>

using namespace klp;
using test::Codes;
using test::codes_of;
using test::Sound;

TEST_CASE("a sound module passes silently, with a kernel and without") {
    CHECK(codes_of(Sound()) == Codes{});
    CHECK(codes_of(Sound().object(), {}) == Codes{});
}

TEST_CASE("every rule has a code of its own, in a known group, with a source") {
    std::set<std::string_view> codes;
    for (const verify::Rule& rule : verify::rules()) {
        CAPTURE(rule.code);
        CHECK(codes.insert(rule.code).second);
        std::string_view group = rule.code.substr(0, rule.code.find('.'));
        CHECK((group == "form" || group == "match" || group == "sense"));
        CHECK_FALSE(rule.text.empty());
        CHECK_FALSE(rule.source.empty());
    }
}

TEST_CASE("docs/verify.md names every rule") {
    std::ifstream file(std::string(KLP_SOURCE_DIR) + "/docs/verify.md");
    REQUIRE(file);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    for (const verify::Rule& rule : verify::rules())
        CHECK_MESSAGE(text.find(fmt::format("`{}`", rule.code)) != std::string::npos, std::string(rule.code));
}
