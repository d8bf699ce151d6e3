// Any bytes as each of the files that symbols and exports are read from.
#include "elf/object.h"
#include "report/finding.h"
#include "require.h"
#include "symbols/boot_image.h"
#include "symbols/symvers.h"

#include <cstdint>

using namespace klp;

namespace {

void check(const symbols::SymbolTable& table) {
    for (const symbols::KernelSymbol& symbol : table.symbols()) {
        fuzz::require(!table.find(symbol.name).empty());
        fuzz::require(table.sympos(symbol) <= table.find(symbol.name).size());
        table.file_of(symbol);
        if (table.object() == "vmlinux")
            fuzz::require(table.covering(symbol.address) != nullptr);
    }
}

void attempt(auto&& action) {
    try {
        action();
    } catch (const report::Refusal& refusal) {
        fuzz::require(!refusal.findings().empty());
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    std::vector<std::byte> file(bytes, bytes + size);
    std::string_view text(reinterpret_cast<const char*>(data), size);
    attempt([&] { check(symbols::read_readelf_symbols(text, "input", "vmlinux")); });
    attempt([&] { symbols::read_symvers(text, "input"); });
    attempt([&] { check(symbols::read_elf_symbols(elf::Object::from_bytes("input", file), "m")); });
    attempt([&] {
        elf::Object image = symbols::unpack_boot_image(file, "input");
        attempt([&] { check(symbols::read_elf_symbols(image, "vmlinux")); });
        check(symbols::read_kallsyms(image));
    });
    return 0;
}
