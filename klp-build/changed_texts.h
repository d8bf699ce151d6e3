// The sources that a patch changes, function by function.
#pragma once

#include "pipeline.h"

#include "source/function_texts.h"

#include <map>
#include <string>

namespace klp::build {

// All changed C files as one text: the two halves of a pair may be in two files.
struct ChangedTexts {
    source::FunctionTexts before, after;
    std::map<std::string, std::string> file_of; // by function: below the source folder
};

// Files of which only comments and blanks change are not among them.
ChangedTexts changed_texts(const PatchedFiles& changes);

} // namespace klp::build
