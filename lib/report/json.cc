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

} // namespace klp::report
