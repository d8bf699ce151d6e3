// Old and new code run side by side until every task has gone over to the new: what that means for the locks and
// references that the patch changes.
#include "changed_texts.h"
#include "finding_row.h"
#include "pipeline.h"
#include "same_code.h"

#include "source/flags.h"
#include "source/readers.h"
#include "source/side_by_side.h"

#include <fmt/format.h>

#include <array>

namespace klp::build {

namespace {

using Kind = source::SideBySide::Kind;

using Row = FindingRow<Kind>; // {0} one function, {1} the other, {2} what

constexpr std::array rows{
    Row{Kind::lock_order, "sense.lock-order", report::Severity::warning,
        "it takes {2}; {1}() before the patch takes them in the other order. Until all tasks have gone over to the new "
        "code, one of each may wait for the other for ever",
        "keep the order; take the second lock with a trylock, or outside of the first"},
    Row{Kind::lock_split, "sense.lock-split", report::Severity::warning,
        "it takes {2} and returns with it, and {1}() releases it; neither did so before. A task that was in the old "
        "{0}() "
        "and goes over to the new code releases what it does not hold",
        "take and release the lock in one function, or note in a shadow variable who holds it"},
    Row{Kind::lock_added, "sense.lock-added", report::Severity::warning,
        "it takes {2}, and so does {1}(); neither did so before. Until all tasks have gone over to the new code, old "
        "code "
        "of the one runs beside new code of the other without the lock",
        "have the new code bear that for as long as the transition takes: it must not rely on the lock alone for what "
        "the old code did not need it for"},
    Row{Kind::lock_added_once, "sense.lock-added", report::Severity::note,
        "it takes {2}, which it did not before; old code of it runs without until all tasks have gone over to the new "
        "code",
        ""},
    Row{Kind::lock_removed, "sense.lock-removed", report::Severity::warning,
        "it no longer takes {2}, and neither does {1}(). Until all tasks have gone over to the new code, old code of "
        "the one relies on the lock to keep out the other, which new code does not take",
        "keep the lock beside what is there in its place, or see that each of the two bears the other beside it"},
    Row{Kind::count_added, "sense.refcount-changed", report::Severity::warning,
        "it takes a reference or count ({2}) that {1}() gives back, and neither did so before. An object that the old "
        "{0}() has seen comes to the new {1}() without it: one too few, and freed while it is in use",
        "note in a shadow variable of the object that the reference was taken, and give back only then"},
    Row{Kind::count_removed, "sense.refcount-changed", report::Severity::warning,
        "it no longer takes a reference or count ({2}), and {1}() no longer gives it back. An object that the old "
        "{0}() "
        "has seen keeps it for ever; when the patch is disabled, {1}() gives back what was not taken",
        "leave both as they are, or note in a shadow variable of the object which code has seen it"},
    Row{Kind::pair_added, "sense.refcount-changed", report::Severity::warning,
        "it now does what {1}() now undoes ({2}), and neither did so before. An object that the old {0}() has seen "
        "comes "
        "to the new {1}() without it, which undoes what was not done",
        "note in a shadow variable of the object that it was done, and undo it only then"},
    Row{Kind::pair_removed, "sense.refcount-changed", report::Severity::warning,
        "it no longer does what {1}() no longer undoes ({2}). For an object that the old {0}() has seen it stays done "
        "for "
        "ever; when the patch is disabled, {1}() undoes what was not done",
        "leave both as they are, or note in a shadow variable of the object which code has seen it"},
    Row{Kind::wait_added, "sense.wait-added", report::Severity::warning,
        "it waits for {2}, which {1}() wakes; neither did so before. Until all tasks have gone over to the new code, "
        "the "
        "old {1}() wakes nobody there, and who waits in the old {0}() is not woken by the new one",
        "wake both, and wait with a timeout for as long as the transition takes"},
};

using ReaderKind = source::ReaderChange::Kind;

using ReaderRow = FindingRow<ReaderKind>; // {0} the reader, {1} the writer, {2} as it was, {3} as it is

constexpr std::array reader_rows{
    ReaderRow{ReaderKind::grace_period, "sense.readers-changed", report::Severity::warning,
              "it reads under {3} now, was {2}, and {1}() waits for the end of that; until all tasks have gone over to "
              "the new code, the new {1}() does not wait for the old {0}(), and the old one not for the new, also once "
              "the patch is disabled",
              "have {1}() wait for both, and change it in a patch before the one that changes {0}()"},
    ReaderRow{
        ReaderKind::unlocked, "sense.readers-changed", report::Severity::warning,
        "it reads under {3} now, in place of {2}, and {1}() now waits for that; the old {1}() does not wait: until "
        "all tasks have gone over to the new code, and once the patch is disabled, it may give back what the new "
        "{0}() looks at",
        "change {1}() in a patch before the one that changes {0}()"},
    ReaderRow{ReaderKind::sequence, "sense.readers-changed", report::Severity::warning,
              "it reads again when {1}() has written meanwhile, by the sequence lock {3}, and neither did so before; "
              "until all tasks have gone over to the new code, and once the patch is disabled, the old {1}() writes "
              "without being noticed",
              "have the new {0}() bear what it may see, or change {1}() in a patch before this one"},
};

void add_flags(const source::ChangedFile& file, const source::FileChange& change,
               std::vector<report::Finding>& findings) {
    if (!source::is_c(file.kind) || file.is_token_equal || !change.before || !change.after)
        return;
    for (const source::ReusedBit& flag : source::reused_bits(*change.before, *change.after))
        findings.push_back(
            {"sense.flag-changed", report::Severity::warning, file.path, flag.name,
             fmt::format("it has the bit of {} ({:#x}), which is gone; objects that exist may have it set "
                         "for that",
                         flag.was, flag.bit),
             "give the flag a bit that none had before"});
}

} // namespace

std::vector<report::Finding> sense_side_by_side(const PatchedFiles& changes, const ChangedTexts& all,
                                                SameCode& same_code) {
    std::vector<report::Finding> findings;
    for (const source::SideBySide& it : source::compare_side_by_side(all.before, all.after)) {
        // Of an order, the other one is old code.
        if (same_code.has(it.one) || (it.kind != Kind::lock_order && same_code.has(it.other)))
            continue;
        findings.push_back(finding_by(rows, it.kind, all.file_of.at(it.one), it.one, it.one, it.other, it.what));
    }
    for (const source::ReaderChange& it : source::compare_readers(all.before, all.after))
        if (!same_code.has(it.reader) && !same_code.has(it.writer))
            findings.push_back(finding_by(reader_rows, it.kind, all.file_of.at(it.reader), it.reader, it.reader,
                                          it.writer, it.was, it.is));
    for (const source::ChangedFile& file : changes.files)
        if (const auto change = changes.applied.files.find(file.path); change != changes.applied.files.end())
            add_flags(file, change->second, findings);
    return findings;
}

} // namespace klp::build
