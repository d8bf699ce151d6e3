#include "diff/compiled_alike.h"

#include "diff/correlate.h"
#include "diff/names.h"

#include <set>
#include <string_view>

namespace klp::diff {

namespace {

std::set<std::string_view> changed_names(const Unit& original, const Unit& patched) {
    const Comparison comparison = compare(original, patched, correlate(original, patched));
    std::set<std::string_view> names;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index)
        if (comparison.changed_functions[index])
            names.insert(source_name(patched.name(patched.piece(index))));
    return names;
}

} // namespace

Comparison only_changes_of(const Unit& alike, const Unit& original, const Unit& patched, const Correlation& correlation,
                           Comparison comparison) {
    const std::set<std::string_view> changed = changed_names(original, alike);
    std::set<std::string_view> lost = changed;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        if (patched.piece(index).kind != PieceKind::function)
            continue;
        const std::string_view name = source_name(patched.name(patched.piece(index)));
        comparison.changed_functions[index] = comparison.changed_functions[index] && changed.contains(name);
        if (correlation.to_original[index] != none)
            lost.erase(name);
    }
    if (!lost.empty())
        throw report::Refusal(
            {"diff.compiled-apart", report::Severity::error, patched.object().name(), std::string(*lost.begin()),
             "the patch changes it, and it is no function of its own where the unit is compiled in another "
             "way",
             ""});
    return comparison;
}

std::vector<report::Finding> without_false_removals(const elf::Object& alike, std::vector<report::Finding> findings) {
    std::set<std::string_view> there;
    for (const elf::Symbol& symbol : alike.symbols())
        if (symbol.is_function())
            there.insert(symbol.name);
    std::erase_if(findings, [&](const report::Finding& finding) {
        return finding.code == "diff.function-removed" && there.contains(finding.function);
    });
    return findings;
}

} // namespace klp::diff
