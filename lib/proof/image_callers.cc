#include "proof/image_callers.h"

#include "arch/direct_calls.h"

#include <set>

namespace klp::proof {

namespace {

using symbols::KernelSymbol;

// The functions that call `target`, in the order of their addresses.
std::vector<const KernelSymbol*> callers_of(const Image& image, Location target) {
    std::vector<const KernelSymbol*> callers;
    for (const elf::Section& section : image.file().sections()) {
        if (!section.is_code())
            continue;
        for (uint64_t site : arch::direct_calls(image.file().machine(), section.data, section.address, target))
            if (const KernelSymbol* caller = image.symbols().covering(site);
                caller && (callers.empty() || callers.back() != caller))
                callers.push_back(caller);
    }
    return callers;
}

// It begins with a call of ftrace's, behind at most a landing pad (Makefile, -mfentry).
bool is_hookable(const Image& image, const KernelSymbol& function) {
    constexpr uint64_t landing_pad_size = 4;
    constexpr uint64_t call_size = 5;
    const std::span<const uint32_t> hook = image.symbols().find("__fentry__");
    if (hook.empty())
        return false;
    return !arch::direct_calls(image.file().machine(),
                               image.bytes(image.location(function), landing_pad_size + call_size), function.address,
                               image.symbols().symbols()[hook.front()].address)
                .empty();
}

} // namespace

Callers find_callers(const Image& image, Location location) {
    if (image.is_module())
        return {};
    std::set<std::string> hookable, others;
    for (const KernelSymbol* caller : callers_of(image, location))
        (is_hookable(image, *caller) ? hookable : others).emplace(caller->name);
    return {{hookable.begin(), hookable.end()}, {others.begin(), others.end()}};
}

} // namespace klp::proof
