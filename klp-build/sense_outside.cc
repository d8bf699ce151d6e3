// What code and objects that the patch does not change make of it, as the sources tell.
#include "changed_texts.h"
#include "finding_row.h"
#include "pipeline.h"
#include "same_code.h"

#include "source/failure_results.h"
#include "source/given_values.h"
#include "source/other_queues.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace klp::build {

namespace {

using GivenKind = source::GivenValue::Kind;
using GivenRow = FindingRow<GivenKind>; // {0} the function, {1} what, {2} as it was, {3} as it is

constexpr std::array given_rows{
    GivenRow{
        GivenKind::value, "sense.first-value", report::Severity::warning,
        "it gives {1} the value {3}, was {2}, and runs once for each object; objects that exist (the first network "
        "namespace, devices that are bound) keep the old one, and the patch does nothing for them",
        "set it where it can be set (sysctl, a device's option), or in a pre-patch callback "
        "(KLP_PRE_PATCH_CALLBACK) that goes through the objects that exist and tells a value that somebody has "
        "set from the old default"},
    GivenRow{GivenKind::table, "sense.first-value", report::Severity::warning,
             "it reads {1}, which has other entries now, and runs once for each object; objects that exist (the first "
             "network namespace, devices that are bound) keep what they were given, and the patch does nothing for "
             "them",
             "set it where it can be set (sysctl, a device's option), or in a pre-patch callback "
             "(KLP_PRE_PATCH_CALLBACK) that goes through the objects that exist"},
    GivenRow{GivenKind::mode, "sense.first-value", report::Severity::warning,
             "it makes the file {1} with the mode {3}, was {2}; files that exist (of the first network namespace, of "
             "devices that are bound) keep the old one",
             "have chmod set it on those, or have the function behind the file test who may read or write"},
};

using FailureKind = source::OtherFailure::Kind;
using FailureRow = FindingRow<FailureKind>; // {0} the function, {1} who uses its result

constexpr std::array failure_rows{
    FailureRow{
        FailureKind::error_pointer, "sense.result-changed", report::Severity::warning,
        "it may now return an error pointer, where it returned NULL; {1}, which the patch does not change, would "
        "take that for an object",
        "have it return NULL as before, and give the new callers a function of their own; or change all that "
        "call it, modules included"},
    FailureRow{FailureKind::null, "sense.result-changed", report::Severity::warning,
               "it returns NULL, where it returned an error pointer; {1}, which the patch does not change, would take "
               "that for an object",
               "have it return an error pointer as before; or change all that call it, modules included"},
};

using QueueKind = source::OtherQueue::Kind;
using QueueRow = FindingRow<QueueKind>; // {0} one function, {1} the other, {2} the queue as it was, {3} as it is

constexpr std::array queue_rows{
    QueueRow{
        QueueKind::work, "sense.queue-changed", report::Severity::warning,
        "it queues work to {3}, was {2}, and {1}() now waits for the work of {3} only; work that the old {0}() has "
        "queued may still run when the new {1}() is done, and once the patch is disabled, the work of the new one "
        "when the old one is",
        "have {1}() wait for both queues, or for the work itself (flush_work(), cancel_work_sync())"},
    QueueRow{QueueKind::waiter, "sense.queue-changed", report::Severity::warning,
             "it waits at {3}, was {2}, and {1}() now wakes who waits at {3} only; the new {1}() does not wake who "
             "waits in the old {0}(), nor the old one who waits in the new, also once the patch is disabled",
             "have {1}() wake both, and wait with a timeout for as long as the transition takes"},
};

std::string user_of(const source::OtherFailure& it) {
    return it.user.empty() ? "who calls it from another file or a module" : it.user + "()";
}

bool is_said(const source::GivenValue& value, const std::vector<report::Finding>& findings) {
    return std::ranges::any_of(findings, [&](const report::Finding& it) {
        return it.code == "sense.first-value" && it.function == value.function &&
               it.message.find(' ' + value.what + ' ') != std::string::npos;
    });
}

} // namespace

std::vector<report::Finding> sense_outside(const ChangedTexts& texts, const source::ObjectTexts& words,
                                           const std::vector<report::Finding>& findings, SameCode& same_code) {
    std::vector<report::Finding> found;
    for (const source::OtherQueue& it : source::compare_queues(words))
        if (!same_code.has(it.one) && !same_code.has(it.other))
            found.push_back(
                finding_by(queue_rows, it.kind, texts.file_of.at(it.one), it.one, it.one, it.other, it.was, it.is));
    for (const source::GivenValue& it : source::compare_given(words))
        if (!same_code.has(it.function) && !is_said(it, findings))
            found.push_back(finding_by(given_rows, it.kind, texts.file_of.at(it.function), it.function, it.function,
                                       it.what, it.was, it.is));
    for (const source::OtherFailure& it : source::compare_failures(words))
        if (!same_code.has(it.function))
            found.push_back(finding_by(failure_rows, it.kind, texts.file_of.at(it.function), it.function, it.function,
                                       user_of(it)));
    return found;
}

} // namespace klp::build
