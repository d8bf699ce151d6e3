// Static keys and calls that belong to a module: a live patch may not have sites of them, but it can read them.
#pragma once

#include "rewrite/edits.h"
#include "rewrite/new_members.h"
#include "rewrite/parsed_unit.h"

#include <functional>
#include <set>
#include <string>

namespace klp::rewrite {

struct KeyReads {
    FileEdits edits;
    std::set<std::string> keys; // names of what is read in place of a site
    bool needs_helpers = false; // KLP_STATIC_CALL() of <linux/livepatch_helpers.h> is used
};

// In the functions of the unit's own file that the patch or `others` (edits of that file) change, and in the static
// ones that these call, since the compiler may make them part of the callers:
//
//     static_branch_unlikely(&key)   ->   static_key_enabled(&key)
//     static_call(name)(...)         ->   KLP_STATIC_CALL(name)(...)
//
// `is_exported_by_vmlinux`: such a key is not a module's.
KeyReads find_key_reads(const ParsedUnit& unit, const PatchedText& text, const std::set<Edit>& others,
                        const std::function<bool(const std::string&)>& is_exported_by_vmlinux);

} // namespace klp::rewrite
