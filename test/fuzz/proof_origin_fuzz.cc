// Proof of origin, and the answers that come of it: whatever the files say, no crash.
// Input: the size of the unit (4 bytes, little-endian), the unit, the image.
#include "proof/origin_resolver.h"
#include "report/finding.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace {

using namespace klp;

elf::Object read(const char* name, const uint8_t* data, size_t size) {
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    return elf::Object::from_bytes(name, std::vector<std::byte>(bytes, bytes + size));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    uint32_t first = 0;
    if (size < sizeof first)
        return 0;
    std::memcpy(&first, data, sizeof first);
    data += sizeof first;
    size -= sizeof first;
    first = static_cast<uint32_t>(std::min<size_t>(first, size));
    try {
        elf::Object unit = read("unit", data, first);
        elf::Object file = read("image", data + first, size - first);
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
