// What a patch of headers changes for those who read declarations and constants alone, and no code.
#pragma once

#include "source/changed_names.h"
#include "source/preprocess.h"

#include <optional>

namespace klp::source {

// One source, read both ways.
struct HeaderReading {
    ReadUnit expanded;
    UnexpandedUnit unexpanded;
};

// Names that mean something else after the patch to a program like bindgen, which makes of headers what code in another
// language needs: macros, types, enumerators, prototypes, variables, and what has one of them inside. What functions do
// in their bodies counts for nothing, nor does what only points to something that changed. Nothing if that cannot be
// told.
//   before: #define SIZE 4   struct s { char text[SIZE]; }; struct t { struct s *s; }; static inline int f(void) {
//   return 1; } after:  #define SIZE 8   ...                                                       static inline int
//   f(void) { return 2; }
// gives SIZE and s.
std::optional<Names> changed_declarations(const HeaderReading& before, const HeaderReading& after);

} // namespace klp::source
