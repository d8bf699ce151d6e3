#include "diff/kernel_symbols.h"

namespace klp::diff {

using symbols::Resolution;

const Resolution& KernelSymbols::defined(uint32_t symbol) const {
    auto [at, is_new] = defined_.try_emplace(symbol);
    if (is_new)
        at->second = options_.resolver->resolve_defined(original_.symbol(symbol));
    return at->second;
}

const Resolution& KernelSymbols::undefined(std::string_view name) const {
    auto [at, is_new] = undefined_.try_emplace(std::string(name));
    if (is_new) {
        // A module's code means its own module, not the live patch.
        if (name == "__this_module" && options_.owner != "vmlinux")
            at->second = {Resolution::Kind::livepatch, options_.owner, 0, true, {}, true, {}};
        else
            at->second = options_.resolver->resolve_undefined(name);
    }
    return at->second;
}

bool is_found(const Resolution& resolution) {
    return resolution.kind == Resolution::Kind::imported || resolution.kind == Resolution::Kind::livepatch;
}

} // namespace klp::diff
