#include "work.h"

#include "livepatch/rights.h"

#include <fmt/format.h>

#include <cstdio>

namespace klp::ctl {

using livepatch::Outcome;

void need_root(const livepatch::System& system, std::string_view purpose) {
    livepatch::need_right(system, livepatch::Right::load_modules, purpose);
    livepatch::need_right(system, livepatch::Right::override_files, purpose);
}

namespace {

// A kernel is changed by calls that go to the one that runs, whatever files are looked at.
const livepatch::System& need_this_machine(const livepatch::System& system) {
    if (system.path("/") != "/")
        throw report::Refusal("livepatch.other-machine", system.path("/").string(),
                              "what is in effect can be changed on the running machine only",
                              "leave --root out; list, info, uname, install, uninstall and accept work with it");
    return system;
}

} // namespace

Bench::Bench(const livepatch::System& machine, unsigned timeout)
    : system(need_this_machine(machine)), lock(lock_changes(machine)), kernel(machine),
      patience(ctl::patience(std::chrono::seconds(timeout))), work(system, kernel, patience) {}

report::Exit tell(const std::string& name, Outcome outcome, std::string_view done) {
    clear_line();
    switch (outcome) {
    case Outcome::done:
        fmt::print("{}: {}\n", name, done);
        return report::Exit::done;
    case Outcome::taken_back:
        fmt::print(stderr, "{}: the transition did not end in time, or was interrupted; it was taken back\n", name);
        return report::Exit::taken_back;
    case Outcome::under_way:
        break;
    }
    fmt::print(stderr, "{}: a transition is still under way; klpctl status shows what it waits for\n", name);
    return report::Exit::under_way;
}

} // namespace klp::ctl
