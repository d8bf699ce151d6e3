// What a patch changes, as far as the text tells: which files, of what kind, and whether a compiler could see it.
#pragma once

#include "source/patch.h"

#include <string>
#include <string_view>
#include <vector>

namespace klp::source {

enum class FileKind {
    c_source,      // .c: a translation unit, or included by one
    header,        // .h, and what is included like it (.inc, .def)
    assembly,      // .S, .s, linker scripts
    kconfig,       // Kconfig*, .config fragments, defconfigs
    makefile,      // Makefile*, Kbuild*, *.mk
    documentation, // Documentation/, *.rst, *.txt, MAINTAINERS and the like
    other          // all else: scripts, tools/, device trees, Rust, what sources are generated from
};

// By the path relative to the tree's top.
FileKind kind_of(std::string_view path);

// In a folder whose files are compiled for the build machine or for user space, or not at all (scripts/, tools/, usr/,
// rust/): no unit of the kernel includes them.
bool is_outside_of_kernel(std::string_view path);

// Of the kernel's Rust: its sources, and what is below rust/, from which bindings for them are made; but for the C
// there, by which Rust code calls inline functions.
bool is_of_rust(std::string_view path);

// What a C compiler reads: a source or a header.
bool is_c(FileKind kind);

// "C source", "header", ... as text for people.
const char* to_string(FileKind kind);

struct ChangedFile {
    enum class Change { created, copied, removed, renamed, modified };
    std::string path;
    std::string origin; // the path in the unpatched tree; the same unless renamed or copied, empty if created
    FileKind kind = FileKind::other;
    Change change = Change::modified;
    // Only comments, blanks, line ends or line numbers differ: the compiler sees the same tokens, with the same
    // blanks between them (a macro's # operator can tell). Known for C and headers, false for all else.
    bool is_token_equal = false;
    bool is_text_equal = false; // at most its mode differs
};

// In the order of their paths.
std::vector<ChangedFile> changed_files(const Applied& applied);

// The same tokens in both texts?
bool is_token_equal(std::string_view before, std::string_view after);

// Throws Refusal if no compiler could see what the patch does: source.no-code (only the modes of files, or
// documentation and other files, which must be known to be no input of the build), source.only-comments (all code is
// token-equal). The message lists the files.
void require_code(const std::vector<ChangedFile>& files);

} // namespace klp::source
