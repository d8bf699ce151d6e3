// Functions of a unit by name.
#pragma once

#include "rewrite/parsed_unit.h"

#include <clang/AST/Decl.h>

#include <string>

namespace klp::rewrite {

// The declaration with the body; nullptr if the unit has none.
const clang::FunctionDecl* definition_of(const ParsedUnit& unit, const std::string& name);

} // namespace klp::rewrite
