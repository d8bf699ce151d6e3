#include "report/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace klp::report {

std::string first_of(const std::vector<std::string>& names) {
    constexpr size_t most_named = 5;
    const size_t count = std::min(names.size(), most_named);
    const std::string text =
        fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(count), ", "));
    return names.size() > count ? fmt::format("{} and {} more", text, names.size() - count) : text;
}

} // namespace klp::report
