#include "sense/conflicts.h"

#include "sense/code.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace klp::sense {

namespace {

using Names = std::set<std::string_view>;

struct Row {
    std::string_view path;   // a beginning; or of a path below arch/ARCH/, where it begins with a slash
    std::string_view reason; // "it is ..."
};

// In several files since 7.1.
constexpr std::string_view of_verifier =
    "the BPF verifier: programs that are loaded were checked by the old code, and stay";

constexpr std::array rows{
    Row{"kernel/livepatch/", "livepatch's own code: old and new run while this very patch goes in and out"},
    Row{"kernel/stacktrace.c",
        "code that reads stacks: by it livepatch decides whether a task may go over to this patch"},
    Row{"/kernel/stacktrace.c",
        "code that reads stacks: by it livepatch decides whether a task may go over to this patch"},
    Row{"/kernel/unwind", "the unwinder: by it livepatch decides whether a task may go over to this patch"},
    Row{"/kernel/alternative.c", "code that writes code: the hooks of this patch are written by it"},
    Row{"kernel/kprobes.c", "code of kprobes, which shares ftrace's hooks with livepatch"},
    Row{"/kernel/kprobes/", "code of kprobes, which shares ftrace's hooks with livepatch"},
    Row{"/entry/", "entry code, which runs before and after the kernel keeps track of the task"},
    Row{"kernel/bpf/verifier.c", of_verifier},
    Row{"kernel/bpf/states.c", of_verifier},
    Row{"kernel/bpf/backtrack.c", of_verifier},
    Row{"kernel/bpf/liveness.c", of_verifier},
    Row{"kernel/bpf/cfg.c", of_verifier},
    Row{"kernel/bpf/const_fold.c", of_verifier},
    Row{"kernel/bpf/check_btf.c", of_verifier},
    Row{"kernel/bpf/fixups.c", of_verifier},
    Row{"kernel/bpf/tnum.c", of_verifier},
    Row{"kernel/bpf/cnum.c", of_verifier},
    Row{"/net/bpf_jit", "the BPF compiler: programs that are loaded were compiled by the old code, and stay"},
};

// "/kernel/unwind_orc.c" of "arch/x86/kernel/unwind_orc.c".
std::string_view below_arch(std::string_view path) {
    constexpr std::string_view arch = "arch/";
    const size_t end = path.starts_with(arch) ? path.find('/', arch.size()) : std::string_view::npos;
    return end == std::string_view::npos ? std::string_view() : path.substr(end);
}

const Row* find_row(std::string_view path) {
    const auto fits = [&](const Row& row) {
        return (row.path.starts_with('/') ? below_arch(path) : path).starts_with(row.path);
    };
    const auto found = std::ranges::find_if(rows, fits);
    return found == rows.end() ? nullptr : &*found;
}

// The functions that the entries of _kprobe_blacklist point to, and those of .kprobes.text.
Names blacklisted(const elf::Object& unit) {
    std::set<std::pair<uint32_t, uint64_t>> places;
    for (const elf::Section& section : unit.sections())
        if (section.name == "_kprobe_blacklist")
            for (const elf::Relocation& relocation : unit.relocations(section.index)) {
                const elf::Symbol& symbol = unit.symbol(relocation.symbol);
                places.emplace(symbol.section, symbol.value + static_cast<uint64_t>(relocation.addend));
            }
    Names names;
    for (const elf::Symbol& symbol : unit.symbols()) {
        const elf::Section* section = symbol.is_function() ? unit.section_of(symbol) : nullptr;
        if (section && (places.contains({symbol.section, symbol.value}) || section->name.starts_with(".kprobes.text")))
            names.insert(symbol.name);
    }
    return names;
}

// Code that others know by where it is: the section's name, and what for. include/linux/sched/debug.h
// (in_sched_functions()), include/linux/spinlock.h (in_lock_functions()).
struct KnownSection {
    std::string_view name;
    std::string_view reason;
};
constexpr std::array known_sections{
    KnownSection{".sched.text",
                 "what a task waits in (wchan), profiles and lock statistics know the scheduler's functions by "
                 "their addresses, and the new code is not among them: they show it instead of its caller"},
    KnownSection{".spinlock.text",
                 "profiles know lock functions by their addresses, and the new code is not among them: they "
                 "show it instead of its caller"}};

void add_known_sections(const std::string& source, const elf::Object& original, const std::vector<std::string>& changed,
                        std::vector<report::Finding>& findings) {
    for (const elf::Symbol& symbol : original.symbols()) {
        const elf::Section* section = symbol.is_function() ? original.section_of(symbol) : nullptr;
        const auto known =
            section ? std::ranges::find(known_sections, section->name, &KnownSection::name) : known_sections.end();
        if (known != known_sections.end() && std::ranges::find(changed, symbol.name) != changed.end())
            findings.push_back({"sense.conflict", report::Severity::note, source, std::string(symbol.name),
                                std::string(known->reason), ""});
    }
}

constexpr const char* hint = "try it on a machine that may crash, under load, before it goes anywhere else; leave the "
                             "change for the next boot if it can wait";

} // namespace

std::vector<report::Finding> find_conflicts(const std::string& source, const elf::Object& original,
                                            const std::vector<std::string>& changed) {
    std::vector<report::Finding> findings;
    const Row* row = find_row(source);
    if (row && !changed.empty())
        findings.push_back({"sense.conflict", report::Severity::warning, source,
                            fmt::format("{}", fmt::join(changed, ", ")), fmt::format("it is {}", row->reason), hint});
    const Names names = blacklisted(original);
    for (const std::string& function : changed)
        if (names.contains(function) || names.contains(source_name(function)))
            findings.push_back(
                {"sense.conflict", report::Severity::warning, source, function,
                 "it is on the kprobe blacklist: it runs where a breakpoint or another exception is being "
                 "handled, and so does the hook that leads to the new code",
                 hint});
    add_known_sections(source, original, changed, findings);
    return findings;
}

} // namespace klp::sense
