// Where a reference leads once its unit is patched: the rules.
#pragma once

#include "diff/changes.h"
#include "diff/kernel_symbols.h"
#include "diff/pair.h"
#include "diff/routing.h"

namespace klp::diff {

// Who makes a reference: a piece that comes along, or an entry of a special section, which speaks of the very copy of
// the piece that it came with.
struct Referrer {
    uint32_t piece = none;
    uint32_t section = 0; // in which the relocation is
    bool is_entry = false;
};

class Router {
public:
    // All outlive the router.
    Router(const Pair& pair, const Changes& changes, const KernelSymbols& kernel)
        : pair_(pair), changes_(changes), kernel_(kernel) {}

    RoutedReference route(const Referrer& referrer, const elf::Relocation& relocation) const;

private:
    Route choose(const Reference& reference, const Referrer& referrer, const elf::Relocation& relocation) const;
    Route to_variable(const Reference& reference, const elf::Relocation& relocation) const;
    Route to_function(const Reference& reference, const Referrer& referrer, const elf::Relocation& relocation) const;
    bool is_gone(uint32_t piece) const;
    uint32_t original_symbol(const Reference& reference, const elf::Relocation& relocation) const;
    bool is_made_by_link(std::string_view name) const;

    const Pair& pair_;
    const Changes& changes_;
    const KernelSymbols& kernel_;
};

} // namespace klp::diff
