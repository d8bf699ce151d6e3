// Functions of a linked kernel that nobody gets to once it has started.
#include "origins.h"
#include "proof/start_only.h"

using namespace klp;
using namespace klp::test;

namespace {

// Called by init code, and by what `more` says.
bool is_start_only(const std::string& more, const std::string& init_code = "used(x)") {
    const ScratchDirectory scratch;
    const std::string init = "__attribute__((section(\".init.text\"))) ";
    const auto mark = [&](const std::string& name) {
        return compile_unit(scratch, name,
                            "asm(\".section .init.text,\\\"ax\\\"\\n.globl " + name + "\\n" + name +
                                ":\\n.nops 16\\n\");\n");
    };
    const auto unit = compile_unit(scratch, "unit",
                                   "int __attribute__((noinline)) used(int x) { return x * 7; }\n"
                                   "int other(int x) { return x + 3; }\n"
                                   "extern int keep(int (*)(int));\n" +
                                       init + "int start(int x) { return " + init_code + " + 1; }\n" + more,
                                   "-ffunction-sections");
    const auto keeper =
        compile_unit(scratch, "keeper", "int keep(int (*f)(int)) { return f != 0; }\n", "-ffunction-sections");
    const proof::Image image = link_image(scratch, {mark("__init_begin"), unit, mark("__init_end"), keeper});
    const std::span<const uint32_t> found = image.symbols().find("used");
    REQUIRE(found.size() == 1);
    return proof::is_used_only_at_start(image, image.location(image.symbols().symbols()[found.front()]));
}

} // namespace

TEST_CASE("a function that only init code calls has no effect any more") {
    CHECK(is_start_only(""));
    CHECK(is_start_only("int late(int x) { return other(x) + 2; }\n"));
    CHECK_FALSE(is_start_only("", "x")); // nobody calls it: there may be ways that the image does not show
}

TEST_CASE("calls, jumps and pointers from elsewhere keep a function alive") {
    CHECK_FALSE(is_start_only("int late(int x) { return used(x) + 2; }\n"));
    CHECK_FALSE(is_start_only("int late(int x) { return used(x); }\n"));
    CHECK_FALSE(is_start_only("int (*pointer)(int) = used;\n"));
    CHECK_FALSE(is_start_only("int late(void) { return keep(used); }\n"));
    // Init code gives it to somebody.
    CHECK_FALSE(is_start_only("", "used(x) + keep(used)"));
    CHECK_FALSE(is_start_only("asm(\".section .export,\\\"a\\\"\\n.long used - .\\n.text\");\n"));
}

TEST_CASE("the same of a module, as its relocations tell") {
    const auto is_start_only_in = [](const std::string& more, const std::string& init_code = "used(x)") {
        const ScratchDirectory scratch;
        const std::string extern_used = "extern int used(int);\nextern int keep(int (*)(int));\n";
        const auto unit =
            compile_unit(scratch, "unit", "int __attribute__((noinline)) used(int x) { return x * 7; }\n" + more);
        const auto start =
            compile_unit(scratch, "start",
                         extern_used + "__attribute__((section(\".init.text\"))) int start(int x) { return " +
                             init_code + " + 1; }\n");
        const std::filesystem::path output = scratch.path() / "module.ko";
        run("ld -r " + unit.string() + " " + start.string() + " -o " + output.string());
        const proof::Image image = open_image(output, "module");
        const std::span<const uint32_t> found = image.symbols().find("used");
        REQUIRE(found.size() == 1);
        return proof::is_used_only_at_start(image, image.location(image.symbols().symbols()[found.front()]));
    };
    CHECK(is_start_only_in(""));
    CHECK_FALSE(is_start_only_in("", "x"));
    CHECK_FALSE(is_start_only_in("int late(int x) { return used(x) + 2; }\n"));
    CHECK_FALSE(is_start_only_in("int (*pointer)(int) = used;\n"));
    CHECK_FALSE(is_start_only_in("", "used(x) + keep(used)"));
    // Of the section's own, which needs no relocation.
    CHECK_FALSE(is_start_only_in("static int inner(int) __attribute__((alias(\"used\")));\n"
                                 "int late(int x) { return inner(x) + 2; }\n"));
}
