// How functions that return pointers tell their callers of a failure.
#pragma once

#include <string>
#include <vector>

namespace klp::source {

struct ObjectTexts; // object_texts.h

struct OtherFailure {
    enum class Kind {
        error_pointer, // `function`, which returned NULL, now returns ERR_PTR()
        null           // `function`, which returned ERR_PTR(), now returns NULL only
    };
    Kind kind = Kind::error_pointer;
    std::string function;
    std::string user; // a function that goes by its result and does not change; empty: those of other files, or modules
};

// `texts`: of all files that a patch changes. Only of functions that somebody else than changed functions
// calls: that are exported, or called by nobody in these texts, or by a function that stays as it was and does not look
// for what is returned now. Linear in the texts, but for the functions that changed.
std::vector<OtherFailure> compare_failures(const ObjectTexts& texts);

} // namespace klp::source
