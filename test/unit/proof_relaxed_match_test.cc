// The same code with jumps and padding of other lengths.
#include "compile.h"

#include "proof/relaxed_match.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace klp;
using namespace klp::test;

namespace {

// A loop that begins at a jump label, behind `padding`.
std::string loop(const std::string& padding, const std::string& label) {
    return R"(asm(".text\n.globl f\n.type f,@function\nf: sub $1,%edi\n jmp 1f\n)" + padding + R"(\n 0: inc %eax\n)" +
           R"(1: )" + label + R"(\n dec %esi\n jne 1b\n jmp 0b\n2: ret\n.size f,.-f\n");)";
}
const char* const as_compiled = R"(.byte 0xe9\n.long 2f - . - 4)";
const char* const as_built = R"(.byte 0x0f,0x1f,0x44,0x00,0x00)";

elf::Object compiled(const ScratchDirectory& scratch, const std::string& name, const std::string& source) {
    return elf::Object::open(compile_unit(scratch, name, source));
}
const elf::Symbol& function_of(const elf::Object& object) {
    return *std::ranges::find(object.symbols(), std::string_view("f"), &elf::Symbol::name);
}

// How the image's loop, with other padding and `in_image` for the jump label, matches the unit's.
std::optional<proof::RelaxedMatch> match(const std::string& in_image) {
    const ScratchDirectory scratch;
    const elf::Object unit = compiled(scratch, "unit", loop("", as_compiled));
    const elf::Object image = compiled(scratch, "image", in_image);
    const elf::Symbol& function = function_of(unit);
    const elf::Symbol& there = function_of(image);
    constexpr uint64_t label_at = 7; // behind sub, jmp and inc
    const arch::CodeRange label{function.section, function.value + label_at, 5};
    return proof::match_relaxed(unit, function, {&label, 1},
                                image.section(there.section).data.subspan(there.value, there.size));
}

} // namespace

TEST_CASE("a jump to what the build rewrites is the same jump behind other padding") {
    const std::string padding = R"(.byte 0x66,0x90,0x0f,0x1f,0x44,0x00,0x00)";
    const auto found = match(loop(padding, as_built));
    REQUIRE(found);
    CHECK(found->theirs(7) == 14);
}

TEST_CASE("a jump past what the build rewrites is another one") {
    std::string other = loop(R"(.byte 0x66,0x90)", as_built);
    other.replace(other.find("dec"), 0, "3: ");
    other.replace(other.find("jne 1b"), 6, "jne 3b");
    CHECK_FALSE(match(other));
}
