// Any bytes as a module for klp-convert: a refusal, or a module that reads back and is the same each time.
#include "convert/convert.h"
#include "convert/resolve.h"
#include "input.h"
#include "report/finding.h"
#include "require.h"

#include <algorithm>

using namespace klp;

namespace {

// Every name is there twice, so that the search has something to say.
class EveryName : public symbols::KernelView {
public:
    const symbols::SymbolTable* table(std::string_view object) const override {
        return object == "vmlinux" || object == "m" ? &table_ : nullptr;
    }
    const elf::Object* image(std::string_view) const override { return nullptr; }
    const symbols::Exports* exports() const override { return nullptr; }
    std::string_view vermagic() const override { return {}; }
    bool knows_modules() const override { return true; }

private:
    symbols::SymbolTable table_{"vmlinux", {{.name = "f"}, {.name = "g"}, {.name = "g"}}, {}, {}};
};

bool has_livepatch_symbols(const elf::Object& module) {
    auto is_livepatch = [](const elf::Symbol& symbol) { return symbol.place == elf::Place::livepatch; };
    return std::ranges::any_of(module.symbols(), is_livepatch);
}

void check(const elf::Object& input, const convert::Result& result) {
    fuzz::require(convert::rewrite(input, convert::read_references(input)).bytes == result.bytes);
    elf::Object output = elf::Object::from_bytes("output", result.bytes);
    if (has_livepatch_symbols(input))
        return;
    for (const elf::Section& section : output.sections())
        for (const elf::Relocation& relocation : output.relocations(section.index))
            fuzz::require(output.symbol(relocation.symbol).place != elf::Place::livepatch);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    try {
        elf::Object input = fuzz::read_object("input", {data, size});
        try {
            convert::resolve_references(input, EveryName(), {"m"}, {});
        } catch (const report::Refusal& refusal) {
            fuzz::require(!refusal.findings().empty());
        }
        check(input, convert::convert(input));
    } catch (const report::Refusal& refusal) {
        fuzz::require(!refusal.findings().empty());
    }
    return 0;
}
