#include "diff/new_tracepoints.h"

#include <algorithm>
#include <array>

namespace klp::diff {

namespace {

// __tpstrtab_NAME holds the name of a tracepoint that the unit defines.
constexpr std::string_view name_entry = "__tpstrtab_";
constexpr std::array entries{name_entry, std::string_view("__bpf_trace_tp_map_"), std::string_view("__event_"),
                             std::string_view("__tracepoint_")};
constexpr std::array registries{std::string_view("__tracepoints_ptrs"), std::string_view("__tracepoints_strings"),
                                std::string_view("__tracepoints"), std::string_view("_ftrace_events"),
                                std::string_view("__bpf_raw_tp_map")};

} // namespace

NewTracepoints::NewTracepoints(const Pair& pair) : source_(pair.patched.object().name()) {
    for (uint32_t index = 0; index < pair.patched.pieces().size(); ++index) {
        const std::string_view name = pair.patched.name(pair.patched.piece(index));
        if (pair.before(index) == none && name.starts_with(name_entry))
            names_.emplace(name.substr(name_entry.size()));
    }
}

bool NewTracepoints::own(std::string_view entry) const {
    return std::ranges::any_of(entries, [&](std::string_view begin) {
        return entry.starts_with(begin) && names_.contains(entry.substr(begin.size()));
    });
}

bool NewTracepoints::fill(std::string_view registry) const {
    return !names_.empty() && std::ranges::find(registries, registry) != registries.end();
}

std::vector<report::Finding> NewTracepoints::findings() const {
    std::vector<report::Finding> all;
    for (const std::string& name : names_)
        all.push_back({"diff.registry-added",
                       report::Severity::warning,
                       source_,
                       name,
                       "this tracepoint is new, and the kernel lists tracepoints when it or a module starts: nobody "
                       "can turn it on",
                       {}});
    return all;
}

} // namespace klp::diff
