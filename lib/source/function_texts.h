// A C source text as the functions that it defines and the rest.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace klp::source {

struct FunctionTexts {
    std::map<std::string, std::string, std::less<>> functions; // by name: the tokens of the definition
    std::string rest;                                          // the tokens of all else, directives included
};

// The lines "# define NAME ..." of FunctionTexts::rest, each whole: what backslashes part is one line.
std::vector<std::string_view> macro_definitions(std::string_view rest);

// `static int f(void) { ... }` is a function by the name before its first parenthesis; what a macro defines
// (SYSCALL_DEFINE2(...) { ... }) by the first name in them. Definitions of one name are one text. What the braces do
// not tell apart is part of the rest. Comments and blanks count for nothing. Never fails.
FunctionTexts split_functions(std::string_view text);

} // namespace klp::source
