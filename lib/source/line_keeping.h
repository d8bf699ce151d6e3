// Line numbers of unchanged code stay what they were while the patched file is compiled.
//
// __LINE__ is in every WARN(), might_sleep() and lockdep site, so a hunk that adds a line would change every function
// below it. `#line` directives around the hunks prevent that at its source.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace klp::source {

// Returns `text`, a C source or header file, with `#line N` directives inserted so that as many lines as possible
// whose entry in `line_origins` is not 0 have that entry as their __LINE__. A line that the patch brought has its
// number in the patched file. No line is changed or removed, and the preprocessed tokens stay the same apart from the
// values of __LINE__: a directive never stands inside a continued line, a comment, a raw string or parentheses (they
// may be the arguments of a macro, where a directive is undefined, C11 6.10.3p11), nor between a name and its opening
// parenthesis. Lines in such a place are corrected as soon as the place ends.
// A text that has `#line` directives of its own comes back as it is.
//
// `line_origins` has one entry per line of `text`, from patch.h's FileChange. `origin_name`, if not empty, goes into
// the directives as the file's name, so that __FILE__ of a renamed file stays as well; it is the name as the compiler
// got it.
std::string keep_line_numbers(std::string_view text, std::span<const uint32_t> line_origins,
                              std::string_view origin_name = {});

} // namespace klp::source
