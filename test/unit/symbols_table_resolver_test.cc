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
