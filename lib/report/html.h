// HTML as a value that is well-formed and escaped by construction: there is no way from a text to markup but text().
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace klp::report {

class Html {
public:
    Html() = default;
    // The characters of a text, to be read as they are. What is no UTF-8, and control characters but newline and
    // tabulator, become U+FFFD.
    static Html text(std::string_view text);
    // A style sheet. `Size` makes it a literal, which is no text of somebody else's.
    template <size_t Size>
    static Html style(const char (&css)[Size]) {
        return Html("<style>" + std::string(css) + "</style>\n");
    }

    Html& operator+=(const Html& more) {
        markup_ += more.markup_;
        return *this;
    }
    friend Html operator+(Html left, const Html& right) { return std::move(left += right); }

    bool is_empty() const { return markup_.empty(); }
    const std::string& markup() const { return markup_; }

    // A name and a value, which is escaped; one without a value ("open") has an empty one.
    using Attribute = std::pair<std::string_view, std::string>;
    using Attributes = std::initializer_list<Attribute>;

private:
    friend Html element(const char* name, Html::Attributes attributes, const Html& content);
    friend Html void_element(const char* name, Html::Attributes attributes);
    friend Html document(const Html& root);
    explicit Html(std::string markup) : markup_(std::move(markup)) {}

    std::string markup_;
};

// <name attributes>content</name>; of HTML or, inside of an svg element, of SVG.
Html element(const char* name, Html::Attributes attributes, const Html& content);
inline Html element(const char* name, const Html& content) {
    return element(name, {}, content);
}
inline Html element(const char* name, std::string_view text) {
    return element(name, {}, Html::text(text));
}
inline Html element(const char* name, Html::Attributes attributes, std::string_view text) {
    return element(name, attributes, Html::text(text));
}
// One that has no end tag, as <meta>.
Html void_element(const char* name, Html::Attributes attributes);
// With the document type before the root element.
Html document(const Html& root);

} // namespace klp::report
