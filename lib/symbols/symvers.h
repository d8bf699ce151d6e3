// Module.symvers: what vmlinux and the modules export.
// Format: scripts/mod/modpost.c, write_dump(): CRC \t symbol \t module \t export type \t namespace
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace klp::symbols {

struct Export {
    std::string module; // "vmlinux", or the module's name with '_' for '-' and no path
    std::string name_space;
    uint32_t crc = 0;
    bool gpl_only = false;

    // To modules of any name. EXPORT_SYMBOL_FOR_MODULES() (linux/export.h, since Linux 6.16) has a namespace of the
    // names of those that may use it, "module:kvm-intel,kvm-amd", which no module may import (scripts/mod/modpost.c).
    bool is_for_all() const { return !name_space.starts_with("module:"); }
};

class Exports {
public:
    // nullptr if nobody exports it.
    const Export* find(std::string_view symbol) const;
    size_t size() const { return by_name_.size(); }
    // Calls `see` with the name and entry of each, in no order.
    template <typename Visitor>
    void for_each(const Visitor& see) const {
        for (const auto& [symbol, entry] : by_name_)
            see(std::string_view(symbol), entry);
    }
    void add(std::string symbol, Export entry);

private:
    struct Hash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    std::unordered_map<std::string, Export, Hash, std::equal_to<>> by_name_;
};

// Parses the text of a Module.symvers; `path` is for messages. Throws report::Refusal "symvers.malformed" naming the
// line.
Exports read_symvers(std::string_view text, const std::string& path);

} // namespace klp::symbols
