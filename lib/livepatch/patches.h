// The live patches of a machine, as /sys/kernel/livepatch shows them
// (Documentation/ABI/testing/sysfs-kernel-livepatch). klp-build's own core has the same files.
#pragma once

#include "livepatch/system.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace klp::livepatch {

inline constexpr std::string_view patches_folder = "/sys/kernel/livepatch";

// `idle` is a module that is loaded and of whose patch nothing is in effect: it was disabled, or another replaced it.
enum class State { enabled, enabling, disabling, idle };

// As text and in JSON: "enabled", "enabling", "disabling", "not in effect".
const char* to_string(State state);

struct Function {
    std::string name;
    unsigned sympos = 1; // as in sysfs, where the first of a name is 1
};

struct Object {
    std::string name;        // "vmlinux" or a module's
    bool is_patched = false; // false also while the module is not loaded
    std::vector<Function> functions;
};

struct LoadedPatch {
    std::string name; // of the module
    State state = State::idle;
    std::vector<Object> objects;      // empty for an idle one
    std::optional<bool> is_replacing; // where the kernel says it (6.10 and later, and klp-build's own core)
    std::string build_id;             // of the module
    bool is_in_effect() const { return state == State::enabled || state == State::enabling; }
};

// Does the kernel have a livepatch core, its own or klp-build's (which is a module)?
bool has_core(const System& system);

// All live patches, by name. Those that the machine has no core for are none.
std::vector<LoadedPatch> read_patches(const System& system);

// The patch of that name; nothing if no such live patch is loaded.
std::optional<LoadedPatch> find_patch(const System& system, std::string_view name);

} // namespace klp::livepatch
