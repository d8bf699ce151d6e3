// What the tools have to say to people: one value that becomes text on a terminal and JSON in a report.
#pragma once

#include <exception>
#include <string>
#include <vector>

namespace klp::report {

enum class Severity { note, warning, error };

// One thing seen. `code` is stable ("diff.data-changed"): people grep for it and silence it by it. `where` names the
// file, object or section; `function` the function or variable, empty if there is none. `message` says what was seen
// and why it matters, `hint` what to do about it; both are sentences without a final newline.
struct Finding {
    std::string code;
    Severity severity = Severity::error;
    std::string where;
    std::string function;
    std::string message;
    std::string hint;
};

// The finding as the lines a terminal shows:
//   error[CODE]: WHERE: FUNCTION: MESSAGE
//     hint: HINT
std::string to_text(const Finding& finding);

// The name used in text and JSON: "note", "warning", "error".
const char* to_string(Severity severity);

// Ends the work at hand: thrown where a stage finds that it must not go on, caught once in each command's main.
class Refusal : public std::exception {
public:
    explicit Refusal(Finding finding);
    // A refusal that has to list several things at once, for example every changed variable; never empty.
    explicit Refusal(std::vector<Finding> findings);
    // The common short form: where and why, and what to do.
    Refusal(std::string code, std::string where, std::string message, std::string hint = {});

    const std::vector<Finding>& findings() const { return findings_; }
    const char* what() const noexcept override { return text_.c_str(); }

private:
    std::vector<Finding> findings_;
    std::string text_;
};

// Exit statuses of all commands (section EXIT STATUS of their manual pages). The last two are klpctl's: what was begun
// was taken back; a transition is still under way.
enum class Exit : int { done = 0, refused = 1, usage = 2, nothing_changed = 3, taken_back = 4, under_way = 5 };

} // namespace klp::report
