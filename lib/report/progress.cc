#include "report/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <unistd.h>

namespace klp::report {

namespace {

constexpr std::string_view clear_line = "\r\033[K";

// "[=====>              ]"
std::string bar(size_t done, size_t total) {
    constexpr size_t width = 20;
    const size_t filled = total == 0 ? 0 : std::min(done, total) * width / total;
    return fmt::format("[{}{}{}]", std::string(filled, '='), filled < width ? ">" : "",
                       std::string(filled < width ? width - filled - 1 : 0, ' '));
}

} // namespace

std::string duration(double seconds) {
    constexpr double minute = 60, hour = 3600;
    if (seconds < 2 * minute)
        return fmt::format("{:.0f} s", seconds);
    return seconds < 2 * hour ? fmt::format("{:.0f} min", seconds / minute) : fmt::format("{:.1f} h", seconds / hour);
}

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
    start_ = parts_began_ = last_part_ = Clock::now();
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

void Progress::part(size_t done, size_t total, std::string_view unit) {
    const Clock::time_point now = Clock::now();
    constexpr std::chrono::minutes seldom{1};
    if (!running_ || done == 0 || (!is_terminal_ && now - last_part_ < seldom))
        return;
    last_part_ = now;
    const double took = std::chrono::duration<double>(now - parts_began_).count();
    const double left = took / static_cast<double>(done) * static_cast<double>(total - std::min(done, total));
    const std::string text =
        fmt::format("{} of {}{}{}, about {} left", done, total, unit.empty() ? "" : " ", unit, duration(left));
    if (is_terminal_)
        fmt::print(stream_, "{}  {} {} {}", clear_line, doing_, bar(done, total), text);
    else
        fmt::print(stream_, "    {}\n", text);
    std::fflush(stream_);
}

void Progress::abandon() {
    if (running_)
        end("stopped");
}

void Progress::line(std::string_view text) {
    parts_began_ = Clock::now();
    bool open = running_ && is_terminal_;
    fmt::print(stream_, "{}{}\n", open ? clear_line : "", text);
    if (open)
        fmt::print(stream_, "  {} ...", doing_);
    std::fflush(stream_);
}

} // namespace klp::report
