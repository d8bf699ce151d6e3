// What a symbol table alone tells of the symbols of a unit.
#include "symbols/table_resolver.h"

#include "hand_made.h"

#include <doctest/doctest.h>

using namespace klp;
using symbols::KernelSymbol;
using symbols::Resolution;

namespace {

// unit.c with the functions `f` and `helper`.
elf::Object unit() {
    test::HandMade object;
    object.builder.add_symbol({.name = "unit.c", .type = STT_FILE, .place = elf::Place::absolute});
    const uint32_t code = object.code(".text", std::vector<std::byte>(16));
    object.define("f", code, STT_FUNC, 0, 8);
    object.define("helper", code, STT_FUNC, 8, 8);
    return object.object();
}

Resolution helper_in(std::vector<KernelSymbol> list) {
    const elf::Object object = unit();
    const symbols::SymbolTable table("vmlinux", std::move(list), {"", "unit.c", "other.c"}, {});
    const symbols::Exports exports;
    const symbols::TableResolver resolver(object, table, exports);
    for (const elf::Symbol& symbol : object.symbols())
        if (symbol.name == "helper")
            return resolver.resolve_defined(symbol);
    FAIL("the unit has no helper");
    return {};
}

constexpr KernelSymbol f{.name = "f", .address = 0x10, .file = 1};

} // namespace

TEST_CASE("a unit's symbol that the table lacks, or has of another source only, is absent") {
    CHECK(helper_in({f, {.name = "helper", .address = 0x20, .file = 1}}).kind == Resolution::Kind::livepatch);
    CHECK(helper_in({f}).kind == Resolution::Kind::absent);
    CHECK(helper_in({f, {.name = "helper", .address = 0x20, .file = 2}}).kind == Resolution::Kind::absent);
    // Where nothing is known of the sources the name has to do.
    CHECK(helper_in({{.name = "helper", .address = 0x20}}).kind == Resolution::Kind::livepatch);
    const Resolution two =
        helper_in({f, {.name = "helper", .address = 0x20, .file = 1}, {.name = "helper", .address = 0x30, .file = 2}});
    CHECK(two.kind == Resolution::Kind::livepatch);
    CHECK(two.sympos == 1);
}

TEST_CASE("a unit's own export for certain modules is no plain import") {
    const elf::Object object = [] {
        test::HandMade made;
        const uint32_t code = made.code(".text", std::vector<std::byte>(8));
        made.define("shared", code, STT_FUNC, 0, 8, STB_GLOBAL);
        return made.object();
    }();
    const symbols::SymbolTable table("vmlinux", {{.name = "shared", .address = 0x10, .global = true}}, {""}, {});
    for (const bool is_for_some : {false, true}) {
        CAPTURE(is_for_some);
        symbols::Exports exports;
        exports.add(
            "shared",
            {.module = "vmlinux", .name_space = is_for_some ? "module:friend" : "", .crc = 0, .gpl_only = true});
        const symbols::TableResolver resolver(object, table, exports);
        for (const elf::Symbol& symbol : object.symbols())
            if (symbol.name == "shared") {
                const Resolution found = resolver.resolve_defined(symbol);
                CHECK((found.kind == Resolution::Kind::livepatch) == is_for_some);
                CHECK(found.is_for_some == is_for_some);
            }
    }
}
