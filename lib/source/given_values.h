// Constants that new objects are given, where what exists keeps the old: a patch that changes no more than those does
// nothing for it.
#pragma once

#include <string>
#include <vector>

namespace klp::source {

struct ObjectTexts; // object_texts.h

struct GivenValue {
    enum class Kind {
        value, // `function`, which runs once for each object, stores `is` in `what`, was `was`
        table, // it is the only one that reads the constant table `what`, which has other entries
        mode   // `function` makes the file `what` with the mode `is`, was `was`
    };
    Kind kind = Kind::value;
    std::string function;
    std::string what;
    std::string was, is;
};

// `texts`: of all files that a patch changes. Runs once for each object: by the structure that has its
// address (`.init` of pernet_operations, `.probe`, `.ndo_init`), by its name (_probe, _init_net), or if only such
// functions call it. What a function stores that is no constant is not compared, nor a constant that the patch
// gives another name. Linear in the texts.
std::vector<GivenValue> compare_given(const ObjectTexts& texts);

} // namespace klp::source
