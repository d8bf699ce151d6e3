#include "livepatch/rights.h"

#include "report/finding.h"

#include <fmt/format.h>

#include <charconv>

namespace klp::livepatch {

namespace {

const char* name_of(Right right) {
    switch (right) {
    case Right::override_files:
        return "CAP_DAC_OVERRIDE";
    case Right::load_modules:
        return "CAP_SYS_MODULE";
    case Right::see_stacks:
        break;
    }
    return "CAP_SYS_ADMIN";
}

} // namespace

bool has_right(const System& system, Right right) {
    const std::string status = system.text("/proc/self/status").value_or("");
    constexpr std::string_view tag = "\nCapEff:\t";
    const size_t at = status.find(tag);
    if (at == std::string::npos)
        return true;
    uint64_t capabilities = 0;
    std::from_chars(status.data() + at + tag.size(), status.data() + status.size(), capabilities, 16);
    return capabilities >> static_cast<unsigned>(right) & 1;
}

void need_right(const System& system, Right right, std::string_view purpose) {
    if (!has_right(system, right))
        throw report::Refusal("livepatch.no-right", "",
                              fmt::format("the right to {} is missing: {}", purpose, name_of(right)),
                              "run klpctl as root");
}

} // namespace klp::livepatch
