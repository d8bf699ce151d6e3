#include "report/html.h"

#include <algorithm>

namespace klp::report {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd"; // U+FFFD

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// The length of the character that `text` begins with, or 0 if it begins with no valid one (RFC 3629).
size_t length_of(std::string_view text) {
    const auto first = static_cast<unsigned char>(text[0]);
    const auto second = text.size() > 1 ? static_cast<unsigned char>(text[1]) : 0U;
    size_t length = 0;
    if (first < 0x80)
        length = 1;
    else if (first >= 0xc2 && first <= 0xdf)
        length = 2;
    else if (first >= 0xe0 && first <= 0xef)
        length = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        length = 4;
    const bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool is_outside = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
    if (length == 0 || length > text.size() || is_overlong || is_outside)
        return 0;
    return std::ranges::all_of(text.substr(1, length - 1), is_continuation) ? length : 0;
}

bool is_control(char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == '\x7f';
}

void escape(char c, std::string& out) {
    switch (c) {
    case '&':
        out += "&amp;";
        break;
    case '<':
        out += "&lt;";
        break;
    case '>':
        out += "&gt;";
        break;
    case '"':
        out += "&quot;";
        break;
    default:
        out += is_control(c) ? replacement : std::string_view(&c, 1);
    }
}

std::string escaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const size_t length = length_of(text);
        if (length == 1)
            escape(text[0], out);
        else
            out += length == 0 ? replacement : text.substr(0, length);
        text.remove_prefix(std::max<size_t>(length, 1));
    }
    return out;
}

std::string start_tag(const char* name, Html::Attributes attributes) {
    std::string tag = std::string("<") + name;
    for (const auto& [key, value] : attributes) {
        tag += ' ';
        tag += key;
        if (!value.empty())
            tag += "=\"" + escaped(value) + '"';
    }
    return tag + ">";
}

} // namespace

Html Html::text(std::string_view text) {
    return Html(escaped(text));
}

Html element(const char* name, Html::Attributes attributes, const Html& content) {
    return Html(start_tag(name, attributes) + content.markup_ + "</" + name + ">");
}

Html void_element(const char* name, Html::Attributes attributes) {
    return Html(start_tag(name, attributes));
}

Html document(const Html& root) {
    return Html("<!DOCTYPE html>\n" + root.markup_ + "\n");
}

} // namespace klp::report
