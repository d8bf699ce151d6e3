// What a patch does on top of the one that is loaded when it comes: states, functions, callbacks, shadow variables. A
// downgrade is the same question with the older patch as the one that comes.
#include "verify/groups.h"
#include "verify/shadow_variables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace klp::verify {

namespace {

using elf::CallbackKind;

class Succession {
public:
    Succession(const Subject& subject, const elf::Object& previous, Verdict& verdict)
        : subject_(subject), now_(subject.patch), previous_(previous), before_(read_patch(previous)),
          verdict_(verdict) {}

    void check() {
        check_name();
        check_states();
        check_functions();
        check_callbacks();
        check_shadows();
    }

private:
    void check_name() {
        const std::string_view name = elf::read_modinfo(previous_).value("name");
        if (!name.empty() && name == subject_.modinfo.value("name"))
            verdict_.add("sense.same-name", "", fmt::format("both are called {}", name));
    }
    void check_states() {
        for (const State& state : before_.states) {
            const auto kept = std::ranges::find(now_.states, state.id, &State::id);
            if (kept == now_.states.end()) {
                if (now_.is_replacing)
                    verdict_.add("sense.state-lost", "",
                                 fmt::format("state {:#x} of the previous patch is not handled", state.id));
            } else if (kept->version < state.version) {
                verdict_.add("sense.state-version", "",
                             fmt::format("state {:#x} has version {}, in the previous patch {}", state.id,
                                         kept->version, state.version));
            }
        }
    }
    void check_functions() {
        std::set<FunctionIdentity> now;
        for (const PatchedFunction& function : now_.functions)
            now.insert(identity(function));
        for (const PatchedFunction& function : before_.functions) {
            const bool is_in_both = now.contains(identity(function));
            if (is_in_both && !now_.is_replacing)
                verdict_.add("sense.covers", function.name,
                             fmt::format("{} of the previous patch is not called any more", full_name(function)));
            else if (!is_in_both && now_.is_replacing)
                verdict_.add("sense.reverts", function.name,
                             fmt::format("{} goes back to the original", full_name(function)));
            else if (!is_in_both)
                verdict_.add("sense.stays", function.name,
                             fmt::format("{} stays patched by the previous patch", full_name(function)));
        }
    }
    // With a patch that replaces it, none of the previous one's callbacks is called.
    void check_callbacks() {
        if (!now_.is_replacing)
            return;
        std::set<std::string_view> reported;
        for (const PatchCallback& callback : before_.callbacks)
            if (undoes(callback) && !has_undo(callback.object) && reported.insert(callback.object).second)
                verdict_.add("sense.callbacks-lost", callback.object,
                             "the previous patch's callbacks that take back what it did there are not called, and the "
                             "new patch has none");
    }
    static bool undoes(const PatchCallback& callback) {
        return callback.kind == CallbackKind::pre_unpatch || callback.kind == CallbackKind::post_unpatch;
    }
    bool has_undo(std::string_view object) const {
        return std::ranges::any_of(now_.callbacks, [&](const PatchCallback& callback) {
            return callback.object == object && undoes(callback);
        });
    }
    void check_shadows() {
        const ShadowVariables old = read_shadow_variables(ModuleCode(previous_));
        const ShadowVariables current = read_shadow_variables(ModuleCode(subject_.module));
        for (const auto& [id, use] : old.by_id) {
            if (use.allocated_by.empty())
                continue;
            const auto same = current.by_id.find(id);
            if (same == current.by_id.end()) {
                if (now_.is_replacing && !current.has_unknown_free)
                    verdict_.add("sense.shadow-lost", "",
                                 fmt::format("shadow variables {:#x} of the previous patch stay", id));
            } else if (!same->second.sizes.empty() && !use.sizes.empty() && same->second.sizes != use.sizes) {
                verdict_.add("sense.shadow-size", same->second.allocated_by,
                             fmt::format("shadow variable {:#x} has {} bytes, in the previous patch {}", id,
                                         fmt::join(same->second.sizes, " and "), fmt::join(use.sizes, " and ")));
            }
        }
    }

    const Subject& subject_;
    const Patch& now_;
    const elf::Object& previous_;
    const Patch before_;
    Verdict& verdict_;
};

} // namespace

void check_succession(const Subject& subject, const elf::Object& previous, Verdict& verdict) {
    Succession(subject, previous, verdict).check();
}

} // namespace klp::verify
