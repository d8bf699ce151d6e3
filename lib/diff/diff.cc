#include "diff/diff.h"

#include "diff/address_escapes.h"
#include "diff/callbacks.h"
#include "diff/changes.h"
#include "diff/check_pair.h"
#include "diff/compare.h"
#include "diff/compiled_alike.h"
#include "diff/correlate.h"
#include "diff/emit.h"
#include "diff/entry_sizes.h"
#include "diff/items.h"
#include "diff/left_out.h"
#include "diff/macros.h"
#include "diff/review.h"
#include "diff/select.h"
#include "diff/start_only.h"
#include "diff/tail_calls.h"
#include "diff/unit.h"

#include <algorithm>
#include <array>
#include <future>
#include <set>
#include <tuple>
#include <unordered_set>

namespace klp::diff {

namespace {

void append(std::vector<report::Finding>& all, const std::vector<report::Finding>& more) {
    all.insert(all.end(), more.begin(), more.end());
}

// All that stands in the way, in one round; two stages may see the same fault.
void refuse_errors(const std::vector<report::Finding>& findings) {
    std::vector<report::Finding> errors;
    std::set<std::tuple<std::string, std::string, std::string>> seen;
    for (const report::Finding& it : findings)
        if (it.severity == report::Severity::error && seen.emplace(it.code, it.function, it.message).second)
            errors.push_back(it);
    if (!errors.empty())
        throw report::Refusal(std::move(errors));
}

std::vector<LeftOut> list_harmless(const Unit& patched, const Comparison& comparison) {
    std::vector<LeftOut> list;
    for (const Harmless& it : comparison.harmless)
        list.push_back({patched.title(it.piece), it.what});
    return list;
}

} // namespace

Diff run(const elf::Object& original_object, const elf::Object& patched_object, const Options& options) {
    check_pair(original_object, patched_object);
    const CheckedSizes sizes = without_contradicted(original_object, patched_object, options.entry_sizes);
    auto other = std::async(std::launch::async, [&] { return Unit(original_object, sizes.sizes); });
    const Unit patched(patched_object, sizes.sizes);
    const Unit original = other.get();
    const Macros macros = read_macros(patched);
    const Correlation correlation = correlate(original, patched);
    const Pair pair{original, patched, correlation, macros};
    Comparison comparison = compare(original, patched, correlation);
    if (options.compiled_alike)
        comparison = only_changes_of(Unit(*options.compiled_alike, sizes.sizes), original, patched, correlation,
                                     std::move(comparison));
    const Changes changes = find_changes(pair, comparison, options.owner, options.is_untouched);
    const KernelSymbols kernel(original_object, options);
    const Selected selected = select(pair, changes, kernel);
    const Selection& selection = selected.selection;

    Diff diff;
    diff.harmless = list_harmless(patched, comparison);
    diff.findings =
        options.compiled_alike ? without_false_removals(*options.compiled_alike, selected.findings) : selected.findings;
    append(diff.findings, sizes.findings);
    diff.nothing_changed = std::ranges::find(selection.included, true) == selection.included.end();
    if (diff.nothing_changed) {
        refuse_errors(diff.findings);
        return diff;
    }
    diff.callbacks = name_callbacks(pair, options.owner);
    append(diff.findings, find_early_callbacks(pair, selection, kernel));
    append(diff.findings, check_callbacks(diff.callbacks, patched_object.name()));
    Emission emission = emit(pair, selected, kernel);
    append(diff.findings, emission.findings);
    refuse_errors(diff.findings);
    append(diff.findings, find_tail_calls(patched, selection));
    append(diff.findings, find_address_escapes(patched, selection));
    append(diff.findings, find_start_only(pair, changes, options));
    diff.output = std::move(emission.output);
    diff.references = std::move(emission.references);
    diff.import_namespaces = std::move(emission.import_namespaces);
    diff.items = list_items(pair, selection, kernel);
    if (options.explain)
        diff.items = explain_items(std::move(diff.items), pair, changes, selection);
    if (options.review)
        diff.items = review_items(std::move(diff.items), pair, selection);
    diff.items.insert(diff.items.end(), emission.literals.begin(), emission.literals.end());
    return diff;
}

std::vector<report::Finding> changes_without_effect(const std::vector<report::Finding>& findings) {
    constexpr std::array late{std::string_view("diff.registry-changed"),  std::string_view("diff.registry-added"),
                              std::string_view("diff.init-data-changed"), std::string_view("diff.init-inlined"),
                              std::string_view("diff.storage-late"),      std::string_view("diff.alignment-kept")};
    std::vector<report::Finding> errors;
    for (const report::Finding& finding : findings) {
        report::Finding error = finding;
        error.severity = report::Severity::error;
        if (std::ranges::find(late, finding.code) != late.end()) {
            error.hint =
                "the patch changes nothing else: have a pre-patch callback (KLP_PRE_PATCH_CALLBACK(), which may "
                "be all there is in a patch) do what the start of the kernel or module would have done; what "
                "others read from a module's file, such as its aliases, no live patch can change";
        } else if (finding.code == "sense.export-changed") {
            error.hint = "the patch changes nothing else, and what is exported no live patch can change";
        } else if (finding.code == left_out_code) {
            error.code = "diff.only-ignored-changes";
            error.hint = "nothing else changes, so there is nothing to patch; if that is what you want, there is no "
                         "need for a live patch: this kernel goes on with the old code";
        } else {
            continue;
        }
        errors.push_back(std::move(error));
    }
    return errors;
}

std::vector<std::string> new_globals(const elf::Object& original, const elf::Object& patched) {
    auto globals = [](const elf::Object& object) {
        std::unordered_set<std::string_view> names;
        for (const elf::Symbol& symbol : object.symbols())
            if (!symbol.is_local() && symbol.place == elf::Place::section && !symbol.name.empty())
                names.insert(symbol.name);
        return names;
    };
    std::unordered_set<std::string_view> before = globals(original);
    std::vector<std::string> fresh;
    for (std::string_view name : globals(patched))
        if (!before.contains(name))
            fresh.emplace_back(name);
    std::ranges::sort(fresh);
    return fresh;
}

} // namespace klp::diff
