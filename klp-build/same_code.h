// Functions whose source changes and whose code does not.
#pragma once

#include "changed_texts.h"

#include "kernel/compile.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace klp::build {

class SameCode {
public:
    // Both outlive it. The objects are read when the first function with another text is asked for: most patches have
    // nothing to be said of.
    SameCode(const ChangedTexts& texts, const std::vector<kernel::ObjectPair>& pairs) : texts_(texts), pairs_(pairs) {}

    // Whether the change of a function's text is none of code: its own is the same in each unit that has it as such on
    // both sides, and that of all functions with another text that it calls, which count as a part of it where the
    // sources are compared. False for a function whose own text is as it was, and for one that is compiled into others,
    // or under another name, of which nothing is known.
    bool has(const std::string& function);

private:
    bool has_other_text(const std::string& function) const;
    bool is_same(const std::string& function);

    const ChangedTexts& texts_;
    const std::vector<kernel::ObjectPair>& pairs_;
    std::optional<std::set<std::string, std::less<>>> same_;
};

} // namespace klp::build
