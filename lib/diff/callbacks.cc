#include "diff/callbacks.h"

#include "diff/piece_finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace klp::diff {

namespace {

// Something that only the unit's own module has.
bool is_of_module(const RoutedReference& it, const KernelSymbols& kernel) {
    if (!it.found || it.found->object != kernel.owner())
        return false;
    return it.route == Route::original || it.found->kind == symbols::Resolution::Kind::livepatch;
}

// The name of something of the unit's own module that a callback gets to, by itself or through what it refers to.
std::optional<std::string> way_into_module(const Pair& pair, const Selection& selection, const KernelSymbols& kernel,
                                           uint32_t function) {
    std::vector<bool> seen(pair.patched.pieces().size(), false);
    std::vector<uint32_t> queue{function};
    seen[function] = true;
    while (!queue.empty()) {
        const uint32_t index = queue.back();
        queue.pop_back();
        for (const RoutedReference& it : selection.routing.of(index)) {
            if (is_of_module(it, kernel))
                return pair.patched.target_name(it.reference);
            if (it.route != Route::inside || seen[it.reference.id])
                continue;
            seen[it.reference.id] = true;
            queue.push_back(it.reference.id);
        }
    }
    return std::nullopt;
}

} // namespace

std::string object_of(const Callback& callback, std::string_view owner) {
    std::string object = callback.object;
    std::ranges::replace(object, '-', '_');
    const bool is_owner = object.empty() || object == fmt::format("kmod_{}", owner);
    return is_owner ? std::string(owner) : object;
}

std::vector<RegisteredCallback> name_callbacks(const Pair& pair, std::string_view owner) {
    std::vector<RegisteredCallback> named;
    for (const Callback& callback : pair.macros.callbacks)
        named.push_back({pair.patched.title(callback.function), object_of(callback, owner), callback.kind});
    return named;
}

std::vector<report::Finding> find_early_callbacks(const Pair& pair, const Selection& selection,
                                                  const KernelSymbols& kernel) {
    std::vector<report::Finding> errors;
    for (const Callback& callback : pair.macros.callbacks) {
        const std::string object = object_of(callback, kernel.owner());
        if (object == kernel.owner() || kernel.owner() == "vmlinux")
            continue;
        if (std::optional<std::string> name = way_into_module(pair, selection, kernel, callback.function))
            errors.push_back(error_about(
                pair.patched, callback.function, "diff.callback-object",
                fmt::format("it is a callback for {}, which is patched whether module {} is loaded or not, but it gets "
                            "to {} of that module",
                            object, kernel.owner(), *name),
                fmt::format("make it a callback for {}, or leave {} out of it", kernel.owner(), *name)));
    }
    return errors;
}

std::vector<report::Finding> check_callbacks(const std::vector<RegisteredCallback>& callbacks, std::string_view where) {
    std::vector<report::Finding> errors;
    for (size_t at = 0; at < callbacks.size(); ++at) {
        const RegisteredCallback& it = callbacks[at];
        for (size_t earlier = 0; earlier < at; ++earlier)
            if (callbacks[earlier].object == it.object && callbacks[earlier].kind == it.kind)
                errors.push_back({"diff.callback-twice", report::Severity::error, std::string(where), it.function,
                                  fmt::format("{} already has a callback of this kind, {}; the kernel calls one only",
                                              it.object, callbacks[earlier].function),
                                  "make one function of the two"});
    }
    return errors;
}

} // namespace klp::diff
