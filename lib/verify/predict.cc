#include "arch/field.h"
#include "convert/reference.h"
#include "elf/livepatch_abi.h"
#include "verify/lookup.h"
#include "verify/verify.h"

namespace klp::verify {

namespace {

void predict_symbols(const elf::Object& module, const symbols::KernelView& kernel, Prediction& prediction) {
    for (const elf::Symbol& symbol : module.symbols()) {
        std::optional<convert::LivepatchName> name = convert::parse_livepatch_symbol(symbol.name);
        const symbols::SymbolTable* table = name ? kernel.table(name->object) : nullptr;
        if (!table || symbol.place != elf::Place::livepatch)
            continue;
        Lookup lookup = look_up(*table, name->name, name->sympos);
        if (!lookup.symbol)
            continue;
        PredictedSymbol predicted{std::string(symbol.name), std::string(name->object),
                                  std::string(name->name),  name->sympos,
                                  lookup.symbol->address,   {}};
        const elf::Object* image = name->object == "vmlinux" ? nullptr : kernel.image(name->object);
        if (image && lookup.symbol->section < image->sections().size())
            predicted.section = image->section(lookup.symbol->section).name;
        prediction.symbols.push_back(std::move(predicted));
    }
}

void predict_fields(const elf::Object& module, Prediction& prediction) {
    for (const elf::RelocationTable& table : module.relocation_tables()) {
        if (!(module.section(table.section).flags & elf::shf_rela_livepatch))
            continue;
        const auto owner = convert::parse_livepatch_section(module.section(table.section).name);
        const std::string object(owner ? owner->object : std::string_view());
        for (const elf::Relocation& relocation : table.entries)
            if (std::optional<arch::Field> field = arch::relocated_field(module.machine(), relocation.type))
                prediction.fields.push_back({object, std::string(module.section(table.target).name), relocation.offset,
                                             field->width, field->pc_relative, relocation.addend,
                                             std::string(module.symbol(relocation.symbol).name)});
    }
}

} // namespace

Prediction predict(const elf::Object& module, const symbols::KernelView& kernel) {
    Prediction prediction;
    predict_symbols(module, kernel, prediction);
    predict_fields(module, prediction);
    return prediction;
}

} // namespace klp::verify
