#include "report/finding.h"

#include <fmt/format.h>

namespace klp::report {

const char* to_string(Severity severity) {
    switch (severity) {
    case Severity::note:
        return "note";
    case Severity::warning:
        return "warning";
    case Severity::error:
        break;
    }
    return "error";
}

std::string to_text(const Finding& finding) {
    std::string text = fmt::format("{}[{}]: ", to_string(finding.severity), finding.code);
    for (const std::string* part : {&finding.where, &finding.function})
        if (!part->empty())
            text += fmt::format("{}: ", *part);
    text += finding.message;
    if (!finding.hint.empty())
        text += fmt::format("\n  hint: {}", finding.hint);
    return text;
}

namespace {

std::string join(const std::vector<Finding>& findings) {
    std::string text;
    for (const Finding& finding : findings) {
        if (!text.empty())
            text += '\n';
        text += to_text(finding);
    }
    return text;
}

} // namespace

Refusal::Refusal(Finding finding) : Refusal(std::vector<Finding>{std::move(finding)}) {}

Refusal::Refusal(std::vector<Finding> findings) : findings_(std::move(findings)), text_(join(findings_)) {}

Refusal::Refusal(std::string code, std::string where, std::string message, std::string hint)
    : Refusal(Finding{std::move(code), Severity::error, std::move(where), {}, std::move(message), std::move(hint)}) {}

} // namespace klp::report
