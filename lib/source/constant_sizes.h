// Allocations whose size is made of a constant.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace klp::source {

struct ConstantSize {
    std::string function; // that makes the object
    std::string variable; // that leads to it: "ctx", "->buf" of a member
    std::string call;     // "kzalloc(BUF_MAX, GFP_KERNEL)"
    std::string constant;
};

struct ConstantSizes {
    std::vector<ConstantSize> made; // what may outlive the function
    bool is_used = false;           // code goes by one of the constants elsewhere than in a size
};

// Adds what `text`, a source file, does with the constants `names`, as it is written. What is used by macros with
// parameters counts as used. Linear in the text; free for one that has none of the names.
void add_sizes(std::string_view text, const std::set<std::string, std::less<>>& names, ConstantSizes& sizes);

} // namespace klp::source
