// Registers by LLVM's names. Private to this room.
#pragma once

#include <charconv>
#include <string_view>

namespace klp::arch {

// Is it one of PREFIXfirst to PREFIXlast ("X19" to "X28")?
inline bool is_numbered(std::string_view name, std::string_view prefix, unsigned first, unsigned last) {
    if (!name.starts_with(prefix))
        return false;
    name.remove_prefix(prefix.size());
    unsigned number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    return error == std::errc() && end == name.data() + name.size() && number >= first && number <= last;
}

} // namespace klp::arch
