// Functions that a patch leaves as they are, whatever a compiler makes of them.
#pragma once

#include "source/function_texts.h"

#include <string>

namespace klp::source {

// Whether both sides define the function by one text, and so all functions of these texts that it may become a part of,
// or they of it: what it names, and what that names. So its old code does what the new one would, also where the
// compiler no longer makes a function of its own of it. False where a macro that it names has another definition.
bool does_the_same(const FunctionTexts& before, const FunctionTexts& after, const std::string& function);

} // namespace klp::source
