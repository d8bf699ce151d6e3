// The .modinfo section of a kernel module: "key=value" strings, one after the other (include/linux/moduleparam.h,
// __MODULE_INFO; the module loader reads them in kernel/module/main.c, get_next_modinfo()).
#pragma once

#include "elf/livepatch_abi.h"
#include "elf/object.h"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace klp::elf {

struct Modinfo {
    std::vector<std::pair<std::string_view, std::string_view>> fields; // in file order; a key may come several times

    // The first value of that key, empty if there is none.
    std::string_view value(std::string_view key) const;
    bool has(std::string_view key) const;
    std::vector<std::string_view> values(std::string_view key) const;
};

// The result points into `module`. Empty if there is no .modinfo; strings without '=' are left out.
Modinfo read_modinfo(const Object& module);

// Which livepatch core the module says it is for; nullopt if it is no live patch.
std::optional<Runtime> livepatch_runtime(const Modinfo& modinfo);

} // namespace klp::elf
