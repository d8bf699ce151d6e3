// The rules that a livepatch module is held against, as data: what klp-verify checks, and where the kernel says so.
#pragma once

#include "report/finding.h"

#include <string>
#include <string_view>
#include <vector>

namespace klp::verify {

struct Rule {
    std::string_view code; // "form.section-flags"; the part before the dot is the group: form, match or sense
    report::Severity severity;
    std::string_view text;   // what must hold, for people
    std::string_view source; // the kernel source or document that asks for it
    std::string_view hint;   // what to do where it does not
};

// All rules, in the order in which they are documented.
const std::vector<Rule>& rules();

// The rule of that code, or nullptr.
const Rule* find_rule(std::string_view code);

// Gathers what is wrong with one module.
class Verdict {
public:
    explicit Verdict(std::string module) : module_(std::move(module)) {}

    // A breach of the rule `code`, which must exist: `name` is the symbol or function it is about, or empty.
    void add(std::string_view code, std::string_view name, std::string message);
    std::vector<report::Finding> take() { return std::move(findings_); }

private:
    std::string module_;
    std::vector<report::Finding> findings_;
};

} // namespace klp::verify
