// The parts of the page that are looked up: tables of what the module is made of and what it rests on.
#pragma once

#include "report/facts.h"
#include "report/html.h"

namespace klp::report {

// Each is empty if there is nothing to tell.
Html pieces_table(const Facts& facts); // what comes along, and why
Html proof_table(const Facts& facts);
Html harmless_table(const Facts& facts);
Html symbols_table(const Facts& facts);
Html sizes_table(const Facts& facts);
Html inputs_table(const Facts& facts);
Html test_view(const Facts& facts); // each boot: its steps, and all that was said
Html times_table(const Facts& facts);

} // namespace klp::report
