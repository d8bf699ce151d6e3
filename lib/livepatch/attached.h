// Who else has hold of the kernel's functions: ftrace's list of them, and that of kprobes.
#pragma once

#include "livepatch/system.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace klp::livepatch {

struct Tracing {
    unsigned users = 0;                // of ftrace's hook at its start, a live patch included
    std::vector<std::string> programs; // direct calls: trampolines of BPF programs and others
};

// tracefs, enabled_functions (kernel/trace/ftrace.c, t_show()), by function; nothing if it cannot be read.
std::optional<std::map<std::string, Tracing>> read_tracing(const System& system);

struct Probe {
    std::string function;
    unsigned offset = 0;
    bool is_on_ftrace = false; // it is one of Tracing::users
    bool is_return = false;
};

// debugfs, kprobes/list (kernel/kprobes.c, report_probe()); nothing if it cannot be read.
std::optional<std::vector<Probe>> read_probes(const System& system);

} // namespace klp::livepatch
