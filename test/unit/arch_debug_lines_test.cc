// Positions in the source, looked up by section.
#include "compile.h"

#include "arch/debug_lines.h"

using namespace klp;
using namespace klp::test;

namespace {

std::vector<arch::Frame> frames_of(arch::DebugLines& lines, const elf::Object& object, const std::string& section) {
    const elf::Section* found = object.find_section(section);
    REQUIRE(found);
    return lines.frames(found->index, 0);
}

} // namespace

TEST_CASE("debug lines: functions of equal offsets in different sections are told apart") {
    ScratchDirectory scratch;
    // -fno-omit-frame-pointer is off, so that the first instruction is of the inlined function where there is one.
    const std::string source = "static inline __attribute__((always_inline)) void deep(volatile int *p)\n"
                               "{\n"
                               "\t*p = 1;\n"
                               "}\n"
                               "void first(volatile int *p) { deep(p); }\n"
                               "void second(volatile int *p) { *p = 2; }\n"
                               "void third(volatile int *p) { *p = 3; }\n";
    const elf::Object object =
        elf::Object::open(compile_unit(scratch, "unit", source, "-g -ffunction-sections -fdata-sections"));
    arch::DebugLines lines(object);

    const auto first = frames_of(lines, object, ".text.first");
    REQUIRE(first.size() == 2);
    CHECK(first[0].function == "deep");
    CHECK(first[0].line == 3);
    CHECK(first[1].function == "first");

    const auto second = frames_of(lines, object, ".text.second");
    REQUIRE(second.size() == 1);
    CHECK(second[0].function == "second");
    CHECK(second[0].line == 6);

    const auto third = frames_of(lines, object, ".text.third");
    REQUIRE(third.size() == 1);
    CHECK(third[0].function == "third");
    CHECK(third[0].line == 7);
}

TEST_CASE("debug lines: nothing is said of what is not known") {
    ScratchDirectory scratch;
    const elf::Object object = elf::Object::open(compile_unit(scratch, "unit", "int f(int x) { return x; }\n"));
    arch::DebugLines lines(object);
    CHECK(lines.frames(1, 0).empty());
    CHECK(lines.frames(12345, 0).empty());
}
