// Finding a symbol as the livepatch core does. Private to this room.
#pragma once

#include "symbols/kernel_symbols.h"

namespace klp::verify {

// The `sympos`-th symbol of that name as klp_find_object_symbol() finds it, or how it fails.
struct Lookup {
    enum class Outcome { found, missing, ambiguous, out_of_range } outcome = Outcome::missing;
    const symbols::KernelSymbol* symbol = nullptr;
    size_t namesakes = 0;
};

Lookup look_up(const symbols::SymbolTable& table, std::string_view name, uint64_t sympos);

} // namespace klp::verify
