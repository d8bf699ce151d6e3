// Steps of an object's life that the patch moves from one function to another: what that means for objects between the
// two.
#include "changed_texts.h"
#include "finding_row.h"
#include "pipeline.h"
#include "same_code.h"

#include "source/moved_steps.h"

#include <algorithm>
#include <array>

namespace klp::build {

namespace {

using Kind = source::MovedStep::Kind;

using Row = FindingRow<Kind>; // {0} who does it now, {1} who did it, {2} what, {3} by which function

constexpr std::array rows{
    Row{Kind::readied_by_maker, "sense.first-value", report::Severity::warning,
        "it gives {2} a first value ({3}()) when it makes the object, and {1}() no longer does so before it uses that; "
        "objects that exist come to the new {1}() without it, which then works with what was never made ready",
        "leave it in {1}() as well, if to do so twice is right, or give new objects a shadow variable and leave it out "
        "only there"},
    Row{Kind::readied_by_user, "sense.first-value", report::Severity::warning,
        "it makes {2} ready ({3}()), which {1}() did when it made the object; {2} of objects that exist is ready "
        "already, and may be held or queued when it is made ready once more, and once the patch is disabled, objects "
        "that only the new {1}() has seen come to old code without it",
        "leave it in {1}()"},
    Row{Kind::readied, "sense.first-value", report::Severity::warning,
        "it makes {2} ready ({3}()), which {1}() no longer does; an object that the old {0}() has seen comes to the "
        "new {1}() without it, and one that the old {1}() has seen gets it twice",
        "leave it in {1}() as well, if to do so twice is right, or note in a shadow variable of the object that it was "
        "done"},
    Row{Kind::given_back, "sense.step-moved", report::Severity::warning,
        "it gives back {2} ({3}()), which {1}() did before. An object that the old {1}() has seen and that comes to "
        "the new {0}() is given back twice, one that comes from the old {0}() to the new {1}() never; once the patch "
        "is disabled, it is the other way round",
        "have {0}() give back only what has a shadow variable that new code attached, and {1}() what has none; or, if "
        "all that holds on to it can be told, clear the pointer where it is given back, and test it in both"},
    Row{Kind::taken, "sense.step-moved", report::Severity::warning,
        "it takes a reference to {2} ({3}()), which {1}() did before. For an object that the old {1}() has seen and "
        "that comes to the new {0}() it is taken twice and kept for ever, for one that comes from the old {0}() to the "
        "new {1}() never, and given back all the same; once the patch is disabled, it is the other way round",
        "note in a shadow variable of the object that the reference was taken"},
    Row{Kind::removed, "sense.step-moved", report::Severity::warning,
        "it takes {2} out of where it is kept ({3}()), which {1}() did before. An object that comes from the old {0}() "
        "to the new {1}() stays there, also when it is freed, one that comes from the old {1}() to the new {0}() is "
        "taken out twice; once the patch is disabled, it is the other way round",
        "do it in both, where it is not done yet: list_del_init() and list_empty(), RB_CLEAR_NODE() and "
        "RB_EMPTY_NODE()"},
};

bool is_reference(Kind kind) {
    return kind == Kind::given_back || kind == Kind::taken;
}

// Of a pair that takes and gives back, more is said already.
bool is_said(const source::MovedStep& step, const std::vector<report::Finding>& findings) {
    return is_reference(step.kind) && std::ranges::any_of(findings, [&](const report::Finding& it) {
               return it.code == "sense.refcount-changed" && (it.function == step.to || it.function == step.from);
           });
}

} // namespace

std::vector<report::Finding> sense_moves(const ChangedTexts& texts, const source::ObjectTexts& words,
                                         const std::vector<report::Finding>& findings, SameCode& same_code) {
    std::vector<report::Finding> moves;
    for (const source::MovedStep& it : source::compare_steps(words))
        if (!same_code.has(it.from) && !same_code.has(it.to) && !is_said(it, findings))
            moves.push_back(finding_by(rows, it.kind, texts.file_of.at(it.to), it.to, it.to, it.from, it.what, it.by));
    return moves;
}

} // namespace klp::build
