// The lines of a text, counted from 0.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

namespace klp::rewrite {

class Lines {
public:
    explicit Lines(std::string_view text) : text_(text) {
        for (size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
            begins_.push_back(at + 1);
    }
    // Of the line that the byte at `offset` is in.
    size_t number_of(size_t offset) const {
        return static_cast<size_t>(std::ranges::upper_bound(begins_, offset) - begins_.begin()) - 1;
    }
    size_t begin(size_t line) const { return begins_[line]; }
    // Behind the newline.
    size_t end(size_t line) const { return line + 1 < begins_.size() ? begins_[line + 1] : text_.size(); }
    std::string_view text(size_t line) const { return text_.substr(begin(line), end(line) - begin(line)); }
    size_t size() const { return begins_.size(); }

private:
    std::string_view text_;
    std::vector<size_t> begins_ = {0};
};

} // namespace klp::rewrite
