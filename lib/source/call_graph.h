// Which functions of a text call which, as far as it goes: macros are not expanded.
#pragma once

#include "source/object_texts.h"

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace klp::source {

class CallGraph {
public:
    // `rest`: the tokens outside of functions.
    CallGraph(const FunctionWords& functions, const std::string& rest);

    bool is_call_between(std::string_view one, std::string_view other) const;
    std::set<std::string_view> callers_of_both(std::string_view one, std::string_view other) const;
    // Whether nobody comes to `function` but by way of `other`.
    bool runs_only_in(std::string_view function, std::string_view other) const;
    // The functions that it calls.
    const std::set<std::string_view>& calls_of(std::string_view function) const;

private:
    using Names = std::set<std::string_view>;
    bool runs_only_in(std::string_view function, std::string_view other, Names& seen) const;

    std::map<std::string_view, Names> calls_, callers_;
    Names open_; // whose address somebody has, or that other files may call
};

} // namespace klp::source
