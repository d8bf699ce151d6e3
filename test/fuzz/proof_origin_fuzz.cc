// Proof of origin, and the answers that come of it: whatever the files say, no crash.
// Input: the unit and the image.
#include "input.h"
#include "proof/origin_resolver.h"
#include "report/finding.h"

using namespace klp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto [first, second] = fuzz::split({data, size});
    try {
        elf::Object unit = fuzz::read_object("unit", first);
        elf::Object file = fuzz::read_object("image", second);
        symbols::SymbolTable table = symbols::read_elf_symbols(file, file.type() == 1 ? "module" : "vmlinux");
        proof::Image image(std::move(file), std::move(table));
        proof::UnitOrigin origin = proof::prove_origin(unit, image);
        symbols::Exports exports;
        proof::OriginResolver resolver(origin, unit, image, image, exports);
        for (const elf::Symbol& symbol : unit.symbols())
            if (symbol.is_undefined())
                resolver.resolve_undefined(symbol.name);
            else
                resolver.resolve_defined(symbol);
    } catch (const report::Refusal&) {
    }
    return 0;
}
