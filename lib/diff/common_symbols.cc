#include "diff/common_symbols.h"

#include <set>
#include <string_view>

namespace klp::diff {

std::vector<report::Finding> find_new_commons(const Pair& pair, const Selection& selection) {
    std::set<std::string_view> fresh;
    for (const elf::Symbol& symbol : pair.patched.object().symbols())
        if (symbol.place == elf::Place::common)
            fresh.insert(symbol.name);
    for (const elf::Symbol& symbol : pair.original.object().symbols())
        if (symbol.place == elf::Place::common || symbol.place == elf::Place::section)
            fresh.erase(symbol.name);
    std::vector<report::Finding> findings;
    for (uint32_t from : selection.routing.order())
        for (const RoutedReference& it : selection.routing.of(from)) {
            if (it.route != Route::external || fresh.erase(pair.patched.object().symbol(it.reference.id).name) == 0)
                continue;
            findings.push_back(
                {"diff.common-symbol", report::Severity::error, pair.patched.object().name(),
                 std::string(pair.patched.object().symbol(it.reference.id).name),
                 "the patch adds this variable, and the compiler leaves it to a link to find a place for it, which "
                 "modules cannot have",
                 "compile with -fno-common, as kernels are, or give it an initial value"});
        }
    return findings;
}

} // namespace klp::diff
