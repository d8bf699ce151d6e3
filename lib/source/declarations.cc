#include "source/declarations.h"

#include <algorithm>

namespace klp::source {

namespace {

using Kind = ReadToken::Kind;

// What keeps a function that nobody calls, or gives it another name.
bool keeps(uint64_t attribute) {
    static const std::vector<uint64_t> words = [] {
        std::vector<uint64_t> found;
        for (const char* word :
             {"used", "__used__", "constructor", "__constructor__", "destructor", "__destructor__", "alias",
              "__alias__", "ifunc", "__ifunc__", "weakref", "__weakref__", "retain", "__retain__"})
            found.push_back(spelling_of(word));
        return found;
    }();
    return std::ranges::find(words, attribute) != words.end();
}

bool is_gnu_inline(uint64_t attribute) {
    static const uint64_t plain = spelling_of("gnu_inline"), quoted = spelling_of("__gnu_inline__");
    return attribute == plain || attribute == quoted;
}

// Reads one declaration, token by token.
class Reading {
public:
    // Whether the token is the last one of the declaration.
    bool take(const ReadToken& token, const ReadToken* next) {
        const bool ends = parentheses_ > 0 ? take_in_parentheses(token) : take_outside(token, next);
        last_ = token.kind;
        ++count_;
        return ends;
    }

    bool is_broken() const { return is_broken_; }
    bool is_open() const { return count_ > 0; }

    void finish(Declaration& declaration) {
        std::ranges::sort(names_);
        const auto repeated = std::ranges::unique(names_);
        names_.erase(repeated.begin(), repeated.end());
        declaration.says_nothing =
            begins_with_ == Kind::semicolon || begins_with_ == Kind::keyword_static_assert || is_type_to_come();
        declaration.is_function = is_function_;
        declaration.is_inert = is_inert();
        if (!declaration.says_nothing)
            declaration.names = std::move(names_);
    }

private:
    enum class Body : uint8_t { block, structure, enumeration };

    bool is_type_to_come() const { return count_ == 3 && !has_body_ && is_tagged_ && names_.size() == 1; }

    bool is_inert() const {
        if (begins_with_ == Kind::keyword_asm)
            return false;
        if (is_function_)
            return is_inline_ && !is_kept_ && (is_static_ || (is_extern_ && is_gnu_inline_));
        if (is_typedef_)
            return true;
        if (has_value_ || is_kept_)
            return false;
        return is_extern_ || !has_variable_;
    }

    bool is_in_types() const { return bodies_.empty() || bodies_.back() != Body::block; }

    bool take_outside(const ReadToken& token, const ReadToken* next) {
        if (count_ == 0)
            begins_with_ = token.kind;
        switch (token.kind) {
        case Kind::open_brace:
            open_body();
            return false;
        case Kind::close_brace:
            return close_body();
        case Kind::open_parenthesis:
            open_parenthesis(next);
            return false;
        case Kind::close_parenthesis:
            is_broken_ = true;
            return true;
        default:
            break;
        }
        if (!is_in_types())
            return false;
        read_type_words(token);
        if (bodies_.empty())
            return read_top(token);
        if (bodies_.back() == Body::enumeration && token.kind == Kind::identifier &&
            (last_ == Kind::open_brace || last_ == Kind::comma))
            names_.push_back(token.spelling);
        return false;
    }

    // "struct", attributes, a tag and then a brace: a type's body.
    void read_type_words(const ReadToken& token) {
        if (token.kind == Kind::keyword_struct || token.kind == Kind::keyword_enum) {
            awaited_ = token.kind == Kind::keyword_enum ? Body::enumeration : Body::structure;
            is_awaiting_ = true;
            tag_ = 0;
            is_tagged_ = true;
        } else if (token.kind == Kind::identifier && is_awaiting_ && tag_ == 0) {
            tag_ = token.spelling;
        } else if (token.kind != Kind::keyword_attribute) {
            is_awaiting_ = false;
        }
    }

    bool read_top(const ReadToken& token) {
        switch (token.kind) {
        case Kind::identifier:
            name_ = token.spelling;
            return false;
        case Kind::keyword_attribute:
        case Kind::keyword_asm:
        case Kind::keyword_typeof:
            return false;
        case Kind::semicolon:
            end_declarator();
            return true;
        case Kind::equals:
            end_declarator();
            has_value_ = true;
            return false;
        case Kind::comma:
        case Kind::open_bracket:
            end_declarator();
            return false;
        case Kind::keyword_static:
            is_static_ = true;
            break;
        case Kind::keyword_extern:
            is_extern_ = true;
            break;
        case Kind::keyword_inline:
            is_inline_ = true;
            break;
        case Kind::keyword_typedef:
            is_typedef_ = true;
            break;
        default:
            break;
        }
        name_ = 0;
        return false;
    }

    // A name before `;`, `,`, `=` or `[` is a variable's or a typedef's.
    void end_declarator() {
        if (name_ == 0)
            return;
        names_.push_back(name_);
        has_variable_ = true;
        name_ = 0;
    }

    void open_body() {
        if (is_awaiting_) {
            bodies_.push_back(awaited_);
            has_body_ = true;
            if (tag_ != 0)
                names_.push_back(tag_);
        } else {
            is_function_ |= bodies_.empty() && !has_value_;
            bodies_.push_back(Body::block);
        }
        is_awaiting_ = false;
        name_ = 0;
    }

    bool close_body() {
        if (bodies_.empty()) {
            is_broken_ = true;
            return true;
        }
        bodies_.pop_back();
        is_awaiting_ = false;
        return bodies_.empty() && is_function_;
    }

    // Brackets hold an attribute's words, parameters, or a declarator: `int (*f)(void)`, `u32 (f)(void)`.
    void open_parenthesis(const ReadToken* next) {
        parentheses_ = 1;
        is_attribute_ = last_ == Kind::keyword_attribute;
        const bool is_of_word = is_attribute_ || last_ == Kind::keyword_asm || last_ == Kind::keyword_typeof ||
                                last_ == Kind::keyword_static_assert;
        if (!bodies_.empty() || is_of_word) {
            collects_ = false;
            group_.clear();
            return;
        }
        if (last_ == Kind::close_parenthesis && !group_.empty()) {
            names_.insert(names_.end(), group_.begin(), group_.end());
            has_variable_ = true;
        }
        group_.clear();
        const bool is_of_pointer = next && next->kind == Kind::star;
        collects_ = is_of_pointer || (name_ == 0 && last_ != Kind::close_parenthesis);
        if (name_ != 0)
            names_.push_back(name_);
        has_variable_ |= collects_;
        name_ = 0;
        is_awaiting_ = false;
    }

    bool take_in_parentheses(const ReadToken& token) {
        if (token.kind == Kind::open_parenthesis)
            ++parentheses_;
        else if (token.kind == Kind::close_parenthesis)
            --parentheses_;
        else if (token.kind == Kind::identifier)
            take_word(token.spelling);
        return false;
    }

    void take_word(uint64_t word) {
        if (is_attribute_) {
            is_kept_ |= keeps(word) && bodies_.empty();
            is_gnu_inline_ |= is_gnu_inline(word);
        } else if (collects_) {
            names_.push_back(word);
        } else if (bodies_.empty()) {
            group_.push_back(word);
        }
    }

    size_t count_ = 0;
    Kind begins_with_ = Kind::other, last_ = Kind::other;
    std::vector<Body> bodies_;
    size_t parentheses_ = 0;
    bool is_attribute_ = false;   // the brackets that are open
    bool collects_ = false;       // names in them
    std::vector<uint64_t> group_; // the words of the last brackets that were none of these
    bool is_awaiting_ = false;    // a type's body
    Body awaited_ = Body::structure;
    uint64_t tag_ = 0;
    uint64_t name_ = 0; // what a declarator's name may be
    std::vector<uint64_t> names_;
    bool is_static_ = false, is_extern_ = false, is_inline_ = false, is_typedef_ = false, is_kept_ = false,
         is_gnu_inline_ = false, is_function_ = false, has_value_ = false, has_variable_ = false, has_body_ = false,
         is_tagged_ = false, is_broken_ = false;
};

} // namespace

std::optional<std::vector<Declaration>> declarations_of(std::span<const ReadToken> tokens) {
    std::vector<Declaration> found;
    Reading reading;
    size_t begin = 0;
    uint64_t content = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
        content = (content ^ tokens[i].spelling) * 0x9e3779b97f4a7c15ULL + static_cast<uint64_t>(tokens[i].kind);
        content ^= content >> 29;
        const bool is_last = reading.take(tokens[i], i + 1 < tokens.size() ? &tokens[i + 1] : nullptr);
        if (reading.is_broken())
            return std::nullopt;
        if (!is_last)
            continue;
        Declaration& declaration = found.emplace_back();
        declaration.tokens = tokens.subspan(begin, i + 1 - begin);
        declaration.content = content;
        reading.finish(declaration);
        reading = {};
        begin = i + 1;
        content = 0;
    }
    if (reading.is_open())
        return std::nullopt;
    return found;
}

std::vector<uint64_t> contents_of(const std::vector<Declaration>& declarations) {
    std::vector<uint64_t> contents(declarations.size());
    std::ranges::transform(declarations, contents.begin(), &Declaration::content);
    return contents;
}

} // namespace klp::source
