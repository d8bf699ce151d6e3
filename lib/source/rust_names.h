// What Rust code calls by the names that bindgen made of C's headers.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace klp::source {

// Adds the names behind `bindings::` and `uapi::` in a Rust source; of `bindings::*`, all words of the source.
//   `use kernel::bindings::{self, seq_file}; fn f(p: *mut bindings::file) {}`
// adds seq_file and file (and self).
void add_bound_names(std::string_view text, std::set<std::string, std::less<>>& names);

void add_all_words(std::string_view text, std::set<std::string, std::less<>>& names);

} // namespace klp::source
