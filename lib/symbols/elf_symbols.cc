#include "elf/object.h"
#include "report/finding.h"
#include "symbols/table_builder.h"

#include <elf.h>

namespace klp::symbols {

SymbolTable read_elf_symbols(const elf::Object& object, std::string object_name) {
    if (!object.has_symbols())
        throw report::Refusal("symbols.stripped", object.name(), "the file has no symbol table",
                              "give the vmlinux or module of the debug package, or the boot image (--vmlinuz)");
    TableBuilder table(std::move(object_name), object.section(object.symbol_table_section()).size / sizeof(Elf64_Sym),
                       object.owner());
    object.visit_symbols([&](const elf::Symbol& symbol) {
        if (symbol.index == 0 || symbol.is_section() || symbol.is_undefined())
            return;
        if (symbol.is_file())
            return table.start_file(symbol.name);
        const elf::Section* section = object.section_of(symbol);
        table.add({.name = symbol.name,
                   .address = symbol.value,
                   .size = symbol.size,
                   .section = section ? section->index : 0,
                   .type = symbol.type,
                   .global = !symbol.is_local(),
                   .weak = symbol.is_weak(),
                   .init = section && section->name.starts_with(".init")},
                  symbol.place == elf::Place::absolute);
    });
    return std::move(table).finish();
}

} // namespace klp::symbols
