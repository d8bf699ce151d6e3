#include "source/function_texts.h"

#include "source/tokens.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace klp::source {

namespace {

bool is_macro_name(std::string_view name) {
    return !name.empty() && std::ranges::none_of(name, [](char c) { return c >= 'a' && c <= 'z'; });
}

// What stands outside of braces up to a ';' or to the end of a body:
//
//     static int limit = 3;          rest
//     static const int table[] = {   rest: an initial value
//     struct s { int x; };           rest: no parenthesis before the brace
//     int f(int x) { return x; }     the function f
//     BPF_CALL_1(put, int, x) { }    the function put
class Splitter {
public:
    explicit Splitter(std::string_view text) : text_(text) {}

    FunctionTexts run() {
        for (const Token& token : tokens_of(text_))
            if (token.kind != Token::Kind::comment)
                take(token);
        result_.rest += item_;
        return std::move(result_);
    }

private:
    void take(const Token& token) {
        const std::string word = spelling(text_, token);
        if (token.is_in_directive) {
            // One within a body belongs to the function.
            (depth_ > 0 ? item_ : result_.rest) += (token.starts_line ? "\n" : " ") + word;
            if (is_directive_name_)
                read_condition(word);
            is_directive_name_ = token.starts_line;
            is_behind_directive_ = depth_ == 0;
            return;
        }
        // What follows is no part of it.
        if (is_behind_directive_)
            result_.rest += " \n";
        is_behind_directive_ = false;
        if (depth_ == 0)
            read_head(word, token.kind == Token::Kind::identifier);
        else if (depth_ == 1 && !is_function_ && name_ && is_macro_name(*name_) &&
                 token.kind == Token::Kind::identifier)
            name_ = word;
        item_ += ' ' + word;
        if (word == "{" || word == "(")
            ++depth_;
        else if ((word == "}" || word == ")") && depth_ > 0)
            --depth_;
        if (depth_ == 0 && ((word == "}" && is_function_) || word == ";"))
            end_item();
    }
    // Of the branches of a condition only one counts: what opens in each of them opens once.
    void read_condition(const std::string& directive) {
        if (directive.starts_with("if")) {
            branches_.push_back({depth_, std::nullopt});
        } else if (directive.starts_with("el") && !branches_.empty()) {
            Branches& all = branches_.back();
            all.end = all.end.value_or(depth_);
            depth_ = all.begin;
        } else if (directive == "endif" && !branches_.empty()) {
            depth_ = branches_.back().end.value_or(depth_);
            branches_.pop_back();
        }
    }
    void read_head(const std::string& word, bool is_identifier) {
        if (word == "(" && !name_)
            name_ = last_;
        else if (word == "=")
            is_value_ = true;
        else if (word == "{")
            is_function_ = name_ && !name_->empty() && !is_value_;
        last_ = is_identifier ? word : std::string();
    }
    void end_item() {
        (is_function_ ? result_.functions[*name_] : result_.rest) += item_;
        item_.clear();
        last_.clear();
        name_.reset();
        is_value_ = is_function_ = false;
    }

    std::string_view text_;
    FunctionTexts result_;
    std::string item_;
    std::string last_; // the token before, if it is an identifier
    std::optional<std::string> name_;
    unsigned depth_ = 0;
    struct Branches {
        unsigned begin = 0;
        std::optional<unsigned> end; // of the first
    };
    std::vector<Branches> branches_; // of the conditions that are open
    bool is_directive_name_ = false; // what comes next, behind a '#'
    bool is_value_ = false;
    bool is_function_ = false;
    bool is_behind_directive_ = false; // outside of functions
};

} // namespace

std::vector<std::string_view> macro_definitions(std::string_view rest) {
    std::vector<std::string_view> lines;
    for (size_t at = 0; at < rest.size();) {
        const size_t end = std::min(rest.find('\n', at), rest.size());
        if (const std::string_view line = rest.substr(at, end - at); line.starts_with("# define "))
            lines.push_back(line);
        at = end + 1;
    }
    return lines;
}

FunctionTexts split_functions(std::string_view text) {
    return Splitter(text).run();
}

} // namespace klp::source
