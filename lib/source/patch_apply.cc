#include "source/patch.h"

#include "files/files.h"
#include "source/apply_hunks.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>
#include <system_error>

namespace klp::source {
namespace {

using report::Finding;
using report::Refusal;
using report::Severity;

// A file on its way through the series.
struct FileState {
    bool exists = false;
    Lines lines;
    std::string origin;
    std::optional<unsigned> mode;
    bool is_copy = false;
};

class Series {
public:
    explicit Series(const FileReader& reader) : reader_(reader) {}

    void apply(const PatchText& patch) {
        result_.findings.insert(result_.findings.end(), patch.findings.begin(), patch.findings.end());
        const size_t strip = strip_level(patch);
        for (auto file = patch.files.begin(); file != patch.files.end(); ++file) {
            if (file->begins_diff || targets_.contains(target_of(*file, strip)))
                begin_diff({file, patch.files.end()}, strip);
            targets_.insert(target_of(*file, strip));
            apply(patch, *file, strip);
        }
    }

    Applied finish() {
        if (!failures_.empty())
            throw Refusal(std::move(failures_));
        for (const auto& [path, state] : states_)
            add_change(path, state);
        return std::move(result_);
    }

private:
    static std::string target_of(const FilePatch& file, size_t strip) {
        return stripped(file.new_name.empty() ? file.old_name : file.new_name, strip);
    }

    // Within one diff, names and pre-images are those of the tree before it. A file that comes up twice begins another
    // diff: `git diff` was run more than once.
    void begin_diff(std::span<const FilePatch> files, size_t strip) {
        using Operation = FilePatch::Operation;
        pre_images_.clear();
        targets_.clear();
        leaving_.clear();
        filled_.clear();
        std::set<std::string> named;
        for (size_t i = 0; i < files.size() && (i == 0 || !files[i].begins_diff); ++i) {
            if (!named.insert(target_of(files[i], strip)).second)
                break;
            if (files[i].operation == Operation::rename || files[i].operation == Operation::remove)
                leaving_.insert(stripped(files[i].old_name, strip));
        }
    }

    // Before the diff that is being applied.
    const FileState& pre_image(const std::string& path) {
        const auto kept = pre_images_.find(path);
        return kept == pre_images_.end() ? state_of(path) : kept->second;
    }

    // To be called before the state of a path is changed.
    FileState& change(const std::string& path) {
        FileState& state = state_of(path);
        pre_images_.try_emplace(path, state);
        return state;
    }

    FileState& state_of(const std::string& path) {
        const auto [entry, is_new] = states_.try_emplace(path);
        FileState& state = entry->second;
        if (is_new)
            if (auto content = reader_(path)) {
                originals_.push_back(std::move(*content));
                before_.emplace(path, &originals_.back());
                state = {true, split(originals_.back()), path, {}};
            }
        return state;
    }

    bool exists(const std::string& path) { return !path.empty() && state_of(path).exists; }

    static std::string stripped(const std::string& name, size_t components) {
        size_t start = 0;
        for (; components > 0; --components) {
            const size_t slash = name.find('/', start);
            if (slash == std::string::npos)
                return {};
            start = name.find_first_not_of('/', slash);
            if (start == std::string::npos)
                return {};
        }
        return name.substr(start);
    }

    // -p1, unless -p0 finds more of the files.
    size_t strip_level(const PatchText& patch) {
        size_t found[2] = {};
        for (const size_t level : {0u, 1u}) {
            std::set<std::string> created;
            for (const FilePatch& file : patch.files) {
                const std::string old_path = stripped(file.old_name, level), new_path = stripped(file.new_name, level);
                const bool is_known = is_safe(old_path) && (created.contains(old_path) || exists(old_path));
                found[level] += is_known || (is_safe(new_path) && exists(new_path));
                created.insert(new_path);
            }
        }
        return found[0] > found[1] ? 0 : 1;
    }

    static bool is_safe(const std::string& path) {
        if (path.empty() || path.front() == '/')
            return false;
        const std::filesystem::path parts(path);
        return std::find(parts.begin(), parts.end(), "..") == parts.end();
    }

    void fail(std::string code, std::string where, std::string message, std::string hint) {
        failures_.push_back(
            {std::move(code), Severity::error, std::move(where), {}, std::move(message), std::move(hint)});
    }

    // The file that the patch means: patch(1) takes the one that exists, and of two the one with the shorter name
    // (`diff -u file.c.orig file.c`).
    std::string source_path(const FilePatch& file, const std::string& old_path, const std::string& new_path) {
        using Operation = FilePatch::Operation;
        if (file.operation == Operation::rename || file.operation == Operation::copy)
            return old_path;
        if (file.operation == Operation::create)
            return new_path.empty() ? old_path : new_path;
        const bool has_old = exists(old_path), has_new = exists(new_path);
        if (has_old && has_new)
            return new_path.size() <= old_path.size() ? new_path : old_path;
        return has_new || old_path.empty() ? new_path : old_path;
    }

    void apply(const PatchText& patch, const FilePatch& file, size_t strip) {
        using Operation = FilePatch::Operation;
        const std::string at = fmt::format("{}:{}", patch.name, file.patch_line);
        const std::string old_path = stripped(file.old_name, strip), new_path = stripped(file.new_name, strip);
        for (const std::string* path : {&old_path, &new_path})
            if (!path->empty() && !is_safe(*path))
                return fail("source.path-outside-tree", at, fmt::format("the patch names \"{}\"", *path),
                            "paths in a patch are relative to the top of the source tree");
        const std::string source = source_path(file, old_path, new_path);
        const bool is_move = file.operation == Operation::rename || file.operation == Operation::copy;
        if (source.empty() || (is_move && new_path.empty()))
            return fail("source.no-such-file", at,
                        fmt::format("no file name is left of \"{}\" after taking one leading component off",
                                    file.old_name.empty() ? file.new_name : file.old_name),
                        "make the patch from the top of the source tree, with `git diff` or `diff -urp a b`");
        if (file.operation == Operation::create)
            return create(patch, file, source);
        if (!(is_move ? pre_image(source).exists : exists(source)))
            return fail("source.no-such-file", source,
                        fmt::format("{} changes a file that the source tree does not have", at),
                        "is this the source of the target kernel? Paths in the patch must start below the tree's top");
        if (is_move && new_path != source && exists(new_path) && !leaving_.contains(new_path))
            return fail("source.file-exists", new_path,
                        fmt::format("{} makes it from {}, but the source tree has it already", at, source),
                        "the patch may be applied already");
        Lines lines = is_move ? pre_image(source).lines : state_of(source).lines;
        const HunkContext context{patch, source, originals_, result_.findings, failures_};
        if (!apply_hunks(context, file.hunks, lines))
            return;
        finish_file(file, source, new_path, std::move(lines));
    }

    void create(const PatchText& patch, const FilePatch& file, const std::string& path) {
        const FileState& there = state_of(path);
        if (there.exists && !there.lines.empty() && !leaving_.contains(path)) {
            if (is_already_applied(there.lines, file.hunks))
                return fail(
                    "source.patch-already-applied", path,
                    fmt::format("{}:{} creates this file, and it is there with that content", patch.name,
                                file.patch_line),
                    "is it in the running kernel? Then there is nothing to do; else use the source it was built from");
            return fail(
                "source.file-exists", path,
                fmt::format("{}:{} creates this file, but the source tree has one", patch.name, file.patch_line),
                "is this the source of the target kernel?");
        }
        Lines lines;
        const HunkContext context{patch, path, originals_, result_.findings, failures_};
        if (apply_hunks(context, file.hunks, lines))
            change(path) = {true, std::move(lines), {}, file.new_mode};
        filled_.insert(path);
    }

    void finish_file(const FilePatch& file, const std::string& source, const std::string& new_path, Lines lines) {
        using Operation = FilePatch::Operation;
        if (file.operation == Operation::remove) {
            if (!lines.empty() && !file.hunks.empty())
                return fail("source.patch-rejected", source,
                            fmt::format("the patch removes this file, but {} lines would be left of it", lines.size()),
                            "the patch is for another version of this source");
            change(source) = {};
            return;
        }
        const bool is_move = file.operation == Operation::rename || file.operation == Operation::copy;
        const FileState& from = is_move ? pre_image(source) : state_of(source);
        FileState to{true, std::move(lines), from.origin, file.new_mode ? file.new_mode : from.mode};
        to.is_copy = file.operation == Operation::copy || from.is_copy;
        // Two files may change places: what has come to the old name since stays.
        if (file.operation == Operation::rename && new_path != source && !filled_.contains(source))
            change(source) = {};
        const std::string& target = is_move ? new_path : source;
        change(target) = std::move(to);
        filled_.insert(target);
    }

    void add_change(const std::string& path, const FileState& state) {
        FileChange change;
        if (const auto before = before_.find(path); before != before_.end())
            change.before = *before->second;
        if (state.exists)
            change.after = join(state.lines);
        if (change.before == change.after && !state.mode)
            return;
        change.origin = state.origin;
        change.is_copy = state.is_copy && exists(state.origin);
        change.mode = state.mode;
        for (const Line& line : state.lines)
            change.line_origins.push_back(line.origin);
        result_.files.emplace(path, std::move(change));
    }

    const FileReader& reader_;
    std::deque<std::string> originals_; // what the lines point into, besides the patches
    std::map<std::string, const std::string*> before_;
    std::map<std::string, FileState> states_;
    // Of the diff that is being applied.
    std::map<std::string, FileState> pre_images_; // of what it has changed so far
    std::set<std::string> targets_;               // that it has named so far
    std::set<std::string> filled_;                // that it has given a content so far
    std::set<std::string> leaving_;               // that it renames or removes
    std::vector<Finding> failures_;
    Applied result_;
};

} // namespace

FileReader read_from(std::filesystem::path directory) {
    return [directory = std::move(directory)](const std::string& path) -> std::optional<std::string> {
        const std::filesystem::path file = directory / path;
        std::error_code error;
        if (!std::filesystem::is_regular_file(file, error))
            return std::nullopt;
        return files::read_text(file);
    };
}

Applied apply_patches(std::span<const PatchText> series, const FileReader& reader) {
    Series state(reader);
    for (const PatchText& patch : series)
        state.apply(patch);
    return state.finish();
}

} // namespace klp::source
