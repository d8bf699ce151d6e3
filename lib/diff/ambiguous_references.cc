#include "diff/ambiguous_references.h"

#include "diff/piece_finding.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::diff {

namespace {

int64_t distance(const Unit& unit, uint32_t a, uint32_t b) {
    return difference(static_cast<int64_t>(unit.piece(a).entry), static_cast<int64_t>(unit.piece(b).entry));
}

bool touch_as_before(const Pair& pair, uint32_t meant, uint32_t rival) {
    const uint32_t first = pair.before(meant);
    const uint32_t second = pair.before(rival);
    return pair.original.piece(first).section == pair.original.piece(second).section &&
           distance(pair.original, first, second) == distance(pair.patched, meant, rival);
}

std::ptrdiff_t count_references(const Unit& unit, uint32_t user, uint32_t target) {
    return std::ranges::count_if(unit.relocations(unit.piece(user)), [&](const elf::Relocation& relocation) {
        const Reference reference = unit.reference(unit.piece(user).section, relocation);
        return reference.to == Reference::To::piece && reference.id == target;
    });
}

// Did `from` refer to the original of `meant` as often as it now refers to it or to the rival?
bool refers_as_before(const Pair& pair, uint32_t from, uint32_t meant, uint32_t rival) {
    const uint32_t partner = pair.before(from);
    const uint32_t original = pair.before(meant);
    if (partner == none || original == none || pair.before(rival) != none)
        return false;
    return count_references(pair.original, partner, original) == count_references(pair.patched, from, meant);
}

bool is_ambiguous(const Pair& pair, uint32_t from, const RoutedReference& it) {
    const auto [meant, rival] = std::pair(it.reference.id, it.reference.rival);
    if (rival == none || (it.route == Route::inside && it.rival_route == Route::inside))
        return false;
    if (it.route == Route::original && it.rival_route == Route::original && touch_as_before(pair, meant, rival))
        return false;
    return !refers_as_before(pair, from, meant, rival);
}

report::Finding describe(const Unit& patched, uint32_t from, const Reference& reference) {
    const auto [first, second] = std::minmax(reference.id, reference.rival);
    return error_about(
        patched, from, "diff.ambiguous-reference",
        fmt::format("it refers to the place in {} where {} ends and {} begins, and the object does not say which of "
                    "the two is meant; one of them comes with the patch, the other is the running kernel's",
                    patched.object().section(patched.piece(reference.id).section).name, patched.title(first),
                    patched.title(second)),
        "give the new variable a section of its own (no section attribute, -fdata-sections), or define it after all "
        "others of that section");
}

} // namespace

std::vector<report::Finding> find_ambiguous_references(const Pair& pair, const Selection& selection) {
    std::vector<report::Finding> findings;
    for (uint32_t index : selection.routing.order())
        for (const RoutedReference& it : selection.routing.with_entries(index))
            if (is_ambiguous(pair, index, it))
                findings.push_back(describe(pair.patched, index, it.reference));
    return findings;
}

} // namespace klp::diff
