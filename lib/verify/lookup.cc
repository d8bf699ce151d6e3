#include "verify/lookup.h"

namespace klp::verify {

Lookup look_up(const symbols::SymbolTable& table, std::string_view name, uint64_t sympos) {
    std::span<const uint32_t> found = table.find(name);
    Lookup result{Lookup::Outcome::missing, nullptr, found.size()};
    if (found.empty())
        return result;
    if (sympos == 0 && found.size() > 1)
        result.outcome = Lookup::Outcome::ambiguous;
    else if (sympos > found.size())
        result.outcome = Lookup::Outcome::out_of_range;
    else {
        result.outcome = Lookup::Outcome::found;
        result.symbol = &table.symbols()[found[sympos == 0 ? 0 : sympos - 1]];
    }
    return result;
}

} // namespace klp::verify
