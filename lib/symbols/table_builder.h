// Gathers symbols in the order of a symbol table and puts them into the order of kallsyms. Private to this room.
#pragma once

#include "symbols/kernel_symbols.h"

namespace klp::symbols {

class TableBuilder {
public:
    // With an `owner`, in which all names lie, they are not copied.
    TableBuilder(std::string object_name, size_t expected, std::shared_ptr<const void> owner = nullptr);

    // A new STT_FILE symbol: it stands for the local symbols that follow.
    void start_file(std::string_view name);
    // `symbol.file` is filled in for local symbols. `is_absolute` for SHN_ABS.
    void add(KernelSymbol symbol, bool is_absolute);
    // Does the object have any symbol, those that kallsyms leaves out included?
    bool seen_any() const { return seen_any_; }
    SymbolTable finish() &&;

private:
    std::string_view keep(std::string_view text);

    std::string object_name_;
    bool is_vmlinux_;
    bool owns_names_; // by copies
    bool seen_any_ = false;
    std::vector<KernelSymbol> symbols_;
    std::vector<std::string> files_{std::string()};
    std::vector<std::shared_ptr<const void>> names_;
    char* block_ = nullptr; // the last of names_, filled from the front
    size_t room_ = 0;
};

} // namespace klp::symbols
