// Who calls a function of a linked kernel.
#include "origins.h"
#include "proof/image_callers.h"

using namespace klp;
using namespace klp::test;
using Names = std::vector<std::string>;

TEST_CASE("callers are told by whether ftrace can hook them") {
    const ScratchDirectory scratch;
    const std::string hidden = "__attribute__((no_instrument_function)) ";
    const std::string unit = "int __attribute__((noinline)) used(int x) { return x * 7; }\n" + hidden +
                             "int quiet(int x) { return used(x) + 1; }\n"
                             "int first(int x) { return used(x) + used(x + 2); }\n"
                             "int last(int x) { return used(x + 9); }\n" +
                             hidden + "void __fentry__(void) {}\n";
    const proof::Image image = link_image(
        scratch, {compile_unit(scratch, "unit", unit, "-pg -mfentry -fcf-protection=branch -ffunction-sections")});
    const auto location = [&](std::string_view name) {
        const std::span<const uint32_t> found = image.symbols().find(name);
        REQUIRE(found.size() == 1);
        return image.location(image.symbols().symbols()[found.front()]);
    };
    const proof::Callers callers = proof::find_callers(image, location("used"));
    CHECK(callers.hookable == Names{"first", "last"});
    CHECK(callers.others == Names{"quiet"});
    CHECK(proof::find_callers(image, location("first")).hookable.empty());
}
