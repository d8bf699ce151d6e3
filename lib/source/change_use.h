// Whether a unit that reads a changed header uses what changed in it.
#pragma once

#include "source/preprocess.h"

namespace klp::source {

// Whether the unit's code or data can be another one for reading `after` in place of `before`. What differs counts if
// it makes code or data itself, or if something that does speaks of it, directly or by other declarations: an inline
// function that nobody calls changes nothing, nor does a structure of which nothing speaks. When in doubt, yes.
//   before: static inline int f(void) { return 1; }   static inline int g(void) { return f(); }   int h(void);
//   after:  static inline int f(void) { return 2; }   ...
// is a use where a function of the unit calls f() or g(), and none where only h() is called.
bool uses_change(const ReadUnit& before, const ReadUnit& after);

} // namespace klp::source
