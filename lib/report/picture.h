// The module as a picture: who calls what it changes, what it changes, and what comes along for that.
#pragma once

#include "report/facts.h"
#include "report/html.h"

namespace klp::report {

// An SVG element, a frame for each object of the kernel. Changed functions stand in the middle and lead to their part
// of the page (anchor_of()); strings and constants are left out. Nothing if the facts have no function or variable.
Html picture_of(const Facts& facts);

// The name of the place of the page that is about a unit's piece.
std::string anchor_of(size_t unit, size_t piece);

} // namespace klp::report
