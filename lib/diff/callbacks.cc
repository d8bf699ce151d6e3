#include "diff/callbacks.h"

#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace klp::diff {

namespace {

// What of the unit's own module a callback gets to, by itself or through what it refers to.
class Reach {
public:
    Reach(const Unit& patched, const Selection& selection, const Selector& selector, const Options& options)
        : patched_(patched), selection_(selection), selector_(selector), options_(options) {}

    // The name of something that only the module has, or nothing.
    std::optional<std::string> into_module(uint32_t function) const {
        std::vector<bool> seen(patched_.pieces().size(), false);
        std::vector<uint32_t> queue{function};
        seen[function] = true;
        while (!queue.empty()) {
            const uint32_t index = queue.back();
            queue.pop_back();
            const Piece& piece = patched_.piece(index);
            for (const elf::Relocation& relocation : patched_.relocations(piece)) {
                const Reference reference = patched_.reference(piece.section, relocation);
                const Route route = selector_.route(reference, index, piece.section, relocation, false);
                if (is_of_module(route, reference, relocation))
                    return name_of(reference);
                if (route != Route::inside || !selection_.included[reference.id] || seen[reference.id])
                    continue;
                seen[reference.id] = true;
                queue.push_back(reference.id);
            }
        }
        return std::nullopt;
    }

private:
    bool is_of_module(Route route, const Reference& reference, const elf::Relocation& relocation) const {
        if (route == Route::original)
            return selector_.resolve_defined(selector_.original_symbol(reference, relocation)).object == options_.owner;
        if (route != Route::external)
            return false;
        std::string_view name = patched_.object().symbol(reference.id).name;
        if (name.empty() || patched_.machine().is_profiling_call(name) || options_.is_provided(name))
            return false;
        const symbols::Resolution& found = selector_.resolve_undefined(name);
        return found.kind == symbols::Resolution::Kind::livepatch && found.object == options_.owner;
    }
    std::string name_of(const Reference& reference) const {
        return reference.to == Reference::To::piece ? patched_.title(reference.id)
                                                    : std::string(patched_.object().symbol(reference.id).name);
    }

    const Unit& patched_;
    const Selection& selection_;
    const Selector& selector_;
    const Options& options_;
};

} // namespace

std::string object_of(const Callback& callback, std::string_view owner) {
    std::string object = callback.object;
    std::ranges::replace(object, '-', '_');
    const bool is_owner = object.empty() || object == fmt::format("kmod_{}", owner);
    return is_owner ? std::string(owner) : object;
}

std::vector<RegisteredCallback> register_callbacks(const Unit& patched, const Selection& selection,
                                                   const Selector& selector, const Macros& macros,
                                                   const Options& options) {
    std::vector<RegisteredCallback> registered;
    std::vector<report::Finding> errors;
    const Reach reach(patched, selection, selector, options);
    for (const Callback& callback : macros.callbacks) {
        const std::string object = object_of(callback, options.owner);
        registered.push_back({patched.title(callback.function), object, callback.kind});
        if (object == options.owner || options.owner == "vmlinux")
            continue;
        if (std::optional<std::string> name = reach.into_module(callback.function))
            errors.push_back({"diff.callback-object", report::Severity::error, patched.object().name(),
                              patched.title(callback.function),
                              fmt::format("it is a callback for {}, which is patched whether module {} is loaded or "
                                          "not, but it gets to {} of that module",
                                          object, options.owner, *name),
                              fmt::format("make it a callback for {}, or leave {} out of it", options.owner, *name)});
    }
    if (!errors.empty())
        throw report::Refusal(std::move(errors));
    return registered;
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
