// What programs print and small files hold, in lines and words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace klp::files {

// The lines of a text, without their ends; parts of `text`.
std::vector<std::string_view> lines_of(std::string_view text);

// Without the blanks and tabs before and after it.
std::string_view trimmed(std::string_view text);

// What stands between blanks and tabs.
std::vector<std::string> words_of(std::string_view line);

// `text` with `to` wherever `from` (not empty) stands, from the left: replaced("aaa", "aa", "b") is "ba".
std::string replaced(std::string text, std::string_view from, std::string_view to);

} // namespace klp::files
