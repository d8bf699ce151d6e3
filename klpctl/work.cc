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

Bench::Bench(const livepatch::System& machine, unsigned timeout)
    : system(machine), lock(lock_changes(machine)), kernel(machine),
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
