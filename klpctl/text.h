// Texts that several commands print.
#pragma once

#include "livepatch/module_facts.h"
#include "livepatch/tasks.h"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace klp::ctl {

// "a, b, c"
std::string joined(const std::vector<std::string>& texts);

// "NAME", or "NAME,2" for what is not the first of its name.
std::string to_text(const livepatch::Function& function);

// "1 task", "3 tasks".
std::string count(size_t number, std::string_view one, std::string_view several);

// "1234 NAME in FUNCTION"; no "in" where that is not known.
std::string to_text(const livepatch::Task& task);

// A line of a list of properties, indented: "  LABEL     VALUE".
std::string property(std::string_view label, std::string_view value);

// The objects' lines, as property() makes them.
std::string object_lines(const std::vector<livepatch::Object>& objects);

nlohmann::ordered_json to_json(const std::vector<livepatch::Object>& objects);
nlohmann::ordered_json to_json(const livepatch::Task& task);

void print(const nlohmann::ordered_json& json);

} // namespace klp::ctl
