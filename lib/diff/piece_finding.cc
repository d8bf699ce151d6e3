#include "diff/piece_finding.h"

namespace klp::diff {

report::Finding error_about(const Unit& unit, uint32_t piece, std::string code, std::string message, std::string hint) {
    return {std::move(code),   report::Severity::error, unit.object().name(),
            unit.title(piece), std::move(message),      std::move(hint)};
}

report::Finding warning_about(const Unit& unit, uint32_t piece, std::string code, std::string message,
                              std::string hint) {
    report::Finding finding = error_about(unit, piece, std::move(code), std::move(message), std::move(hint));
    finding.severity = report::Severity::warning;
    return finding;
}

report::Finding note_about(const Unit& unit, uint32_t piece, std::string code, std::string message) {
    report::Finding finding = error_about(unit, piece, std::move(code), std::move(message), {});
    finding.severity = report::Severity::note;
    return finding;
}

} // namespace klp::diff
