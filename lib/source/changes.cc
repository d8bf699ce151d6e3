#include "source/changes.h"

#include "source/tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace klp::source {

const char* to_string(FileKind kind) {
    switch (kind) {
    case FileKind::c_source:
        return "C source";
    case FileKind::header:
        return "header";
    case FileKind::assembly:
        return "assembly";
    case FileKind::kconfig:
        return "Kconfig";
    case FileKind::makefile:
        return "makefile";
    case FileKind::documentation:
        return "documentation";
    case FileKind::other:
        break;
    }
    return "other";
}

namespace {

template <size_t Size>
bool is_one_of(std::string_view value, const std::array<std::string_view, Size>& values) {
    return std::find(values.begin(), values.end(), value) != values.end();
}

constexpr std::array<std::string_view, 9> papers = {"MAINTAINERS", "CREDITS",  "README",     "COPYING", "TODO",
                                                    "CHANGES",     ".mailmap", ".gitignore", "LICENSE"};
constexpr std::array<std::string_view, 4> paper_endings = {"rst", "txt", "md", "yaml"};
// Folders whose files are built for the build machine or for user space, or not at all.
constexpr std::array<std::string_view, 3> outside = {"tools/", "scripts/", "usr/"};

FileKind kind_by_ending(std::string_view ending) {
    if (ending == "c")
        return FileKind::c_source;
    if (ending == "h" || ending == "inc" || ending == "def")
        return FileKind::header;
    if (ending == "S" || ending == "s" || ending == "lds")
        return FileKind::assembly;
    if (ending == "mk")
        return FileKind::makefile;
    if (ending == "config")
        return FileKind::kconfig;
    return is_one_of(ending, paper_endings) ? FileKind::documentation : FileKind::other;
}

} // namespace

bool is_outside_of_kernel(std::string_view path) {
    return std::ranges::any_of(outside, [&](std::string_view folder) { return path.starts_with(folder); });
}

bool is_of_rust(std::string_view path) {
    return path.ends_with(".rs") || (path.starts_with("rust/") && !path.ends_with(".c"));
}

bool is_c(FileKind kind) {
    return kind == FileKind::c_source || kind == FileKind::header;
}

FileKind kind_of(std::string_view path) {
    if (path.starts_with("Documentation/") || path.starts_with("LICENSES/"))
        return FileKind::documentation;
    const std::string_view name = path.substr(path.rfind('/') + 1);
    const bool is_makefile = name.starts_with("Makefile") || name.starts_with("Kbuild");
    // The rules of kbuild itself.
    if (is_makefile && path.starts_with("scripts/"))
        return FileKind::makefile;
    if (is_outside_of_kernel(path))
        return FileKind::other;
    if (name.starts_with("Kconfig") || name.ends_with("_defconfig"))
        return FileKind::kconfig;
    if (is_makefile)
        return FileKind::makefile;
    if (is_one_of(name, papers))
        return FileKind::documentation;
    const size_t dot = name.rfind('.');
    return dot == std::string_view::npos ? FileKind::other : kind_by_ending(name.substr(dot + 1));
}

namespace {

// Walks over the tokens that a compiler gets.
class Cursor {
public:
    explicit Cursor(std::string_view text) : text_(text), tokens_(tokens_of(text)) { skip_comments(); }

    bool at_end() const { return at_ == tokens_.size(); }
    const Token& token() const { return tokens_[at_]; }
    std::string_view raw() const { return text_.substr(token().begin, token().end - token().begin); }
    std::string clean() const { return spelling(text_, token()); }
    void advance() {
        ++at_;
        skip_comments();
    }

private:
    void skip_comments() {
        while (at_ < tokens_.size() && tokens_[at_].kind == Token::Kind::comment)
            ++at_;
    }

    std::string_view text_;
    std::vector<Token> tokens_;
    size_t at_ = 0;
};

bool is_same_token(const Cursor& a, const Cursor& b) {
    if (a.token().has_space != b.token().has_space || a.token().is_in_directive != b.token().is_in_directive)
        return false;
    // Line starts tell preprocessor lines apart; between other tokens they are blanks.
    if (a.token().is_in_directive && a.token().starts_line != b.token().starts_line)
        return false;
    return a.raw() == b.raw() || a.clean() == b.clean();
}

} // namespace

bool is_token_equal(std::string_view before, std::string_view after) {
    if (before == after)
        return true;
    Cursor a(before), b(after);
    for (; !a.at_end() && !b.at_end(); a.advance(), b.advance())
        if (!is_same_token(a, b))
            return false;
    return a.at_end() && b.at_end();
}

namespace {

ChangedFile describe(const std::string& path, const FileChange& change) {
    ChangedFile file{path, change.origin, kind_of(path), ChangedFile::Change::modified, false, false};
    if (!change.after)
        file.change = ChangedFile::Change::removed;
    else if (change.origin.empty())
        file.change = ChangedFile::Change::created;
    else if (change.is_copy)
        file.change = ChangedFile::Change::copied;
    else if (change.origin != path)
        file.change = ChangedFile::Change::renamed;
    if (!change.after)
        file.origin = path;
    file.is_text_equal = change.before && change.before == change.after && change.origin == path;
    if (is_c(file.kind) && file.change == ChangedFile::Change::modified && change.before)
        file.is_token_equal = is_token_equal(*change.before, *change.after);
    return file;
}

bool is_code(const ChangedFile& file) {
    return file.kind != FileKind::documentation && file.kind != FileKind::other;
}

std::string list(const std::vector<ChangedFile>& files) {
    constexpr size_t limit = 10;
    std::string text;
    for (size_t i = 0; i < std::min(limit, files.size()); ++i)
        text += fmt::format("{}{}", i > 0 ? ", " : "", files[i].path);
    if (files.size() > limit)
        text += fmt::format(" and {} more", files.size() - limit);
    return text;
}

} // namespace

std::vector<ChangedFile> changed_files(const Applied& applied) {
    std::vector<ChangedFile> files;
    files.reserve(applied.files.size());
    for (const auto& [path, change] : applied.files)
        files.push_back(describe(path, change));
    return files;
}

void require_code(const std::vector<ChangedFile>& files) {
    if (files.empty())
        throw report::Refusal("source.no-code", "patch", "it changes nothing: the files end as they began",
                              "are two of the patches each other's reverse?");
    std::vector<ChangedFile> code;
    std::copy_if(files.begin(), files.end(), std::back_inserter(code), is_code);
    if (code.empty())
        throw report::Refusal("source.no-code", list(files),
                              "the patch changes only documentation and files that no kernel object is built from",
                              "there is nothing to patch in a running kernel");
    const auto is_mode_only = [](const ChangedFile& file) { return file.is_text_equal; };
    if (std::ranges::all_of(files, is_mode_only))
        throw report::Refusal("source.no-code", list(files), "the patch changes nothing but the modes of files",
                              "there is nothing to patch in a running kernel");
    if (std::all_of(code.begin(), code.end(), [](const ChangedFile& file) { return file.is_token_equal; }))
        throw report::Refusal(
            "source.only-comments", list(code),
            "the patch changes only comments, blanks and line numbers; the compiler sees the same code",
            "there is nothing to patch in a running kernel");
}

} // namespace klp::source
