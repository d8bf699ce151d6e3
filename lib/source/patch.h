// The patch text: unified diffs as people write them and mail them, parsed and applied in memory.
#pragma once

#include "report/finding.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace klp::source {

struct HunkLine {
    char kind = ' ';         // ' ' in both, '-' only before, '+' only after the patch
    std::string text;        // without the newline; the CR of a CRLF is part of it
    bool has_newline = true; // false: "\ No newline at end of file" follows
};

// `@@ -old_start,old_count +new_start,new_count @@ heading`; lines are counted from 1, a start of 0 says "no line".
struct Hunk {
    size_t old_start = 0, old_count = 0;
    size_t new_start = 0, new_count = 0;
    std::string heading;   // what the diff program printed behind the second @@, mostly the function
    size_t patch_line = 0; // of the @@ line in the patch file, from 1
    std::vector<HunkLine> lines;
};

// What a patch does to one file. Names are as written in the patch, "a/" and "b/" or the like included: how many
// leading components go away is decided when the patch meets a tree. A name is empty where the patch says /dev/null.
struct FilePatch {
    enum class Operation { modify, create, remove, rename, copy };
    Operation operation = Operation::modify;
    std::string old_name, new_name;
    std::optional<unsigned> old_mode, new_mode; // as in git's mode lines: 0100644
    std::vector<Hunk> hunks;
    size_t patch_line = 0; // where it begins in the patch file
    // The first file of a diff. A patch file may hold several diffs (a series of mails); each is for the tree that the
    // ones before it left, and all names and copies within one are meant for the tree before it.
    bool begins_diff = false;
};

struct PatchText {
    std::string name; // of the patch file, for messages
    std::vector<FilePatch> files;
    std::vector<report::Finding> findings; // source.only-in: a file that exists on one side and is not in the diff
};

// Reads one patch file: plain `diff -u`, git's format, one or many mails around either. `name` is for messages.
// Throws Refusal: source.empty-patch, source.malformed-patch, source.binary-patch, source.not-unified,
// source.combined-diff, source.encoded-mail.
PatchText parse_patch(std::string name, std::string_view text);

// The patch that takes `patch` back. Reverse a series by reversing its order as well.
PatchText reversed(const PatchText& patch);

// The content of a file of the unpatched tree, by its path relative to the tree's top; none if there is no such file.
using FileReader = std::function<std::optional<std::string>(const std::string& path)>;

// Reads below `directory`.
FileReader read_from(std::filesystem::path directory);

struct FileChange {
    std::optional<std::string> before; // the content at this path in the unpatched tree; none: it did not exist
    std::optional<std::string> after;  // none: removed
    // Where the lines of `after` come from: the file of the unpatched tree (another path after a rename or copy,
    // empty for a new file) and for each line its number there, from 1, or 0 for a line that the patch brought.
    std::string origin;
    std::vector<uint32_t> line_origins;
    std::optional<unsigned> mode; // where the patch sets one
    bool is_copy = false;         // of `origin`, which is still there
};

struct Applied {
    std::map<std::string, FileChange> files; // by path; files that end as they began are left out
    // source.patch-offset (note), source.patch-fuzz (warning), source.patch-line-ends (the lines of the
    // patch end otherwise than those of the file: a note if all do, a warning if some do)
    std::vector<report::Finding> findings;
};

// Applies a series, in order, over the tree that `reader` shows; nothing is written. A hunk is looked for where the
// patch says, then at growing distance, then with one and with two lines of context ignored at each end, as patch(1)
// does it, as long as a line that is not blank is left to tell the place. One leading path component is taken off
// (-p1); none where only that finds the files (-p0). What is renamed or copied is taken as it was before the diff, as
// git means it: hunks for the source of a copy, in the same diff, are not in the copy. Throws Refusal with one finding
// per hunk or file that fails: source.patch-rejected, source.patch-already-applied, source.no-such-file,
// source.file-exists, source.path-outside-tree.
Applied apply_patches(std::span<const PatchText> series, const FileReader& reader);

} // namespace klp::source
