#include "source/touched_types.h"

#include "source/tokens.h"

#include <algorithm>
#include <vector>

namespace klp::source {

namespace {

// Lines of the text after, from 1, that are new or stand behind removed ones.
std::set<unsigned> touched_lines(const FileChange& change) {
    std::set<unsigned> lines;
    uint32_t last = 0;
    for (size_t at = 0; at < change.line_origins.size(); ++at) {
        const uint32_t origin = change.line_origins[at];
        if (origin == 0 || origin != last + 1)
            lines.insert(static_cast<unsigned>(at + 1));
        last = origin == 0 ? last : origin;
    }
    return lines;
}

// Follows the braces of a text; the tag of the innermost ones comes last.
class Braces {
public:
    void read(const std::string& word, bool is_name) {
        if (word == "{") {
            open_.push_back(tag_);
            tag_.clear();
        } else if (word == "}" && !open_.empty()) {
            open_.pop_back();
        }
        if (is_tag_next_ && is_name)
            tag_ = word;
        else if (!is_attribute(word))
            tag_.clear();
        is_tag_next_ = word == "struct" || word == "union" || word == "enum";
    }

    void add_tags(std::set<std::string>& tags) const {
        std::ranges::copy_if(open_, std::inserter(tags, tags.end()),
                             [](const std::string& tag) { return !tag.empty(); });
    }

private:
    // Between the tag and the brace.
    static bool is_attribute(const std::string& word) { return word.starts_with("__") || word == ":"; }

    std::vector<std::string> open_;
    std::string tag_;
    bool is_tag_next_ = false;
};

} // namespace

std::set<std::string> touched_types(const FileChange& change) {
    std::set<std::string> tags;
    if (!change.before || !change.after)
        return tags;
    const std::string& text = *change.after;
    const std::set<unsigned> lines = touched_lines(change);
    Braces braces;
    LineCounter counter(text);
    auto wanted = lines.begin();
    for (const Token& token : tokens_of(text)) {
        const unsigned line = counter.line_of(token.begin);
        for (; wanted != lines.end() && *wanted <= line; ++wanted)
            braces.add_tags(tags);
        if (token.kind != Token::Kind::comment && !token.is_in_directive)
            braces.read(spelling(text, token), token.kind == Token::Kind::identifier);
    }
    return tags;
}

} // namespace klp::source
