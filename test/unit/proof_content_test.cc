// What the image must hold for a unit to be proven, and what it must not say.
#include "origins.h"

using namespace klp;
using namespace klp::proof;
using namespace klp::test;

namespace {

std::string replaced(const std::string& text, const std::string& from, const std::string& to)
{
    size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.substr(0, at) + to + text.substr(at + from.size());
}

// A kernel that is made of `source` and `rest`, and the origin in it of a unit compiled from `claimed`.
struct Claim {
    ScratchDirectory scratch;
    Image image;
    elf::Object unit;
    UnitOrigin origin;

    Claim(const std::string& source, const std::string& claimed, const std::string& rest = "int rest;")
        : image(link_image(scratch, {compile_unit(scratch, "real", source), compile_unit(scratch, "rest", rest)})),
          unit(elf::Object::open(compile_unit(scratch, "claimed", claimed, sections))),
          origin(prove_origin(unit, image))
    {
    }
    OriginStatus of(std::string_view function) const { return status(origin, unit, function); }
};

} // namespace

TEST_CASE("functions count whatever their section, and what is not looked for is named")
{
    std::string unit;
    for (const char* section : {".softirqentry.text", ".irqentry.text", ".ref.text", ".entry.text", ".made_up", ".init.text",
                                ".exit.text"}) {
        std::string name = section + 1;
        std::ranges::replace(name, '.', '_');
        unit += replaced(replaced("__attribute__((section(\"SECTION\"))) int NAME(int x) { return x + 3; }\n", "SECTION",
                                  section), "NAME", name);
    }
    Claim claim(unit, unit);
    CHECK(claim.origin.functions.size() == 5);
    CHECK(claim.origin.count(OriginStatus::proven) == 5);
    CHECK(claim.origin.not_looked_for == std::map<std::string, size_t>{{".exit.text", 1}, {".init.text", 1}});
    Claim other(unit, replaced(unit, "softirqentry_text(int x) { return x + 3", "softirqentry_text(int x) { return x + 4"));
    CHECK(other.of("softirqentry_text") == OriginStatus::different);
}

TEST_CASE("a function is only proven where the strings and constants that it refers to are the same")
{
    const std::string unit = "extern int print(const char *, ...); int f(int x) { return print(\"one %d\", x) + 1; }\n"
                             "int wide(int x) { return print((const char *)L\"wide\", x) + 1; }\n";
    const std::string rest = "int print(const char *format, ...) { return format[0]; }";
    Claim same(unit, unit, rest);
    CHECK(same.of("f") == OriginStatus::proven);
    CHECK(same.of("wide") == OriginStatus::proven);
    CHECK(Claim(unit, replaced(unit, "one", "two"), rest).of("f") == OriginStatus::different);
    CHECK(Claim(unit, replaced(unit, "one %d", "one %d\\n"), rest).of("f") == OriginStatus::different);
    CHECK(Claim(unit, replaced(unit, "L\"wide", "L\"side"), rest).of("wide") == OriginStatus::different);
}

TEST_CASE("namesakes are told apart by their strings")
{
    const std::string one = "extern int print(const char *, ...);\n"
                            "static __attribute__((noinline)) int f(int x) { return print(\"one %d\", x) + 1; }\n"
                            "int (*const one_table[])(int) = { f };\n";
    const std::string two = replaced(replaced(one, "one %d", "two %d"), "one_table", "two_table");
    Claim claim(one, replaced(one, "one_table", "unlinked_table"),
                two + "int print(const char *format, ...) { return format[0]; }");
    CHECK(claim.of("f") == OriginStatus::proven);
}

TEST_CASE("the name of a source file may begin in another folder")
{
    const std::string unit = "extern int warn(const char *); int f(void) { return warn(\"fs/inode.c\") + 1; }";
    const std::string rest = "int warn(const char *file) { return file[0]; }";
    CHECK(Claim(unit, replaced(unit, "fs/inode", "/usr/src/linux/fs/inode"), rest).of("f") == OriginStatus::proven);
    CHECK(Claim(unit, replaced(unit, "fs/inode", "fs/super"), rest).of("f") == OriginStatus::different);
}

TEST_CASE("read-only data is held against the image, with the strings that it points to")
{
    const std::string unit = "static const int table[] = { 1, 2, 3 };\nint writable = 5;\n"
                             "static const char *const names[] = { \"one\", \"two\" };\nconst int shown[] = { 7, 8 };\n"
                             "int f(int x) { writable += x; return table[x] + names[x][0]; }\n";
    auto differs = [&](const std::string& claimed, std::string_view name) {
        Claim claim(unit, claimed);
        CHECK(claim.of("f") == OriginStatus::proven);
        CHECK(claim.origin.data.size() == 3);
        const DataOrigin* data = claim.origin.find_data(symbol(claim.unit, name).index);
        REQUIRE(data);
        symbols::Exports exports;
        OriginResolver resolver(claim.origin, claim.unit, claim.image, claim.image, exports);
        CHECK(resolver.resolve_defined(symbol(claim.unit, name)).has_other_content != data->is_same);
        return !data->is_same;
    };
    for (const char* name : {"table", "names", "shown"})
        CHECK_FALSE(differs(unit, name));
    CHECK(differs(replaced(unit, "1, 2, 3", "1, 2, 4"), "table"));
    CHECK(differs(replaced(unit, "\"two\"", "\"too\""), "names"));
    CHECK(differs(replaced(unit, "7, 8", "7, 9"), "shown"));
    CHECK_FALSE(differs(replaced(unit, "writable = 5", "writable = 6"), "table"));
}

TEST_CASE("weak data in whose place the image has another unit's is not the unit's affair")
{
    const std::string unit = "__attribute__((weak)) const int table[] = { 1, 2, 3 };\n"
                             "int f(int x) { return table[x] + 1; }\n";
    Claim claim(unit, unit, "const int table[] = { 4, 5, 6 };\n");
    CHECK(claim.of("f") == OriginStatus::proven);
    CHECK_FALSE(claim.origin.find_data(symbol(claim.unit, "table").index));
    symbols::Exports exports;
    OriginResolver resolver(claim.origin, claim.unit, claim.image, claim.image, exports);
    const symbols::Resolution found = resolver.resolve_defined(symbol(claim.unit, "table"));
    CHECK(found.is_proven);
    CHECK_FALSE(found.has_other_content);
    Claim alone(unit, unit);
    CHECK(alone.origin.find_data(symbol(alone.unit, "table").index));
}

TEST_CASE("what the image says twice and differently of one symbol is a contradiction")
{
    // In the image, g reads another variable than the source says.
    const std::string real = "extern int thing, other; int f(int x) { return thing + x; } int g(int x) { return other - x; }";
    const std::string rest = "int thing = 1, other = 2;";
    CHECK(Claim(real, real, rest).origin.contradictions.empty());
    Claim claim(real, replaced(real, "other - x", "thing - x"), rest);
    CHECK(claim.of("f") == OriginStatus::proven);
    REQUIRE(!claim.origin.contradictions.empty());
    CHECK(claim.unit.symbol(claim.origin.contradictions[0].symbol).name == "thing");
    // Static ones too, of which the name says nothing.
    const std::string locals = "static int thing, other; int f(int x) { thing += x; return thing; }\n"
                               "int g(int x) { other -= x; return other; }\n"
                               "int h(int x) { thing ^= x; return thing - other; }";
    CHECK(Claim(locals, locals).origin.contradictions.empty());
    Claim mixed(locals, replaced(locals, "other -= x; return other", "thing -= x; return thing"));
    REQUIRE(!mixed.origin.contradictions.empty());
    CHECK(!mixed.origin.contradictions[0].is_misnamed);
}

TEST_CASE("a name that is not local must be at the place that the code refers to")
{
    const std::string real = "extern int other; int f(int x) { return other + x; }";
    Claim claim(real, replaced(replaced(real, "other;", "thing;"), "other +", "thing +"), "int thing = 1, other = 2;");
    REQUIRE(claim.origin.contradictions.size() == 1);
    CHECK(claim.origin.contradictions[0].is_misnamed);
}

TEST_CASE("a weak function that another unit's replaces is not one with other bytes")
{
    const std::string unit = "__attribute__((weak)) int hook(int x) { return x + 1; }\nint f(int x) { return hook(x) + 2; }";
    Claim replaced_one(unit, unit, "int hook(int x) { return x + 7; }");
    CHECK(replaced_one.of("hook") == OriginStatus::overridden);
    CHECK(replaced_one.of("f") == OriginStatus::proven);
    CHECK(replaced_one.origin.contradictions.empty());
    const symbols::Exports exports;
    const OriginResolver resolver(replaced_one.origin, replaced_one.unit, replaced_one.image, replaced_one.image, exports);
    CHECK(resolver.resolve_defined(symbol(replaced_one.unit, "hook")).is_overridden);
    CHECK_FALSE(resolver.resolve_defined(symbol(replaced_one.unit, "f")).is_overridden);
    CHECK(Claim(unit, unit).of("hook") == OriginStatus::proven);
    CHECK(Claim(unit, replaced(unit, "x + 1", "x + 5")).of("hook") == OriginStatus::different);
}

TEST_CASE("a weak function that another unit's replaces is told by its name where its code is the same")
{
    // But for what they refer to, both hooks are the same bytes.
    const std::string unit = "extern int ours, both; __attribute__((weak)) int hook(int x) { return x + ours; }\n"
                             "int f(int x) { return hook(x) + ours + both; }";
    Claim claim(unit, unit, "int ours = 1, both = 2, theirs = 3; int hook(int x) { return x + theirs; }");
    CHECK(claim.of("hook") == OriginStatus::overridden);
    CHECK(claim.of("f") == OriginStatus::proven);
    CHECK(claim.origin.contradictions.empty());
}

TEST_CASE("nameless constants that stand among the variables in the image say nothing of one another's places")
{
    const std::string unit = "struct entry { const char *text; int length; };\n"
                             "static const struct entry first[] = {{\"one\\0uno\", 7}};\n"
                             "static const struct entry second[] = {{\"two\\0dos, zwei\", 13}};\n"
                             "static const struct entry third[] = {{\"three\\0tres\", 10}};\n"
                             "int f(int i) { return first[i].text[0] + first[i].length; }\n"
                             "int g(int i) { return second[i].text[1] - second[i].length; }\n"
                             "int h(int i) { return third[i].text[2] ^ third[i].length; }\n";
    Claim claim(unit, unit);
    for (const char* name : {"f", "g", "h"})
        CHECK(claim.of(name) == OriginStatus::proven);
    CHECK(claim.origin.contradictions.empty());
}

TEST_CASE("a symbol of which the image shows no place is found by its name and is not proven")
{
    // Only code that is not looked for refers to `hidden`; `fresh` is new in the patched unit.
    const std::string unit = "static int hidden; int f(int x) { return x + 1; }\n"
                             "__attribute__((section(\".init.text\"))) int start(int x) { return hidden += x; }\n";
    Claim claim(unit, unit, "int fresh = 3;");
    symbols::Exports exports;
    OriginResolver resolver(claim.origin, claim.unit, claim.image, claim.image, exports);
    symbols::Resolution hidden = resolver.resolve_defined(symbol(claim.unit, "hidden"));
    CHECK(hidden.kind == symbols::Resolution::Kind::livepatch);
    CHECK_FALSE(hidden.is_proven);
    CHECK_FALSE(hidden.is_global);
    symbols::Resolution fresh = resolver.resolve_undefined("fresh");
    CHECK(fresh.kind == symbols::Resolution::Kind::livepatch);
    CHECK_FALSE(fresh.is_proven);
    CHECK(fresh.is_global);
}

TEST_CASE("an instruction with two relocations behind a jump that became shorter is matched")
{
    const std::string unit = "extern int outside(int); extern int thing; int *slot; int limit = 3;\n"
                             "__attribute__((noinline)) int target(int x) { return outside(x) + limit; }\n"
                             "int jumper(int x, int y) { if (y > limit) { slot = &thing; return target(x); }\n"
                             "  slot = &limit; return target(y) + 1; }\n";
    const std::string rest = "int thing, another; int outside(int x) { return x ^ 1; }";
    Claim claim(unit, unit, rest);
    REQUIRE(claim.image.symbols().symbols()[claim.image.symbols().find("jumper")[0]].size < symbol(claim.unit, "jumper").size);
    CHECK(claim.of("jumper") == OriginStatus::proven);
    CHECK(claim.origin.symbols.contains(symbol(claim.unit, "slot").index));
    CHECK(claim.origin.contradictions.empty());
    CHECK(Claim(unit, replaced(unit, "return target(y) + 1", "return target(y) + 2"), rest).of("jumper") ==
          OriginStatus::different);
}

TEST_CASE("nothing is said of a machine whose relocations cannot be read back")
{
    if (std::system("command -v clang-19 > /dev/null 2>&1") != 0) {
        MESSAGE("skipped: clang-19 is not there");
        return;
    }
    ScratchDirectory scratch;
    std::string source = scratch.write("far.c", "extern int other(int); int f(int x) { return other(x) + 3; }").string();
    std::string object = (scratch.path() / "far.o").string();
    run("clang-19 --target=aarch64-linux-gnu -O2 -ffreestanding -c " + source + " -o " + object);
    UnitOrigin origin = prove_origin(elf::Object::open(object), open_image(object, "module"));
    REQUIRE(origin.functions.size() == 1);
    CHECK(origin.functions[0].status == OriginStatus::unreadable);
    CHECK(origin.symbols.empty());
}
