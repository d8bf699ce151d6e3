// What the running kernel has for the symbols of a unit.
#pragma once

#include "diff/diff.h"
#include "elf/object.h"

#include <string>
#include <string_view>
#include <unordered_map>

namespace klp::diff {

// The answers of Options::resolver, which is asked once for each symbol, from one thread at a time.
class KernelSymbols {
public:
    // Both outlive this.
    KernelSymbols(const elf::Object& original, const Options& options) : original_(original), options_(options) {}

    // The object that the unit is part of.
    const std::string& owner() const { return options_.owner; }
    // See Options.
    const std::string& untraced_by() const { return options_.untraced_by; }
    CallerNames callers_of(uint32_t symbol) const { return options_.callers_of(original_.symbol(symbol)); }
    // A global name that another unit of the same patch newly defines.
    bool is_of_patch(std::string_view name) const { return options_.is_provided(name); }
    // Of a symbol that the original unit defines.
    const symbols::Resolution& defined(uint32_t symbol) const;
    // Of a name that some other unit defines.
    const symbols::Resolution& undefined(std::string_view name) const;

private:
    const elf::Object& original_;
    const Options& options_;
    mutable std::unordered_map<uint32_t, symbols::Resolution> defined_;
    mutable std::unordered_map<std::string, symbols::Resolution> undefined_;
};

// It has the symbol, and it is known which one.
bool is_found(const symbols::Resolution& resolution);

} // namespace klp::diff
