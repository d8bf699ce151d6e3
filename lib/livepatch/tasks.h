// Tasks: who holds a transition up, and who is inside of which function.
#pragma once

#include "livepatch/patches.h"
#include "livepatch/system.h"

#include <string>
#include <vector>

namespace klp::livepatch {

struct Task {
    int process = 0; // 0: unknown (klp-build's core names idle tasks and threads by their ids only)
    int thread = 0;
    std::string name;
    std::vector<std::string> stack; // functions, the innermost first; empty where it may not be read or is not known
    std::string function;           // of the patch, where the task is inside of one; or why it has not changed over
};

// The tasks that have not gone over to the state that the transition of `patch` leads to. What may be seen depends on
// who asks: /proc/TASK/patch_state and /proc/TASK/stack want CAP_SYS_ADMIN, and so does `blockers` of klp-build's core.
// Idle tasks of the kernel's core are not in /proc.
std::vector<Task> tasks_in_the_way(const System& system, const LoadedPatch& patch);

// All tasks that sleep inside of one of the functions (`Task::function` says which), by their stacks.
std::vector<Task> tasks_inside(const System& system, const std::vector<std::string>& functions);

} // namespace klp::livepatch
