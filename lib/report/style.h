// How the page looks.
#pragma once

#include "report/html.h"

namespace klp::report {

// On a screen, light or dark, and on paper, where all that is folded is open.
Html style_sheet();

} // namespace klp::report
