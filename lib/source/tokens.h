// The tokens of a C source text as it is written: no macro is expanded, no condition is decided.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace klp::source {

struct Token {
    enum class Kind : uint8_t { identifier, comment, other };
    Kind kind = Kind::other;
    bool starts_line = false;     // the first of a logical line (continued lines are one; comments count as blanks)
    bool has_space = false;       // blanks, a comment or a line's end stand before it
    bool is_in_directive = false; // part of a preprocessor line, its '#' included
    uint32_t begin = 0, end = 0;  // bytes of the text
};

// Every token and comment of `text` in order, by Clang's raw lexer for GNU C. Any bytes are lexed; texts of 4 GB and
// more are not (source files are smaller).
std::vector<Token> tokens_of(std::string_view text);

// The line of a place in a text, from 1. Places are asked about in rising order: each byte is read once.
class LineCounter {
public:
    explicit LineCounter(std::string_view text) : text_(text) {}
    unsigned line_of(size_t place);

private:
    std::string_view text_;
    size_t counted_ = 0;
    unsigned line_ = 1;
};

// What the token says without the backslash-newline pairs inside it.
std::string spelling(std::string_view text, const Token& token);

} // namespace klp::source
