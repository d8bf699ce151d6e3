#include "origins.h"

using namespace klp;
using namespace klp::proof;
using namespace klp::test;

namespace {

// Two units with a static variable, a static function and a table entry of the same names.
constexpr const char* first_unit = R"(
static int debug = 1;
int shared;
extern int outside(int);
static __attribute__((noinline)) int helper(int x) { return x * 3 + debug; }
int first(int x) { debug++; return helper(outside(x)) + shared; }
static int twin(int x) { return x + 1; }
int (*const first_table[])(int) = { twin, helper };
)";
constexpr const char* second_unit = R"(
static int debug = 2;
extern int shared;
static __attribute__((noinline)) int helper(int x) { return x * 5 - debug; }
int second(int x) { debug--; return helper(x) + shared; }
static int twin(int x) { return x + 1; }
int (*const second_table[])(int) = { twin, helper };
int use_second_table(int i) { return second_table[i](i); }
int outside(int x) { return x ^ 1; }
)";

struct Kernel {
    test::ScratchDirectory scratch;
    std::filesystem::path vmlinux = scratch.path() / "vmlinux";

    Kernel()
    {
        auto a = test::compile_unit(scratch, "a", first_unit);
        auto b = test::compile_unit(scratch, "b", second_unit);
        test::run("ld -e 0 -Ttext=0xffffffff81000000 -o " + vmlinux.string() + " " + a.string() + " " + b.string());
    }
    elf::Object unit(const std::string& name, const char* source) const
    {
        return elf::Object::open(test::compile_unit(scratch, name + "_unit", source, sections));
    }
};

} // namespace

TEST_CASE("a unit of the kernel is proven to be one")
{
    Kernel kernel;
    Image image = open_image(kernel.vmlinux);
    elf::Object unit = kernel.unit("a", first_unit);
    UnitOrigin origin = prove_origin(unit, image);
    CHECK(status(origin, unit, "first") == OriginStatus::proven);
    CHECK(status(origin, unit, "helper") == OriginStatus::proven);
}

TEST_CASE("same-named symbols are told apart by what refers to them")
{
    Kernel kernel;
    Image image = open_image(kernel.vmlinux);
    symbols::Exports exports;
    for (auto [name, source, sympos] :
         {std::tuple{"a", first_unit, 1u}, std::tuple{"b", second_unit, 2u}}) {
        CAPTURE(name);
        elf::Object unit = kernel.unit(name, source);
        UnitOrigin origin = prove_origin(unit, image);
        OriginResolver resolver(origin, unit, image, image, exports);
        // The linker laid unit a before unit b, so kallsyms numbers a's symbols first.
        for (const char* twin : {"debug", "helper"}) {
            CAPTURE(twin);
            symbols::Resolution resolution = resolver.resolve_defined(symbol(unit, twin));
            CHECK(resolution.kind == symbols::Resolution::Kind::livepatch);
            CHECK(resolution.object == "vmlinux");
            CHECK(resolution.sympos == sympos);
            CHECK(resolution.is_proven);
        }
    }
}

TEST_CASE("identical static functions are told apart through the data that points to them")
{
    Kernel kernel;
    Image image = open_image(kernel.vmlinux);
    symbols::Exports exports;
    elf::Object unit = kernel.unit("b", second_unit);
    UnitOrigin origin = prove_origin(unit, image);
    OriginResolver resolver(origin, unit, image, image, exports);
    CHECK(resolver.resolve_defined(symbol(unit, "twin")).sympos == 2);
}

TEST_CASE("same-named functions are told apart by the names of what they call")
{
    // Alike but for the field of the jump, which is the link's.
    const char* locks = "static __attribute__((noinline)) void stop(void) { asm volatile(\"\"); unlock(); }\n";
    const std::string first = std::string("extern void unlock(void);\n") + locks + "void (*const first)(void) = stop;\n";
    std::string second = first;
    for (size_t at; (at = second.find("unlock")) != std::string::npos;)
        second.replace(at, 6, "thunks");
    second.replace(second.find("first"), 5, "other");
    test::ScratchDirectory scratch;
    const auto vmlinux = scratch.path() / "vmlinux";
    test::run("ld -e 0 -Ttext=0xffffffff81000000 -o " + vmlinux.string() + " " +
              test::compile_unit(scratch, "second", second.c_str()).string() + " " +
              test::compile_unit(scratch, "first", first.c_str()).string() + " " +
              test::compile_unit(scratch, "rest", "void unlock(void) { asm(\"\"); }\nvoid thunks(void) { asm(\"\"); }\n").string());
    // No data leads to it in this one.
    const std::string alone = first.substr(0, first.find("void (*const")) + "void again(void) { stop(); }\n";
    elf::Object unit = elf::Object::open(test::compile_unit(scratch, "unit", alone.c_str(), sections));
    const UnitOrigin origin = prove_origin(unit, open_image(vmlinux));
    CHECK(status(origin, unit, "stop") == OriginStatus::proven);
}

TEST_CASE("a unit from another source is not proven")
{
    Kernel kernel;
    Image image = open_image(kernel.vmlinux);
    std::string changed = first_unit;
    changed.replace(changed.find("x * 3"), 5, "x * 7");
    elf::Object unit = kernel.unit("a", changed.c_str());
    UnitOrigin origin = prove_origin(unit, image);
    CHECK(status(origin, unit, "helper") == OriginStatus::different);
}

TEST_CASE("code that names its own entries of a table is proven whatever order they stand in")
{
    // As WARN() of 7.x does it: the entry's address goes to the handler.
    const std::string warn = R"(
        #define WARN(x) asm volatile(".pushsection __bug_table,\"aw\"\n" #x ":\n\t.long 1f - .\n\t.long 0\n\t.popsection\n" \
                                     "1:\tud1 " #x "(%%rip), %%eax" ::: "memory")
    )";
    const std::string first = "int first(int x) { if (x > 5) WARN(.Lfirst); return x + 1; }\n";
    const std::string second = "int second(int x) { if (x > 7) WARN(.Lsecond); return x + 2; }\n";
    test::ScratchDirectory scratch;
    const auto built = test::compile_unit(scratch, "built", (warn + second + first).c_str());
    const auto vmlinux = scratch.path() / "vmlinux";
    test::run("ld -e 0 -Ttext=0xffffffff81000000 -o " + vmlinux.string() + " " + built.string());
    Image image = open_image(vmlinux);
    elf::Object unit = elf::Object::open(test::compile_unit(scratch, "unit", (warn + first + second).c_str(), sections));
    UnitOrigin origin = prove_origin(unit, image);
    CHECK(status(origin, unit, "first") == OriginStatus::proven);
    CHECK(status(origin, unit, "second") == OriginStatus::proven);
    CHECK(origin.contradictions.empty());
}

TEST_CASE("an undefined symbol resolves to what the image calls, an export to an import")
{
    Kernel kernel;
    Image image = open_image(kernel.vmlinux);
    symbols::Exports exports;
    exports.add("shared", {"vmlinux", "", 1, false});
    elf::Object unit = kernel.unit("a", first_unit);
    UnitOrigin origin = prove_origin(unit, image);
    OriginResolver resolver(origin, unit, image, image, exports);
    symbols::Resolution outside = resolver.resolve_undefined("outside");
    CHECK(outside.kind == symbols::Resolution::Kind::livepatch);
    CHECK(outside.is_global);
    CHECK(outside.is_proven);
    CHECK(resolver.resolve_defined(symbol(unit, "shared")).kind == symbols::Resolution::Kind::imported);
    CHECK(resolver.resolve_undefined("nowhere").kind == symbols::Resolution::Kind::absent);
}

TEST_CASE("a module on disk proves its units through its own relocations")
{
    Kernel kernel;
    auto whole = test::compile_unit(kernel.scratch, "m", first_unit);
    auto module = kernel.scratch.path() / "m.ko";
    test::run("ld -r -o " + module.string() + " " + whole.string());
    Image image = open_image(module, "m");
    elf::Object unit = kernel.unit("a", first_unit);
    UnitOrigin origin = prove_origin(unit, image);
    CHECK(origin.count(OriginStatus::proven) == origin.functions.size());
    symbols::Exports exports;
    Image vmlinux = open_image(kernel.vmlinux);
    OriginResolver resolver(origin, unit, image, vmlinux, exports);
    symbols::Resolution debug = resolver.resolve_defined(symbol(unit, "debug"));
    CHECK(debug.object == "m");
    CHECK(debug.sympos == 0);
    CHECK(debug.is_proven);
}

namespace {

// A tail call to a neighbour: short where both are in one section, long where each has its own.
constexpr const char* jumping_unit = R"(
extern int outside(int);
int limit = 3;
__attribute__((noinline)) int target(int x) { return outside(x) + limit; }
int jumper(int x, int y) { if (y > limit) return target(x); for (int i = 0; i < y; i++) x += outside(i); return x; }
)";

} // namespace

TEST_CASE("code whose jumps became shorter in the kernel's own build is proven")
{
    test::ScratchDirectory scratch;
    // Profiling calls, which the build makes no-ops, are part of it: in a module they keep their relocations.
    const std::string profiled = "-pg -mfentry";
    auto whole = test::compile_unit(scratch, "whole", jumping_unit, profiled.c_str());
    auto rest = test::compile_unit(scratch, "rest", "void __fentry__(void) {} int outside(int x) { return x ^ 1; }");
    auto vmlinux = scratch.path() / "vmlinux";
    test::run("ld -e 0 -Ttext=0xffffffff81000000 -o " + vmlinux.string() + " " + whole.string() + " " + rest.string());
    auto module = scratch.path() / "m.ko";
    test::run("ld -r -o " + module.string() + " " + whole.string());
    elf::Object unit = elf::Object::open(test::compile_unit(scratch, "unit", jumping_unit, (profiled + " " + sections).c_str()));
    for (auto& [file, object] : {std::pair{vmlinux, "vmlinux"}, std::pair{module, "m"}}) {
        CAPTURE(object);
        Image image = open_image(file, object);
        auto size_in_image = image.symbols().symbols()[image.symbols().find("jumper")[0]].size;
        REQUIRE(size_in_image < symbol(unit, "jumper").size); // otherwise this tests nothing
        UnitOrigin origin = prove_origin(unit, image);
        CHECK(status(origin, unit, "jumper") == OriginStatus::proven);
        auto target = origin.symbols.find(symbol(unit, "target").index);
        REQUIRE(target != origin.symbols.end());
        CHECK(target->second.location == image.location(image.symbols().symbols()[image.symbols().find("target")[0]]));

        for (auto [from, to] : {std::pair{"y > limit", "y <= limit"}, std::pair{"i < y", "i < x"},
                                std::pair{"return target(x);", "return target(y);"}}) {
            CAPTURE(to);
            std::string changed = jumping_unit;
            changed.replace(changed.find(from), std::string(from).size(), to);
            elf::Object other = elf::Object::open(test::compile_unit(scratch, "other", changed.c_str(), (profiled + " " + sections).c_str()));
            CHECK(status(prove_origin(other, image), other, "jumper") == OriginStatus::different);
        }
    }
}

TEST_CASE("another module's export is the owner's affair if the owner needs that module, and an import if nobody does")
{
    Kernel kernel;
    const char* source = "static const char depends[] __attribute__((section(\".modinfo\"), used)) = "
                         "\"depends=other,needed-one\";\n"
                         "int enter(int x) { return x; }\n";
    auto whole = test::compile_unit(kernel.scratch, "m", source);
    auto module = kernel.scratch.path() / "m.ko";
    test::run("ld -r -o " + module.string() + " " + whole.string());
    Image image = open_image(module, "m");
    Image vmlinux = open_image(kernel.vmlinux);
    symbols::Exports exports;
    exports.add("held", {"needed_one", "", 1, false});
    exports.add("loose", {"stranger", "SPACE", 1, false});
    exports.add("chosen", {"vmlinux", "module:m", 1, false});
    elf::Object unit = kernel.unit("m", source);
    UnitOrigin origin = prove_origin(unit, image);
    OriginResolver resolver(origin, unit, image, vmlinux, exports);
    symbols::Resolution held = resolver.resolve_undefined("held");
    CHECK(held.kind == symbols::Resolution::Kind::livepatch);
    CHECK(held.object == "needed_one");
    symbols::Resolution loose = resolver.resolve_undefined("loose");
    CHECK(loose.kind == symbols::Resolution::Kind::imported);
    CHECK(loose.name_space == "SPACE");
    // No livepatch is one of the modules that a symbol is exported for.
    const symbols::Resolution chosen = resolver.resolve_undefined("chosen");
    CHECK(chosen.kind == symbols::Resolution::Kind::livepatch);
    CHECK(chosen.object == "vmlinux");
    CHECK(chosen.is_proven);
    CHECK_FALSE(chosen.is_global); // its plain name would be an import

    // Code of vmlinux needs no module at all.
    elf::Object first = kernel.unit("a", first_unit);
    UnitOrigin first_origin = prove_origin(first, vmlinux);
    OriginResolver of_vmlinux(first_origin, first, vmlinux, vmlinux, exports);
    CHECK(of_vmlinux.resolve_undefined("held").kind == symbols::Resolution::Kind::imported);
}
