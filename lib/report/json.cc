#include "report/json.h"

namespace klp::report {

nlohmann::ordered_json to_json(const Finding& finding) {
    nlohmann::ordered_json json = {{"code", finding.code}, {"severity", to_string(finding.severity)}};
    auto add = [&](const char* key, const std::string& value) {
        if (!value.empty())
            json[key] = value;
    };
    add("where", finding.where);
    add("function", finding.function);
    add("message", finding.message);
    add("hint", finding.hint);
    return json;
}

nlohmann::ordered_json to_json(const std::vector<Finding>& findings) {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const Finding& finding : findings)
        json.push_back(to_json(finding));
    return json;
}

namespace {

// What is no such word is taken for the worst.
Severity severity_from(const std::string& word) {
    for (const Severity severity : {Severity::note, Severity::warning})
        if (word == to_string(severity))
            return severity;
    return Severity::error;
}

} // namespace

std::vector<Finding> findings_from(const nlohmann::ordered_json& list) {
    std::vector<Finding> findings;
    for (const auto& it : list)
        findings.push_back({it.at("code"), severity_from(it.value("severity", "")), it.value("where", ""),
                            it.value("function", ""), it.value("message", ""), it.value("hint", "")});
    return findings;
}

} // namespace klp::report
