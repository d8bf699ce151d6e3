#include "source/line_keeping.h"

#include "source/tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

namespace klp::source {
namespace {

constexpr uint32_t unknown = 0; // no line has this number

// The word behind the '#' that is token `hash`; empty for a lone '#'.
std::string directive_name(std::string_view text, std::span<const Token> tokens, size_t hash) {
    size_t i = hash + 1;
    while (i < tokens.size() && tokens[i].kind == Token::Kind::comment)
        ++i;
    return i == tokens.size() || tokens[i].starts_line ? std::string{} : spelling(text, tokens[i]);
}

// Generated files (bison, flex) have line directives of their own and keep their numbers by themselves.
bool numbers_itself(std::string_view text, std::span<const Token> tokens) {
    for (size_t i = 0; i < tokens.size(); ++i) {
        if (!tokens[i].starts_line || !tokens[i].is_in_directive)
            continue;
        const std::string name = directive_name(text, tokens, i);
        if (name == "line" || (!name.empty() && name.front() >= '0' && name.front() <= '9'))
            return true;
    }
    return false;
}

class Keeper {
public:
    Keeper(std::string_view text, std::span<const uint32_t> origins, std::string_view origin_name)
        : text_(text), origins_(origins), origin_name_(quoted(origin_name)), tokens_(tokens_of(text)) {
        for (size_t at = 0; at < text.size();) {
            line_starts_.push_back(at);
            const size_t end = text.find('\n', at);
            at = end == std::string_view::npos ? text.size() : end + 1;
        }
        if (!text.empty())
            eol_ = line_starts_.size() > 1 && line_starts_[1] >= 2 && text[line_starts_[1] - 2] == '\r' ? "\r\n" : "\n";
    }

    std::string run() {
        if (numbers_itself(text_, tokens_))
            return std::string(text_);
        needs_name_ = !origin_name_.empty();
        for (size_t i = 0; i < tokens_.size(); ++i) {
            const Token& token = tokens_[i];
            if (token.starts_line && !token.is_in_directive && is_safe(i))
                keep(line_of(token.begin));
            follow(i);
        }
        out_.append(text_.substr(copied_));
        return std::move(out_);
    }

private:
    // What is known at a conditional directive: the parentheses open before it, and whether a #line inside the
    // branches so far may have been skipped or not.
    struct Condition {
        int depth = 0;
        bool has_directive = false;
    };

    static std::string quoted(std::string_view name) {
        if (name.empty())
            return {};
        std::string text = " \"";
        for (const char c : name) {
            if (c == '"' || c == '\\')
                text += '\\';
            text += c;
        }
        return text + '"';
    }

    size_t line_of(uint32_t offset) const {
        const auto next = std::upper_bound(line_starts_.begin() + static_cast<ptrdiff_t>(line_), line_starts_.end(),
                                           static_cast<size_t>(offset));
        return static_cast<size_t>(next - line_starts_.begin()) - 1;
    }

    // May a directive be inserted before the line on which token i, the first of a logical line, stands?
    bool is_safe(size_t i) const {
        const Token& token = tokens_[i];
        if (depth_ > 0 || text_[token.begin] == '(') // the latter may belong to a macro's name on the line above
            return false;
        const size_t start = line_starts_[line_of(token.begin)];
        for (size_t k = i; k > 0 && tokens_[k - 1].end > start; --k)
            if (tokens_[k - 1].begin < start)
                return false; // a comment or raw string comes in from the line above
        return !ends_with_splice(start);
    }

    bool ends_with_splice(size_t line_start) const {
        std::string_view above = text_.substr(0, line_start);
        if (above.empty())
            return false;
        above.remove_suffix(1);
        while (!above.empty() && (above.back() == ' ' || above.back() == '\t' || above.back() == '\r'))
            above.remove_suffix(1);
        return above.ends_with('\\');
    }

    // Brings the number of line `line` (from 0) to what it shall be.
    void keep(size_t line) {
        const uint32_t origin = line < origins_.size() ? origins_[line] : 0;
        const uint32_t wanted = origin > 0 ? origin : static_cast<uint32_t>(line + 1);
        const bool is_known = number_ != unknown;
        const uint32_t current = is_known ? number_ + static_cast<uint32_t>(line - line_) : unknown;
        line_ = line;
        if (current == wanted && !needs_name_) {
            number_ = current;
            return;
        }
        out_.append(text_.substr(copied_, line_starts_[line] - copied_));
        copied_ = line_starts_[line];
        out_ += fmt::format("#line {}{}{}", wanted, origin_name_, eol_);
        number_ = wanted;
        needs_name_ = false;
        for (Condition& condition : conditions_)
            condition.has_directive = true;
    }

    void follow(size_t i) {
        const Token& token = tokens_[i];
        if (token.kind == Token::Kind::comment)
            return;
        if (token.is_in_directive) {
            if (token.starts_line)
                follow_directive(i);
            return;
        }
        const char c = text_[token.begin];
        if (token.end - token.begin != 1)
            return;
        if (c == '(')
            ++depth_;
        else if (c == ')' && depth_ > 0)
            --depth_;
    }

    void follow_directive(size_t i) {
        const std::string name = directive_name(text_, tokens_, i);
        if (name == "if" || name == "ifdef" || name == "ifndef") {
            conditions_.push_back({depth_, false});
        } else if (!conditions_.empty() && (name == "else" || name.starts_with("elif"))) {
            leave_branch();
            depth_ = conditions_.back().depth;
        } else if (!conditions_.empty() && name == "endif") {
            leave_branch();
            conditions_.pop_back();
        }
    }

    // A directive inside the branch was obeyed or skipped with it: the numbering behind is one of two.
    void leave_branch() {
        if (!conditions_.back().has_directive)
            return;
        number_ = unknown;
        needs_name_ = !origin_name_.empty();
    }

    std::string_view text_;
    std::span<const uint32_t> origins_;
    std::string origin_name_; // with quotes and a blank before them, or empty
    std::string_view eol_ = "\n";
    std::vector<Token> tokens_;
    std::vector<size_t> line_starts_;
    std::vector<Condition> conditions_;
    int depth_ = 0;       // of parentheses
    size_t line_ = 0;     // the line last looked at, from 0
    uint32_t number_ = 1; // its __LINE__ as things are
    bool needs_name_ = false;
    size_t copied_ = 0; // bytes of the text that are in out_
    std::string out_;
};

bool is_kept_already(std::span<const uint32_t> origins) {
    for (size_t i = 0; i < origins.size(); ++i)
        if (origins[i] != 0 && origins[i] != i + 1)
            return false;
    return true;
}

} // namespace

std::string keep_line_numbers(std::string_view text, std::span<const uint32_t> line_origins,
                              std::string_view origin_name) {
    if (origin_name.empty() && is_kept_already(line_origins))
        return std::string(text);
    return Keeper(text, line_origins, origin_name).run();
}

} // namespace klp::source
