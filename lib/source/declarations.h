// The declarations of a unit, as the compiler reads them one after the other.
#pragma once

#include "source/preprocess.h"

#include <optional>
#include <span>
#include <vector>

namespace klp::source {

// One declaration or definition at the top of a unit, or a line of assembly there.
struct Declaration {
    std::span<const ReadToken> tokens;
    uint64_t content = 0; // a number for its tokens
    // Spellings of what it declares: functions, variables, typedefs, tags of types that it defines, enumerators. There
    // may be one too many.
    std::vector<uint64_t> names;
    bool is_function = false; // with a body
    // Of itself it makes no code and no data: a type, a prototype, `extern`, a static inline function.
    bool is_inert = false;
    bool says_nothing = false; // an assertion, the name of a type to come: nothing can depend on it
};

// In their order; they refer to `tokens`. Nothing if the tokens are no sequence of declarations.
//   `struct s { int m; }; static inline int f(struct s *p) { return p->m; } int g;`
// gives "s" (inert), "f" (inert) and "g" (not inert).
std::optional<std::vector<Declaration>> declarations_of(std::span<const ReadToken> tokens);

// Their contents, in their order.
std::vector<uint64_t> contents_of(const std::vector<Declaration>& declarations);

} // namespace klp::source
