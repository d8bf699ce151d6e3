// From a source patch that cannot be live to one that can: changes of data become changes of code.
#pragma once

#include "report/finding.h"
#include "rewrite/callers.h"
#include "rewrite/new_members.h"
#include "source/include_graph.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace klp::rewrite {

// A unit whose source the patch changes, as the kernel's compiler is called for it before and after the patch.
struct Unit {
    source::CompileCommand original;
    source::CompileCommand patched; // of a file in `Request::files`
    std::string owner;              // "vmlinux" or the module's name
    bool is_traced = true;          // compiled with the calls that ftrace hooks
};

// Units that a patch does not change, and the text of their files.
struct Sources {
    std::vector<Unit> units;
    PatchedTexts files;
};

struct Request {
    std::vector<Unit> units;
    PatchedTexts files;                                // all C sources and headers that the patch changes
    std::map<std::string, std::string> originals = {}; // by absolute path: texts in place of what is on the disk
    std::function<bool(const std::string&)> is_exported_by_vmlinux = [](const std::string&) { return false; };
    std::string patched_root; // what absolute paths of the patched tree begin with
    // Of changed functions that their callers get to in another way (callers.h): those that shall, in `units`; none if
    // all shall that are found.
    std::vector<Caller> callers = {};
    // The units that call one of these global functions; asked if there are no `callers`.
    std::function<Sources(const std::set<std::string>&)> find_callers = [](const std::set<std::string>&) {
        return Sources();
    };
    // Who calls a function in the running kernel, by name, as far as known.
    std::function<std::vector<std::string>(const std::string&)> callers_in_kernel = [](const std::string&) {
        return std::vector<std::string>();
    };
};

struct Result {
    std::map<std::string, std::string> files; // by absolute path: the text in place of the patched one, and new files
    std::vector<std::string> done;            // what was rewritten, a paragraph each
    std::vector<report::Finding> questions;   // what only the author can decide ("rewrite.*"): errors
    std::vector<std::string> remarks;         // what the author should know, a paragraph each
};

// Takes back what objects of the running kernel have no place for, and has the code use shadow variables instead. Each
// unit is read by Clang before and after, and the result once more: it compiles. Where something cannot be told from
// the sources, the result has a question and, in the text, an #error that keeps the patch from being built before the
// author has answered it. Throws report::Refusal "rewrite.unreadable", and "rewrite.nothing-found" if there is nothing
// of the kind in the patch.
Result rewrite(const Request& request);

} // namespace klp::rewrite
