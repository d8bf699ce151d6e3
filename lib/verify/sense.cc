#include "convert/reference.h"
#include "elf/livepatch_abi.h"
#include "verify/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace klp::verify {

namespace {

void check_patched_functions(const Subject& subject, Verdict& verdict) {
    if (subject.runtime && !imports(subject.module, "klp_enable_patch"))
        verdict.add("sense.not-enabled", "", "klp_enable_patch() is not among its imports");
    if (subject.patch.is_known && subject.patch.functions.empty() && subject.patch.callbacks.empty())
        verdict.add("sense.nothing-patched", "", "the module lists no function and no callback");
    std::set<FunctionIdentity> seen;
    for (const PatchedFunction& function : subject.patch.functions) {
        if (function.name.empty() || !function.replacement.section || !function.replacement.section->is_code())
            verdict.add("sense.new-function", function.name, "its replacement is not code of this module");
        if (!seen.insert(identity(function)).second)
            verdict.add("sense.patched-twice", function.name,
                        fmt::format("{} is in the list twice", full_name(function)));
    }
}

void check_owners(const Subject& subject, Verdict& verdict) {
    if (!subject.patch.is_known)
        return;
    std::set<std::string_view> reported;
    auto check = [&](std::string_view object, std::string_view where) {
        auto is_of_it = [&](const auto& entry) { return entry.object == object; };
        if (object != "vmlinux" && std::ranges::none_of(subject.patch.functions, is_of_it) &&
            std::ranges::none_of(subject.patch.callbacks, is_of_it) && reported.insert(object).second)
            verdict.add("sense.orphan-relocations", where,
                        fmt::format("the patch has no function and no callback of {}", object));
    };
    for (const elf::RelocationTable* table : subject.livepatch_tables) {
        std::string_view section_name = subject.module.section(table->section).name;
        if (std::optional<convert::LivepatchSectionName> name = convert::parse_livepatch_section(section_name))
            check(name->object, section_name);
    }
    for (const convert::CoreRelocation& relocation : subject.core_table.entries)
        check(relocation.object, elf::core_relocs_section);
}

// ---- transitions that do not end ----

struct Sleeper {
    std::string_view name;
    std::string_view why;
};

// Functions that some task is in nearly all the time.
constexpr Sleeper sleepers[] = {
    {"schedule", "every sleeping task is in it"},
    {"__schedule", "every sleeping task is in it"},
    {"schedule_idle", "every idle task is in it"},
    {"schedule_timeout", "sleeping tasks and kernel threads are in it"},
    {"schedule_hrtimeout_range", "waiting tasks (poll, epoll) are in it"},
    {"schedule_hrtimeout_range_clock", "waiting tasks (poll, epoll) are in it"},
    {"do_idle", "every idle task is in it"},
    {"cpu_startup_entry", "every idle task is in it"},
    {"default_idle_call", "every idle task is in it"},
    {"cpuidle_idle_call", "every idle task is in it"},
    {"kthread", "every kernel thread is in it"},
    {"kthreadd", "the thread of that name never leaves it"},
    {"worker_thread", "every workqueue thread is in it"},
    {"rescuer_thread", "every workqueue rescuer is in it"},
    {"kthread_worker_fn", "every kthread worker is in it"},
    {"smpboot_thread_fn", "every per-CPU thread is in it"},
    {"rcu_gp_kthread", "the thread of that name never leaves it"},
    {"kswapd", "the thread of that name never leaves it"},
    {"kcompactd", "the thread of that name never leaves it"},
    {"khugepaged", "the thread of that name never leaves it"},
    {"ksm_scan_thread", "the thread of that name never leaves it"},
    {"kauditd_thread", "the thread of that name never leaves it"},
    {"oom_reaper", "the thread of that name never leaves it"},
    {"irq_thread", "every threaded interrupt is in it"},
    {"io_wq_worker", "every io_uring worker is in it"},
    {"io_sq_thread", "every io_uring poller is in it"},
    {"kjournald2", "the thread of that name never leaves it"},
    {"ret_from_fork", "every kernel thread is in it"},
    {"do_wait", "shells and daemons are in it"},
    {"do_epoll_wait", "daemons are in it"},
    {"ep_poll", "daemons are in it"},
    {"do_sys_poll", "daemons are in it"},
    {"do_poll", "daemons are in it"},
    {"do_select", "daemons are in it"},
    {"core_sys_select", "daemons are in it"},
    {"futex_wait", "threads of most programs are in it"},
    {"futex_wait_queue", "threads of most programs are in it"},
    {"do_nanosleep", "sleeping tasks are in it"},
    {"hrtimer_nanosleep", "sleeping tasks are in it"},
    {"do_sigtimedwait", "daemons are in it"},
    {"n_tty_read", "shells are in it"},
    {"pipe_read", "programs at the end of a pipe are in it"},
    {"inet_csk_accept", "servers are in it"},
};

// What the loop of a kernel thread asks in each round.
constexpr std::string_view thread_questions[] = {"kthread_should_stop", "kthread_should_park",
                                                 "kthread_freezable_should_stop", "kthread_parkme"};

uint64_t end_of(const Subject& subject, const Location& start) {
    for (const elf::Symbol& symbol : subject.module.symbols())
        if (symbol.is_function() && symbol.place == elf::Place::section && symbol.section == start.section->index &&
            symbol.value == start.offset)
            return start.offset + symbol.size;
    return start.section->size;
}

// The name of a thread question that the function's code asks, or empty.
std::string_view thread_question(const Subject& subject, const PatchedFunction& function) {
    const Location& start = function.replacement;
    if (!start.section)
        return {};
    uint64_t end = end_of(subject, start);
    for (const elf::Relocation& relocation : subject.module.relocations(start.section->index)) {
        if (relocation.offset < start.offset || relocation.offset >= end)
            continue;
        std::string_view name = subject.module.symbol(relocation.symbol).name;
        if (std::ranges::find(thread_questions, name) != std::end(thread_questions))
            return name;
    }
    return {};
}

void check_transition(const Subject& subject, Verdict& verdict) {
    for (const PatchedFunction& function : subject.patch.functions) {
        auto sleeper = std::ranges::find(sleepers, function.name, &Sleeper::name);
        if (sleeper != std::end(sleepers) && function.object == "vmlinux") {
            verdict.add("sense.blocks-transition", function.name, std::string(sleeper->why));
            continue;
        }
        if (std::string_view question = thread_question(subject, function); !question.empty())
            verdict.add("sense.blocks-transition", function.name,
                        fmt::format("it looks like the main loop of a kernel thread: it calls {}()", question));
    }
}

} // namespace

void check_sense(const Subject& subject, Verdict& verdict) {
    check_patched_functions(subject, verdict);
    check_owners(subject, verdict);
    check_transition(subject, verdict);
}

} // namespace klp::verify
