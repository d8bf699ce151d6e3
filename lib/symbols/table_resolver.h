// Answers the differ's questions from tables alone: a symbol table of the target object and a Module.symvers. What
// create-diff-object uses where nothing but these is given; a kernel image proves more (lib/kernel/origin.h).
#pragma once

#include "symbols/kernel_symbols.h"
#include "symbols/resolver.h"
#include "symbols/symvers.h"

#include <unordered_map>

namespace klp::symbols {

class TableResolver : public Resolver {
public:
    // `unit` is the original unit, a part of the object `table` describes. All outlive the resolver.
    TableResolver(const elf::Object& unit, const SymbolTable& table, const Exports& exports);
    // Local symbols of several objects of that name are told apart by the name of their source file and, where sources
    // have the same name too, by the other local symbols of the unit. Absent is what the table lacks, or has of another
    // source file only.
    Resolution resolve_defined(const elf::Symbol& original) const override;
    // A symbol that neither table nor exports know stays a plain import: modpost refuses it if nobody has it.
    Resolution resolve_undefined(std::string_view name) const override;

private:
    void match_files();
    Resolution livepatch(const KernelSymbol& symbol) const;
    Resolution choose(const elf::Symbol& original, const std::vector<const KernelSymbol*>& candidates) const;

    const elf::Object& unit_;
    const SymbolTable& table_;
    const Exports& exports_;
    std::unordered_map<uint32_t, uint32_t> file_of_; // unit's symbol -> its FILE symbol
    std::unordered_map<uint32_t, uint32_t> files_;   // unit's FILE symbol -> the table's file
};

} // namespace klp::symbols
