#include "diff/common_symbols.h"

#include <algorithm>
#include <set>

namespace klp::diff {

std::vector<report::Finding> find_new_commons(const Unit& original, const Unit& patched,
                                              const std::vector<bool>& included) {
    std::set<std::string_view> fresh;
    for (const elf::Symbol& symbol : patched.object().symbols())
        if (symbol.place == elf::Place::common)
            fresh.insert(symbol.name);
    for (const elf::Symbol& symbol : original.object().symbols())
        if (symbol.place == elf::Place::common || symbol.place == elf::Place::section)
            fresh.erase(symbol.name);
    std::vector<report::Finding> findings;
    for (uint32_t index = 0; index < included.size() && !fresh.empty(); ++index) {
        if (!included[index])
            continue;
        for (const elf::Relocation& relocation : patched.relocations(patched.piece(index)))
            if (const auto found = fresh.find(patched.object().symbol(relocation.symbol).name); found != fresh.end()) {
                findings.push_back({"diff.common-symbol", report::Severity::error, patched.object().name(),
                                    std::string(*found),
                                    "the patch adds this variable, and the compiler leaves it to a link to find a "
                                    "place for it, which modules cannot have",
                                    "compile with -fno-common, as kernels are, or give it an initial value"});
                fresh.erase(found);
            }
    }
    return findings;
}

} // namespace klp::diff
