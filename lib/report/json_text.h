// JSON as it is written to files and to people.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace klp::report {

// Indented, with a newline at its end. Names of files and source text may be in no encoding that JSON knows: what is no
// UTF-8 comes out as the replacement character.
template <class Json> std::string json_text(const Json& value) {
    return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace klp::report
