#include "source/tokens.h"

#include <clang/Basic/LangOptions.h>
#include <clang/Lex/Lexer.h>

#include <algorithm>

namespace klp::source {
namespace {

clang::LangOptions kernel_c() {
    clang::LangOptions options;
    options.LineComment = true;
    options.C99 = options.C11 = true;
    options.GNUMode = true;
    options.HexFloats = true;
    options.RawStringLiterals = true; // GNU C of GCC has them
    return options;
}

} // namespace

std::vector<Token> tokens_of(std::string_view source) {
    static const clang::LangOptions options = kernel_c();
    const std::string text(source); // the lexer wants a zero behind the end
    clang::Lexer lexer(clang::SourceLocation::getFromRawEncoding(1), options, text.data(), text.data(),
                       text.data() + text.size());
    lexer.SetCommentRetentionState(true);
    std::vector<Token> tokens;
    tokens.reserve(text.size() / 5);
    bool is_in_directive = false;
    // A comment takes the flags of the blank it is; the token behind it is the one that starts the line.
    bool starts_line = false, has_space = false;
    for (bool is_end = false; !is_end;) {
        clang::Token raw;
        is_end = lexer.LexFromRawLexer(raw);
        if (raw.is(clang::tok::eof))
            break;
        starts_line |= raw.isAtStartOfLine();
        has_space |= raw.hasLeadingSpace() || raw.isAtStartOfLine();
        Token token;
        token.end = lexer.getCurrentBufferOffset();
        token.begin = token.end - raw.getLength();
        if (raw.is(clang::tok::comment)) {
            token.kind = Token::Kind::comment;
            token.is_in_directive = is_in_directive && !starts_line;
            has_space = true;
            tokens.push_back(token);
            continue;
        }
        token.kind = raw.is(clang::tok::raw_identifier) ? Token::Kind::identifier : Token::Kind::other;
        token.starts_line = starts_line;
        token.has_space = has_space;
        if (starts_line)
            is_in_directive = raw.is(clang::tok::hash);
        token.is_in_directive = is_in_directive;
        starts_line = has_space = false;
        tokens.push_back(token);
    }
    return tokens;
}

unsigned LineCounter::line_of(size_t place) {
    line_ += static_cast<unsigned>(std::ranges::count(text_.substr(counted_, place - counted_), '\n'));
    counted_ = place;
    return line_;
}

std::string spelling(std::string_view text, const Token& token) {
    std::string_view raw = text.substr(token.begin, token.end - token.begin);
    std::string clean;
    clean.reserve(raw.size());
    while (!raw.empty()) {
        if (raw.front() == '\\') {
            const size_t end = raw.find_first_not_of(" \t\r\f\v", 1);
            if (end != std::string_view::npos && raw[end] == '\n') {
                raw.remove_prefix(end + 1);
                continue;
            }
        }
        clean += raw.front();
        raw.remove_prefix(1);
    }
    return clean;
}

} // namespace klp::source
