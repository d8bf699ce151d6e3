// Changes of a file's text as values.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

namespace klp::rewrite {

// Puts `text` in place of the `length` bytes at `offset` of the unchanged file; of a length of 0 it inserts.
struct Edit {
    size_t offset = 0;
    size_t length = 0;
    std::string text;
    int rank = 0; // of insertions at one offset: the lower one comes first
    bool operator<(const Edit& other) const {
        return std::tie(offset, rank, length, text) < std::tie(other.offset, other.rank, other.length, other.text);
    }
};

// By path. Two units that see one header want the same edits of it: as a set they are one.
using FileEdits = std::map<std::string, std::set<Edit>>;

// The text with all edits made. Insertions at one offset come before a replacement there.
std::string edited(std::string_view text, const std::set<Edit>& edits);

} // namespace klp::rewrite
