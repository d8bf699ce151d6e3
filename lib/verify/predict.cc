#include "arch/field.h"
#include "convert/core_table.h"
#include "convert/reference.h"
#include "elf/livepatch_abi.h"
#include "verify/lookup.h"
#include "verify/verify.h"

#include <fmt/format.h>

#include <set>

namespace klp::verify {

namespace {

void predict_symbol(std::string symbol, const convert::LivepatchName& name, const symbols::KernelView& kernel,
                    Prediction& prediction) {
    const symbols::SymbolTable* table = kernel.table(name.object);
    if (!table)
        return;
    Lookup lookup = look_up(*table, name.name, name.sympos);
    if (!lookup.symbol)
        return;
    PredictedSymbol predicted{std::move(symbol), std::string(name.object), std::string(name.name),
                              name.sympos,       lookup.symbol->address,   {}};
    const elf::Object* image = name.object == "vmlinux" ? nullptr : kernel.image(name.object);
    if (image && lookup.symbol->section < image->sections().size())
        predicted.section = image->section(lookup.symbol->section).name;
    prediction.symbols.push_back(std::move(predicted));
}

void predict_symbols(const elf::Object& module, const symbols::KernelView& kernel, Prediction& prediction) {
    for (const elf::Symbol& symbol : module.symbols())
        if (symbol.place == elf::Place::livepatch)
            if (std::optional<convert::LivepatchName> name = convert::parse_livepatch_symbol(symbol.name))
                predict_symbol(std::string(symbol.name), *name, kernel, prediction);
}

void predict_field(const elf::Object& module, std::string_view object, std::string_view section,
                   const elf::Relocation& relocation, std::string symbol, Prediction& prediction) {
    if (std::optional<arch::Field> field = arch::relocated_field(module.machine(), relocation.type))
        prediction.fields.push_back({std::string(object), std::string(section), relocation.offset, field->width,
                                     field->pc_relative, relocation.addend, std::move(symbol)});
}

void predict_fields(const elf::Object& module, Prediction& prediction) {
    for (const elf::RelocationTable& table : module.relocation_tables()) {
        if (!(module.section(table.section).flags & elf::shf_rela_livepatch))
            continue;
        const auto owner = convert::parse_livepatch_section(module.section(table.section).name);
        for (const elf::Relocation& relocation : table.entries)
            predict_field(module, owner ? owner->object : std::string_view(), module.section(table.target).name,
                          relocation, std::string(module.symbol(relocation.symbol).name), prediction);
    }
}

// What klp-build's own core writes: it has the same as data, without symbols.
void predict_core_table(const elf::Object& module, const symbols::KernelView& kernel, Prediction& prediction) {
    std::set<std::string> seen;
    for (const convert::CoreRelocation& entry : convert::read_core_table(module).entries) {
        if (!entry.section)
            continue;
        std::string symbol =
            fmt::format("{}{}.{},{}", elf::klp_symbol_prefix, entry.symbol_object, entry.symbol, entry.sympos);
        if (seen.insert(symbol).second)
            predict_symbol(symbol, {entry.symbol_object, entry.symbol, entry.sympos}, kernel, prediction);
        const elf::Relocation relocation{.offset = entry.offset, .type = entry.type, .addend = entry.addend};
        predict_field(module, entry.object, entry.section->name, relocation, std::move(symbol), prediction);
    }
}

} // namespace

Prediction predict(const elf::Object& module, const symbols::KernelView& kernel) {
    Prediction prediction;
    predict_symbols(module, kernel, prediction);
    predict_fields(module, prediction);
    predict_core_table(module, kernel, prediction);
    return prediction;
}

} // namespace klp::verify
