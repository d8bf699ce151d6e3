// The report as one page that a reviewer reads: no script, nothing from elsewhere, the same bytes for the same facts.
#pragma once

#include "report/facts.h"

#include <string>

namespace klp::report {

// An HTML document.
std::string to_page(const Facts& facts);

} // namespace klp::report
