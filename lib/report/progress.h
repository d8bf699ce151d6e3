// What people see while the tools work: a line per stage, and how long each took.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace klp::report {

struct StageTime {
    std::string name;
    double seconds = 0;
};

// "90 s", "25 min", "1.5 h".
std::string duration(double seconds);

// Prints to a stream: on a terminal the running stage's line is replaced when it ends, elsewhere each stage is one
// plain line, printed when it ends. Not thread-safe; stages do not nest.
class Progress {
public:
    explicit Progress(std::FILE* stream);
    ~Progress(); // an unfinished stage's line is ended
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // Ends the running stage, if any, and begins another. `name` is short ("compile"), `doing` a phrase for people.
    void begin(std::string name, std::string doing);
    // Ends the running stage with what came of it ("2 units").
    void end(std::string_view outcome = {});
    // Ends the running stage, if any, as one that did not succeed.
    void abandon();
    // So much of the running stage's work is done; the time that is left is told from the time since the stage, or the
    // last line in it, began. `unit` stands behind the numbers ("MB"). Elsewhere than on a terminal a line a minute.
    void part(size_t done, size_t total, std::string_view unit = {});
    // A line between stages.
    void line(std::string_view text);

    const std::vector<StageTime>& times() const { return times_; }

private:
    using Clock = std::chrono::steady_clock;

    std::FILE* stream_;
    bool is_terminal_;
    bool running_ = false;
    std::string doing_;
    Clock::time_point start_;
    Clock::time_point parts_began_;
    Clock::time_point last_part_;
    std::vector<StageTime> times_;
};

} // namespace klp::report
