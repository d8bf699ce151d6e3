#include "kernel/word_lists.h"

#include "report/finding.h"

#include <algorithm>
#include <fmt/format.h>

namespace klp::kernel {

namespace {

constexpr char word_end = '\x1f'; // a unit separator: no command line has one

} // namespace

void put_words(std::string& text, const std::vector<std::string>& words) {
    for (std::string word : words) {
        std::ranges::replace(word, '\n', ' ');
        (text += word) += word_end;
    }
    text += '\n';
}

WordLines::WordLines(std::string_view text, std::string_view header, const std::string& path, const char* what)
    : text_(text), path_(path), what_(what) {
    if (!text_.starts_with(header))
        refuse();
    text_.remove_prefix(header.size());
}

std::vector<std::string> WordLines::take() {
    const size_t end = text_.find('\n');
    if (end == std::string_view::npos)
        refuse();
    std::string_view line = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    std::vector<std::string> words;
    for (size_t stop; (stop = line.find(word_end)) != std::string_view::npos; line.remove_prefix(stop + 1))
        words.emplace_back(line.substr(0, stop));
    return words;
}

void WordLines::refuse() const {
    throw report::Refusal("kernel.cache-corrupt", path_, fmt::format("the {} in the cache cannot be read", what_),
                          "remove the folder that holds it; the next run makes it anew");
}

} // namespace klp::kernel
