#include "report/progress.h"

#include <fmt/format.h>

#include <unistd.h>

namespace klp::report {

namespace {

constexpr std::string_view clear_line = "\r\033[K";

} // namespace

Progress::Progress(std::FILE* stream) : stream_(stream), is_terminal_(isatty(fileno(stream))) {}

Progress::~Progress() {
    if (running_ && is_terminal_)
        fmt::print(stream_, "\n");
}

void Progress::begin(std::string name, std::string doing) {
    if (running_)
        end();
    times_.push_back({std::move(name), 0});
    doing_ = std::move(doing);
    start_ = Clock::now();
    running_ = true;
    if (is_terminal_) {
        fmt::print(stream_, "  {} ...", doing_);
        std::fflush(stream_);
    }
}

void Progress::end(std::string_view outcome) {
    if (!running_)
        return;
    running_ = false;
    times_.back().seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    fmt::print(stream_, "{}  {}{}{} ({:.1f} s)\n", is_terminal_ ? clear_line : "", doing_, outcome.empty() ? "" : ": ",
               outcome, times_.back().seconds);
    std::fflush(stream_);
}

void Progress::abandon() {
    if (running_)
        end("stopped");
}

void Progress::line(std::string_view text) {
    bool open = running_ && is_terminal_;
    fmt::print(stream_, "{}{}\n", open ? clear_line : "", text);
    if (open)
        fmt::print(stream_, "  {} ...", doing_);
    std::fflush(stream_);
}

} // namespace klp::report
