// Macros that stand for a constant, and whose value a patch changes.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace klp::source {

struct ChangedConstant {
    std::string name;
    unsigned line = 0; // of the definition, in the text after
    // What the macro stands for, as it is written: "3", "(1 << 4)". Where both are written alike, the values, or what
    // is written with the macro that changed: "(HEAD + sizeof(long)), HEAD being 4".
    std::string before, after;
    std::set<std::string> mentions; // the names in what it stands for now
};

// The macros without parameters that both texts of a file define and that have another value now. One that is only
// written in another way is none, as far as Clang can tell the value from the definitions of the file itself, BIT() and
// GENMASK(); where it cannot, another spelling counts as another value. A macro that is defined by others which changed
// is one as well.
std::vector<ChangedConstant> changed_constants(std::string_view before, std::string_view after);

} // namespace klp::source
