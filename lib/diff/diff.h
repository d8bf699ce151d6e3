// What a patch changed in one translation unit, as an object that a live patch module is linked from.
#pragma once

#include "arch/special_sections.h"
#include "elf/builder.h"
#include "elf/livepatch_abi.h"
#include "elf/object.h"
#include "report/finding.h"
#include "report/line_diff.h"
#include "symbols/resolver.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace klp::diff {

// Of a function, by name, sorted; as far as known.
struct CallerNames {
    std::vector<std::string> hookable; // by ftrace
    std::vector<std::string> others;
};

struct Options {
    std::string owner = "vmlinux";               // the object that the unit is part of: "vmlinux" or a module's name
    const symbols::Resolver* resolver = nullptr; // must be there; asked from one thread at a time
    // True for a global name that another unit of the same patch newly defines: it stays a plain undefined symbol.
    std::function<bool(std::string_view)> is_provided = [](std::string_view) { return false; };
    // The patch leaves the source of this function alone, and all data and macros: what differs in its code comes from
    // other functions, inlined into it for the most part.
    std::function<bool(std::string_view)> is_untouched = [](std::string_view) { return false; };
    // What makes the kernel's build compile all of the unit without ftrace's calls ("lib/Makefile:6: ..."); empty: they
    // are there, or nobody knows.
    std::string untraced_by;
    // Who calls a function of the original unit in the running kernel.
    std::function<CallerNames(const elf::Symbol&)> callers_of = [](const elf::Symbol&) { return CallerNames(); };
    // Nobody calls this global function of the original unit once the kernel has started. Asked if the unit itself does
    // not.
    std::function<bool(const elf::Symbol&)> is_used_only_at_start = [](const elf::Symbol&) { return false; };
    arch::EntrySizes entry_sizes; // of special sections
    bool explain = false;         // fill Item::cause and what follows it
    bool review = false;          // fill Item::review
    // The patched unit compiled like the original one, where `patched` was compiled in another way: only what this one
    // has changed counts as changed.
    const elf::Object* compiled_alike = nullptr;
};

enum class Change : uint8_t { changed, added, included };

// The lines of source that code is made of, as debug data tells: those of one function, inlined ones by themselves.
struct SourceLines {
    std::string function;
    std::string file; // as the compiler names it, often without a folder
    unsigned first = 0;
    unsigned last = 0;
};

// What a reviewer wants to see of a function.
struct Review {
    std::vector<report::DiffBlock> code;     // what differs in its instructions; all of a new function
    std::vector<SourceLines> original_lines; // of the original source
    std::vector<SourceLines> new_lines;      // of the patched source: functions that the original code had not in it
    std::vector<std::string> users;          // unchanged functions of the unit that call it, and tables that name it
    bool is_global = false;                  // other units may call it
};

// A piece of the output.
struct Item {
    std::string name;
    std::string kind; // "function", "variable", "string", "constant", "table"
    Change change = Change::included;
    uint64_t size = 0;
    unsigned sympos = 0;              // of a changed function
    uint32_t original = 0;            // what it was before: a symbol of the original object; 0 for what is new
    std::vector<std::string> because; // the chain that pulled it in, nearest first; empty for what the patch changed
    // Of a changed function, with Options::explain: its first difference.
    std::string cause; // "own code", "inlined callee", "constant", "string", "data", "calls", ...
    std::string original_instruction;
    std::string patched_instruction;
    std::string place; // FILE:LINE of the difference in the patched source, where debug data says
    Review review;     // of a changed or new function, with Options::review
};

// A callback that the patch's author registers with a macro.
struct RegisteredCallback {
    std::string function;
    std::string object; // it is called when this is patched: "vmlinux" or a module's name
    elf::CallbackKind kind = elf::CallbackKind::pre_patch;
};

// A difference that does no harm and is left out: harmless.h says of which kinds.
struct LeftOut {
    std::string function;
    std::string what;
};

// Something that the output refers to in the running kernel.
struct KernelReference {
    std::string name;
    std::string function;           // of the output: the first that refers to it; empty if none does
    symbols::Resolution resolution; // imported or livepatch
};

struct Diff {
    bool nothing_changed = false;
    std::vector<LeftOut> harmless;
    std::vector<Item> items;
    std::vector<KernelReference> references; // each once
    std::vector<report::Finding> findings;
    std::vector<std::string> import_namespaces; // sorted, unique
    std::vector<RegisteredCallback> callbacks;
    elf::Builder output; // meaningless if nothing_changed
};

// Throws report::Refusal for what cannot be live patched (code "diff.*"), listing everything that stands in the way.
Diff run(const elf::Object& original, const elf::Object& patched, const Options& options);

// What the patch changes to no effect, among the findings of a diff and of lib/sense: exports, tables and data that are
// read only when the kernel or a module starts, for which a live patch comes too late, and what its author leaves out.
// A patch that changes nothing else must not pass for one that changes nothing. Returns the findings as errors, the
// latter as "diff.only-ignored-changes"; none if there is nothing of the kind.
std::vector<report::Finding> changes_without_effect(const std::vector<report::Finding>& findings);

// An object has at most one callback of each kind (struct klp_callbacks of linux/livepatch.h), whichever unit registers
// it. Errors "diff.callback-twice" for each that is one too many; `where` says what they are all of.
std::vector<report::Finding> check_callbacks(const std::vector<RegisteredCallback>& callbacks, std::string_view where);

// Global functions and variables that `patched` defines and `original` does not: what Options::is_provided of the other
// units of the same patch is made of.
std::vector<std::string> new_globals(const elf::Object& original, const elf::Object& patched);

// The entry sizes that kpatch's build scripts put into the environment (ALT_STRUCT_SIZE and its like), by section name.
// `variable` looks a variable up and returns nullptr if it is not set. Throws report::Refusal "usage.entry-size".
std::map<std::string, unsigned> entry_sizes_from(const std::function<const char*(const char*)>& variable);

// The same from the debug data of the target's image (the table's `structure`): BTF, or DWARF where there is none.
std::map<std::string, unsigned> entry_sizes_in(const elf::Object& vmlinux);

} // namespace klp::diff
