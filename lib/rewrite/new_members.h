// Structures that exist and get new members by the patch.
#pragma once

#include "rewrite/edits.h"
#include "rewrite/parsed_unit.h"

#include <clang/AST/Decl.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace klp::rewrite {

// A file of the patched tree. `line_origins` has for each line its number in the unpatched file, 0 for one that the
// patch brought (source::FileChange).
struct PatchedText {
    std::string text;
    std::vector<uint32_t> line_origins;
};
using PatchedTexts = std::map<std::string, PatchedText>; // by absolute path in the patched tree

struct ExtendedRecord {
    std::string name;                             // "timerfd_ctx"
    std::string spelling;                         // "struct timerfd_ctx"; a typedef's name for a structure without one
    Place end;                                    // behind the definition's semicolon
    std::vector<const clang::FieldDecl*> members; // the new ones, in the order of their offsets
    std::string declarations;                     // their lines, with the comments that the patch put above them
    std::set<Edit> removals;                      // of these lines, from the file of the definition
    std::vector<std::string> problems;            // why taking them out does not give the old structure, as sentences
};

// The structures and unions that both units define, in files of `texts`, of which the patched one has more members.
std::vector<ExtendedRecord> find_new_members(const ParsedUnit& original, const ParsedUnit& patched,
                                             const PatchedTexts& texts);

} // namespace klp::rewrite
