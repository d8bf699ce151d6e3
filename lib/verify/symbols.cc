// Loader steps simplify_symbols() and layout_symtab(): the symbol table.
#include "convert/reference.h"
#include "elf/livepatch_abi.h"
#include "verify/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace klp::verify {

namespace {

bool is_known_place(uint16_t section, size_t sections) {
    return section < sections || section == SHN_ABS || section == SHN_COMMON || section == elf::shn_livepatch;
}

std::string name_of(const elf::Symbol& symbol) {
    return symbol.name.empty() ? fmt::format("symbol {}", symbol.index) : std::string(symbol.name);
}

// What the loader takes from the table as it is.
void check_entry(const Subject& subject, const elf::Symbol& symbol, const Elf64_Sym& raw, uint64_t names,
                 Verdict& verdict) {
    if (raw.st_name >= names)
        verdict.add("form.symbol-string", name_of(symbol),
                    fmt::format("its name is at {:#x} of {:#x}", raw.st_name, names));
    if (!is_known_place(raw.st_shndx, subject.module.sections().size()))
        verdict.add("form.symbol-section", name_of(symbol), fmt::format("st_shndx is {:#x}", raw.st_shndx));
    constexpr auto types =
        std::to_array<uint8_t>({STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE, STT_COMMON});
    if (std::ranges::find(types, symbol.type) == types.end())
        verdict.add("form.symbol-kind", name_of(symbol),
                    fmt::format("it is of type {}, which the loader takes for an ordinary one", symbol.type));
    if (symbol.binding > STB_WEAK)
        verdict.add("form.symbol-kind", name_of(symbol), fmt::format("its binding is {}", symbol.binding));
    if (symbol.is_undefined() && (symbol.value != 0 || symbol.size != 0))
        verdict.add("form.undefined-value", name_of(symbol),
                    fmt::format("it is undefined, but st_value is {:#x}, st_size {:#x}", symbol.value, symbol.size));
    if (symbol.place == elf::Place::livepatch && symbol.value != 0)
        verdict.add("form.undefined-value", name_of(symbol), fmt::format("st_value is {:#x}", symbol.value));
}

void check_range(const Subject& subject, const elf::Symbol& symbol, Verdict& verdict) {
    const elf::Section* section = subject.module.section_of(symbol);
    if (!section)
        return;
    if (symbol.value > section->size || symbol.size > section->size - symbol.value)
        verdict.add("form.symbol-range", name_of(symbol),
                    fmt::format("it is at {:#x} with size {:#x}, {} has {:#x} bytes", symbol.value, symbol.size,
                                section->name, section->size));
    if (symbol.is_function() && !section->is_code())
        verdict.add("form.symbol-kind", name_of(symbol), fmt::format("it is a function in {}", section->name));
    if (symbol.is_section() && (symbol.value != 0 || symbol.size != 0 || !symbol.is_local()))
        verdict.add("form.symbol-kind", name_of(symbol), "it stands for a section, but not for its start");
    if (symbol.is_file())
        verdict.add("form.symbol-kind", name_of(symbol), fmt::format("it names a file, but is in {}", section->name));
}

void check_null(const Subject& subject, Verdict& verdict) {
    if (subject.raw.symbols.empty())
        return;
    const Elf64_Sym& null = subject.raw.symbols[0];
    if (null.st_name || null.st_info || null.st_other || null.st_shndx || null.st_value || null.st_size)
        verdict.add("form.null-symbol", "", "a field of it is not zero");
}

void check_livepatch_name(const elf::Symbol& symbol, Verdict& verdict) {
    const bool has_name = symbol.name.starts_with(elf::klp_symbol_prefix);
    if (has_name != (symbol.place == elf::Place::livepatch))
        verdict.add("form.symbol-place", symbol.name,
                    has_name ? "it is named like a livepatch symbol but is not SHN_LIVEPATCH"
                             : "it is SHN_LIVEPATCH but not named .klp.sym.*");
    else if (has_name && !convert::parse_livepatch_symbol(symbol.name))
        verdict.add("form.symbol-name", symbol.name, "the kernel cannot take this name apart");
}

void check_order(const Subject& subject, Verdict& verdict) {
    std::span<const elf::Symbol> symbols = subject.module.symbols();
    const uint32_t table = subject.module.symbol_table_section();
    if (symbols.empty() || table == 0)
        return;
    auto is_global = [](const elf::Symbol& symbol) { return !symbol.is_local(); };
    auto first = std::find_if(symbols.begin() + 1, symbols.end(), is_global);
    const auto first_index = static_cast<uint32_t>(first - symbols.begin());
    if (!std::all_of(first, symbols.end(), is_global))
        verdict.add("form.symbol-order", "", "a local symbol comes after a global one");
    else if (subject.module.section(table).info != first_index)
        verdict.add("form.symbol-order", "",
                    fmt::format("sh_info is {}, the first symbol that is not local is {}",
                                subject.module.section(table).info, first_index));
}

} // namespace

void check_symbols(const Subject& subject, Verdict& verdict) {
    const uint32_t table = subject.module.symbol_table_section();
    const uint64_t names = table == 0 ? 0 : subject.module.section(subject.module.section(table).link).size;
    check_null(subject, verdict);
    for (const elf::Symbol& symbol : subject.module.symbols()) {
        if (symbol.index == 0 || symbol.index >= subject.raw.symbols.size())
            continue;
        check_entry(subject, symbol, subject.raw.symbols[symbol.index], names, verdict);
        check_range(subject, symbol, verdict);
        check_livepatch_name(symbol, verdict);
        if (symbol.place == elf::Place::common && !symbol.name.starts_with("__gnu_lto"))
            verdict.add("form.common-symbol", symbol.name, "it is a common symbol");
        if (symbol.is_undefined() && symbol.name.empty())
            verdict.add("form.symbol-string", name_of(symbol), "it is undefined and has no name");
        if (symbol.is_undefined() && symbol.is_local())
            verdict.add("form.symbol-kind", name_of(symbol), "it is undefined and local");
        if (symbol.name.starts_with(elf::reference_prefix))
            verdict.add("form.unconverted", symbol.name, "the symbol is for klp-convert and not for the kernel");
    }
    check_order(subject, verdict);
}

} // namespace klp::verify
