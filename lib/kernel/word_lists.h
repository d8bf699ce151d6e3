// Private to this room: how lists of commands are kept in the cache, a line a list, each word with its end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace klp::kernel {

// Adds a line. A newline in a word becomes a blank.
void put_words(std::string& text, const std::vector<std::string>& words);

// Takes one line after the other.
class WordLines {
public:
    // `header` is what the text must begin with; `path` and `what` ("list of units") are for messages.
    // Throws report::Refusal "kernel.cache-corrupt" if it does not.
    WordLines(std::string_view text, std::string_view header, const std::string& path, const char* what);

    bool at_end() const { return text_.empty(); }
    // Throws as the constructor if the line has no end.
    std::vector<std::string> take();
    [[noreturn]] void refuse() const;

private:
    std::string_view text_;
    const std::string& path_;
    const char* what_;
};

} // namespace klp::kernel
