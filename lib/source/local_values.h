// What a function's variables stand for.
#pragma once

#include "source/words.h"

#include <map>
#include <string_view>
#include <vector>

namespace klp::source {

// Of the variables that a function gives a value in one place only, and that no other code can change:
//
//     len = n * sizeof(*p);  q = kmalloc(len, GFP_KERNEL);      `len` is `n * sizeof(*p)`
class LocalValues {
public:
    // Refers to the words of one function.
    explicit LocalValues(Words words);

    // The expression with the values in place of such variables, and of those that stand in these.
    std::vector<std::string_view> resolved(Words expression) const;

private:
    std::map<std::string_view, Words> values_;
};

} // namespace klp::source
