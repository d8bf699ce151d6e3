// Objects that exist were made, filled in and stored by the old code: what the patch takes for granted of them.
#include "changed_texts.h"
#include "finding_row.h"
#include "pipeline.h"
#include "same_code.h"

#include "sense/structures.h"
#include "source/object_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace klp::build {

namespace {

using Kind = source::ObjectChange::Kind;

using Row = FindingRow<Kind>; // {0} the function, {1} the other one, {2} what, {3} as it was, {4} as it is

constexpr std::array rows{
    Row{Kind::size, "sense.allocation-changed", report::Severity::warning,
        "it makes `{2}` by {4}, was {3}; objects that exist have the old size",
        "have code that relies on the size tell new objects from old ones: give new ones a shadow variable"},
    Row{Kind::count, "sense.refcount-changed", report::Severity::warning,
        "it makes objects with {4} references in {2}, was {3}; objects that exist have the old number, and whoever "
        "gives back one more frees them while they are in use",
        "leave the number, or note in a shadow variable of the object which code made it"},
    Row{Kind::first_value, "sense.first-value", report::Severity::warning,
        "it gives {2} a first value, which it did not before, and {1}() now goes by it; objects that exist never "
        "got it",
        "have {1}() bear objects without that value, or give new objects a shadow variable and go by it only there"},
    Row{Kind::value, "sense.first-value", report::Severity::warning,
        "it gives {2} the value {4} at first, was {3}, and {1}() now compares with that; objects that exist have the "
        "old "
        "one",
        "have {1}() take the old value for what it meant before"},
    Row{Kind::flag, "sense.first-value", report::Severity::warning,
        "it gives the objects that it makes {4}, which {1}() goes by; objects that exist do not have it",
        "have {1}() bear objects without it: its absence must mean what was true of all objects before"},
    Row{Kind::allocator, "sense.allocator-changed", report::Severity::error,
        "it gives `{2}` back by {4}() now, was {3}(), and {1}() makes it to fit; what exists was made by the old {1}() "
        "and does not belong there",
        "leave both, or have {0}() give back by {3}() what has no shadow variable that the new {1}() attached"},
    Row{Kind::new_allocator, "sense.allocator-changed", report::Severity::warning,
        "it gives `{2}` back by {4}() now, was {3}(), and {1}() makes it to fit; what the new {1}() makes comes to the "
        "old {0}() and its {3}() until all tasks have gone over to the new code, and once the patch is disabled",
        "leave {1}() as it is, and only have {0}() give back by {4}(); a second patch may change {1}() where this one "
        "stays"},
    Row{Kind::managed, "sense.allocator-changed", report::Severity::warning,
        "it gives `{2}` back by {4}() now, which nobody did before, and {1}() makes it to fit; what the old {1}() made "
        "goes with its device, and would be given back twice",
        "leave both, or have {0}() give back only what has a shadow variable that the new {1}() attached"},
    Row{Kind::now_managed, "sense.allocator-changed", report::Severity::warning,
        "it no longer gives `{2}` back, which {1}() now makes to go with its device; what the old {1}() made is never "
        "given back, and once the patch is disabled, what the new one made is given back by {3}() and with its device",
        "leave both"},
    Row{Kind::owner, "sense.allocator-changed", report::Severity::warning,
        "it gives back what {2} leads to by {4}(), which nobody did before, and {1}() now makes that itself; in "
        "objects "
        "that exist it leads to what {1}() was handed, and belongs to somebody else",
        "have {0}() give back only what has a shadow variable that the new {1}() attached"},
    Row{Kind::pointer, "sense.pointer-changed", report::Severity::error,
        "it takes what {2} leads to for a struct {4}, was struct {3}; what exists there is still of the old type",
        "leave the pointer, and put what is new into a shadow variable of the old object"},
    Row{Kind::cookie, "sense.pointer-changed", report::Severity::warning,
        "it takes its argument `{2}` for a struct {4} now, was struct {3}; whoever was given its address before the "
        "patch "
        "(an interrupt, timer, work item, callback) goes on passing what the old code told it to",
        "leave what is passed, and find what is new from there"},
    Row{Kind::hash, "sense.hash-changed", report::Severity::warning,
        "it hashes by `{4}` now, was `{3}`; entries that are in a table were put there by the old way and are "
        "not found",
        "have the lookup try both ways, or let the change wait for the next boot"},
    Row{Kind::order, "sense.order-changed", report::Severity::warning,
        "it compares in another way than before, and {1}() walks a sorted tree by that; entries that are in a tree "
        "were put "
        "there in the old order and are not found",
        "leave the order, or let the change wait for the next boot"},
    Row{Kind::key, "sense.hash-changed", report::Severity::warning,
        "it goes to {2} by `{4}` now, was `{3}`, and {1}() alike; what is there already was put under the old number, "
        "and is not found or taken for another",
        "leave the numbers as they are, or let the change wait for the next boot"},
    Row{Kind::clock, "sense.first-value", report::Severity::warning,
        "it gives {2} the time of {4} now, was {3}; objects that exist hold the old clock's, as does whatever code "
        "that the patch leaves as it is stores there",
        "leave the old clock there, and put the new one's time into a shadow variable of the object"},
    Row{Kind::meaning, "sense.first-value", report::Severity::warning,
        "it gives {2} the value {4} now, was {3}, and {1}() takes it the other way round; objects that exist hold "
        "what the old code meant by it",
        "leave what the values mean"},
};

// What the sources call two types may be one to the compiler, or be left out in this kernel.
bool is_of_two_types(const source::ObjectChange& change, const std::vector<kernel::ObjectPair>& pairs) {
    return std::ranges::any_of(pairs, [&](const kernel::ObjectPair& pair) {
        return !pair.original.empty() &&
               sense::has_structure(elf::Object::open(pair.original, pair.unit.source), change.was) &&
               sense::has_structure(elf::Object::open(pair.patched, pair.unit.source), change.is);
    });
}

// Who walks a tree need not change with its order; all else is about what two functions do now.
bool is_of_same_code(const source::ObjectChange& change, SameCode& same_code) {
    return same_code.has(change.function) || (change.kind != Kind::order && same_code.has(change.other));
}

} // namespace

std::vector<report::Finding> sense_objects(const ChangedTexts& all, const source::ObjectTexts& words,
                                           const std::vector<kernel::ObjectPair>& pairs, SameCode& same_code) {
    std::vector<report::Finding> findings;
    for (const source::ObjectChange& it : source::compare_objects(words)) {
        if (is_of_same_code(it, same_code))
            continue;
        if ((it.kind == Kind::pointer || it.kind == Kind::cookie) && !is_of_two_types(it, pairs))
            continue;
        const auto file = all.file_of.find(it.function); // a macro is in none
        findings.push_back(finding_by(rows, it.kind, file == all.file_of.end() ? "" : file->second, it.function,
                                      it.function, it.other, it.what, it.was, it.is));
    }
    refuse_errors(findings);
    return findings;
}

} // namespace klp::build
