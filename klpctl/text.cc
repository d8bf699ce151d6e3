#include "text.h"

#include "report/json_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>

namespace klp::ctl {

using nlohmann::ordered_json;

std::string joined(const std::vector<std::string>& texts) {
    return fmt::format("{}", fmt::join(texts, ", "));
}

std::string to_text(const livepatch::Function& function) {
    return function.sympos > 1 ? fmt::format("{},{}", function.name, function.sympos) : function.name;
}

std::string count(size_t number, std::string_view one, std::string_view several) {
    return fmt::format("{} {}", number, number == 1 ? one : several);
}

std::string to_text(const livepatch::Task& task) {
    const bool is_known = !task.function.empty() && !task.function.starts_with('[');
    return fmt::format("{} {}{}{}", task.thread, task.name,
                       is_known                ? " in "
                       : task.function.empty() ? ""
                                               : " ",
                       task.function);
}

std::string property(std::string_view label, std::string_view value) {
    return fmt::format("  {:<9} {}\n", label, value);
}

std::string object_lines(const std::vector<livepatch::Object>& objects) {
    std::string text;
    for (const livepatch::Object& object : objects) {
        std::vector<std::string> functions;
        for (const livepatch::Function& function : object.functions)
            functions.push_back(to_text(function));
        text += property(object.name, functions.empty() ? "(callbacks only)" : joined(functions));
    }
    return text;
}

ordered_json to_json(const std::vector<livepatch::Object>& objects) {
    ordered_json list = ordered_json::array();
    for (const livepatch::Object& object : objects) {
        ordered_json functions = ordered_json::array();
        for (const livepatch::Function& function : object.functions)
            functions.push_back({{"name", function.name}, {"sympos", function.sympos}});
        list.push_back({{"name", object.name}, {"patched", object.is_patched}, {"functions", functions}});
    }
    return list;
}

ordered_json to_json(const livepatch::Task& task) {
    return {{"process", task.process},
            {"thread", task.thread},
            {"name", task.name},
            {"function", task.function},
            {"stack", task.stack}};
}

void print(const ordered_json& json) {
    fmt::print("{}", report::json_text(json));
}

} // namespace klp::ctl
