// A patch to a header that thousands of units read: which of them use what changed in it?
#include "pipeline.h"

#include "kernel/header_uses.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

namespace klp::build {

namespace {

// Both are in the same order.
void print_passed_by(const std::vector<kernel::UnitChange>& units, const std::vector<kernel::UnitChange>& users,
                     report::Progress& progress) {
    auto user = users.begin();
    for (const kernel::UnitChange& unit : units) {
        if (user != users.end() && user->patched.object == unit.patched.object)
            ++user;
        else
            progress.line(fmt::format("    passed by: {}", unit.patched.source));
    }
}

} // namespace

kernel::Plan keep_users(const Options& options, const kernel::Target& target, const PatchedFiles& changes,
                        const kernel::PatchedTree& tree, kernel::Plan plan, report::Progress& progress) {
    const std::vector<kernel::UnitChange>& units = plan.changes;
    if (!reaches_many(plan, changes))
        return plan;
    progress.begin("uses", "find those that use what changes");
    std::mutex progress_lock;
    std::vector<kernel::UnitChange> users = kernel::users_of(target, units, changes.applied.files, tree.root(),
                                                             options.jobs, [&](size_t done, size_t total) {
                                                                 const std::lock_guard guard(progress_lock);
                                                                 progress.part(done, total);
                                                             });
    const size_t passed_by = units.size() - users.size();
    if (options.verbose)
        print_passed_by(units, users, progress);
    if (users.empty()) // the compiler has the last word
        users.push_back(units.front());
    progress.end(fmt::format("{} of {} units", units.size() - passed_by, units.size()));
    if (passed_by > 0)
        plan.findings.push_back(
            {"plan.unused", report::Severity::note, "", "",
             fmt::format("{} of {} units read what the patch changes and use none of it: no code of theirs speaks of "
                         "it, directly or by other declarations, and they are not compiled",
                         passed_by, units.size()),
             ""});
    plan.changes = std::move(users);
    return plan;
}

} // namespace klp::build
