#include "source/patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <deque>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>

namespace klp::source {
namespace {

using report::Finding;
using report::Refusal;
using report::Severity;

constexpr size_t max_fuzz = 2; // patch(1)'s default

struct Line {
    std::string_view text; // without the newline
    uint32_t origin = 0;   // its number in the unpatched file, 0: new
    bool has_newline = true;
};
using Lines = std::vector<Line>;

// A file on its way through the series.
struct FileState {
    bool exists = false;
    Lines lines;
    std::string origin;
    std::optional<unsigned> mode;
    bool is_copy = false;
};

std::string_view without_return(std::string_view text) {
    if (text.ends_with('\r'))
        text.remove_suffix(1);
    return text;
}

bool is_same(const Line& line, const HunkLine& wanted) {
    return line.text == wanted.text || without_return(line.text) == without_return(wanted.text);
}

Lines split(std::string_view text) {
    Lines lines;
    lines.reserve(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1);
    while (!text.empty()) {
        const size_t end = text.find('\n');
        const bool has_newline = end != std::string_view::npos;
        lines.push_back({text.substr(0, end), static_cast<uint32_t>(lines.size() + 1), has_newline});
        text.remove_prefix(has_newline ? end + 1 : text.size());
    }
    return lines;
}

std::string join(const Lines& lines) {
    size_t size = 0;
    for (const Line& line : lines)
        size += line.text.size() + 1;
    std::string text;
    text.reserve(size);
    for (size_t i = 0; i < lines.size(); ++i) {
        text += lines[i].text;
        if (lines[i].has_newline || i + 1 < lines.size())
            text += '\n';
    }
    return text;
}

// The old side of a hunk, and how much context it has at its ends.
struct Pattern {
    std::vector<const HunkLine*> lines;
    size_t leading = 0, trailing = 0;

    explicit Pattern(const Hunk& hunk) {
        for (const HunkLine& line : hunk.lines)
            if (line.kind != '+')
                lines.push_back(&line);
        const auto is_change = [](const HunkLine& line) { return line.kind != ' '; };
        leading =
            static_cast<size_t>(std::find_if(hunk.lines.begin(), hunk.lines.end(), is_change) - hunk.lines.begin());
        trailing =
            static_cast<size_t>(std::find_if(hunk.lines.rbegin(), hunk.lines.rend(), is_change) - hunk.lines.rbegin());
    }
};

struct Place {
    size_t at = 0;
    size_t skipped_front = 0, skipped_back = 0; // lines of context not looked at
    size_t fuzz = 0;
};

bool matches(const Lines& file, const Pattern& pattern, size_t at, size_t front, size_t back) {
    if (at > file.size() || pattern.lines.size() > file.size() - at)
        return false;
    for (size_t i = front; i + back < pattern.lines.size(); ++i)
        if (!is_same(file[at + i], *pattern.lines[i]))
            return false;
    return true;
}

// Where the patch says the old side begins, as an index; for an insertion the line stands before the place.
size_t named_place(const Hunk& hunk) {
    return hunk.old_count > 0 ? hunk.old_start - 1 : hunk.old_start;
}

// Is there anything but blank lines between the ignored ends? What is left would fit nearly anywhere.
bool says_something(const Pattern& pattern, size_t front, size_t back) {
    for (size_t i = front; i + back < pattern.lines.size(); ++i)
        if (pattern.lines[i]->text.find_first_not_of(" \t\r") != std::string::npos)
            return true;
    return false;
}

// With one amount of fuzz: at the expected place, then around it with growing distance, but not before `first`.
std::optional<Place> find_with_fuzz(const Lines& file, const Hunk& hunk, const Pattern& pattern, size_t first,
                                    size_t expected, size_t fuzz) {
    const size_t context = std::max(pattern.leading, pattern.trailing);
    // The shorter of the two contexts was cut by an end of the file and loses lines only after the longer one did.
    const size_t missing_front = context - pattern.leading, missing_back = context - pattern.trailing;
    const size_t front = fuzz > missing_front ? fuzz - missing_front : 0;
    const size_t back = fuzz > missing_back ? fuzz - missing_back : 0;
    if (fuzz > 0 && !says_something(pattern, front, back))
        return std::nullopt;
    const auto place_if_match = [&](size_t at) -> std::optional<Place> {
        if (at < first || !matches(file, pattern, at, front, back))
            return std::nullopt;
        return Place{at, front, back, fuzz};
    };
    if (pattern.lines.empty())
        return place_if_match(std::max(first, std::min(expected, file.size())));
    if (missing_front > fuzz && hunk.old_start <= 1)
        return place_if_match(0);
    if (missing_back > fuzz)
        return pattern.lines.size() <= file.size() ? place_if_match(file.size() - pattern.lines.size()) : std::nullopt;
    expected = std::min(expected, file.size());
    for (size_t distance = 0; distance <= file.size(); ++distance) {
        if (const auto place = place_if_match(expected + distance))
            return place;
        if (distance > 0 && distance <= expected)
            if (const auto place = place_if_match(expected - distance))
                return place;
    }
    return std::nullopt;
}

std::optional<Place> find(const Lines& file, const Hunk& hunk, size_t first, size_t expected) {
    const Pattern pattern(hunk);
    const size_t limit = std::min(max_fuzz, std::max(pattern.leading, pattern.trailing));
    for (size_t fuzz = 0; fuzz <= limit; ++fuzz)
        if (const auto place = find_with_fuzz(file, hunk, pattern, first, expected, fuzz))
            return place;
    return std::nullopt;
}

// "static int foo(struct x *y)" -> "foo"; empty where the heading is no function.
std::string function_of(const Hunk& hunk) {
    const size_t paren = hunk.heading.find('(');
    if (paren == std::string::npos)
        return {};
    size_t end = paren;
    while (end > 0 && hunk.heading[end - 1] == ' ')
        --end;
    size_t begin = end;
    const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
    while (begin > 0 && is_word(hunk.heading[begin - 1]))
        --begin;
    return hunk.heading.substr(begin, end - begin);
}

std::string shown(std::string_view text) {
    constexpr size_t limit = 100;
    text = without_return(text);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
        text.remove_prefix(1);
    return fmt::format("\"{}{}\"", text.substr(0, limit), text.size() > limit ? "..." : "");
}

struct Context {
    const PatchText& patch;
    const std::string& path;
    std::vector<Finding>& findings;
    std::vector<Finding>& failures;
};

std::string hunk_name(const Context& context, const Hunk& hunk, size_t index) {
    return fmt::format("hunk #{} ({}:{})", index + 1, context.patch.name, hunk.patch_line);
}

// Of all places near the expected one, the line where the comparison at the expected place first fails.
Finding rejection(const Context& context, const Lines& file, const Hunk& hunk, size_t index, size_t expected) {
    const Pattern pattern(hunk);
    size_t i = 0;
    while (i < pattern.lines.size() && expected + i < file.size() && is_same(file[expected + i], *pattern.lines[i]))
        ++i;
    std::string seen = "the file ends before it";
    if (expected + i < file.size())
        seen = fmt::format("line {} of the file is {}", expected + i + 1, shown(file[expected + i].text));
    const std::string wanted = i < pattern.lines.size() ? shown(pattern.lines[i]->text) : std::string("nothing");
    return {"source.patch-rejected",
            Severity::error,
            fmt::format("{}:{}", context.path, hunk.old_start),
            function_of(hunk),
            fmt::format("{} does not apply: it expects {}, {}", hunk_name(context, hunk, index), wanted, seen),
            "the patch is for another version of this source; port it, or check that the source is the target's"};
}

Hunk flipped(const Hunk& hunk) {
    PatchText one;
    one.files.emplace_back().hunks.push_back(hunk);
    return reversed(one).files.front().hunks.front();
}

// Every hunk's result is in the file already, each behind the one before.
bool is_already_applied(const Lines& file, const std::vector<Hunk>& hunks) {
    size_t first = 0;
    for (const Hunk& hunk : hunks) {
        const Hunk back = flipped(hunk);
        const Pattern pattern(back);
        if (pattern.lines.size() <= pattern.leading + pattern.trailing && back.new_count <= back.old_count)
            return false; // only context is left to look for: it would prove nothing
        const auto place = find_with_fuzz(file, back, pattern, first, std::max(first, named_place(back)), 0);
        if (!place)
            return false;
        first = place->at + pattern.lines.size();
    }
    return !hunks.empty();
}

void report_place(const Context& context, const Hunk& hunk, size_t index, const Place& place) {
    const size_t named = named_place(hunk);
    const auto offset = static_cast<long long>(place.at) - static_cast<long long>(named);
    if (place.fuzz > 0)
        context.findings.push_back(
            {"source.patch-fuzz", Severity::warning, fmt::format("{}:{}", context.path, place.at + 1),
             function_of(hunk),
             fmt::format("{} applies only with fuzz {} (offset {} lines): some of its context is not what the patch "
                         "expects",
                         hunk_name(context, hunk, index), place.fuzz, offset),
             "read the result, or make the patch again for this source"});
    else if (offset != 0)
        context.findings.push_back(
            {"source.patch-offset",
             Severity::note,
             fmt::format("{}:{}", context.path, place.at + 1),
             function_of(hunk),
             fmt::format("{} applies with an offset of {} lines", hunk_name(context, hunk, index), offset),
             {}});
}

// How the lines that a patch adds end. A patch may have lost or gained the CR of some of its lines on the way.
enum class LineEnds { lf, crlf, as_written };

bool has_return(const Line& line) {
    return line.text.ends_with('\r');
}

// As the file's own lines do, where those are all alike; a new file's in LF, as those of all C source.
LineEnds line_ends_of(const Lines& file) {
    const auto returns = static_cast<size_t>(std::count_if(file.begin(), file.end(), has_return));
    if (returns == 0)
        return LineEnds::lf;
    return returns + 1 >= file.size() ? LineEnds::crlf : LineEnds::as_written;
}

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
        Context context{patch, source, result_.findings, failures_};
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
        Context context{patch, path, result_.findings, failures_};
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

    // False: at least one hunk failed, and the failures say so.
    bool apply_hunks(const Context& context, const std::vector<Hunk>& hunks, Lines& file) {
        Lines out;
        out.reserve(file.size());
        size_t taken = 0; // lines of `file` that are in `out`
        long long offset = 0;
        std::vector<Finding> rejections;
        const LineEnds ends = line_ends_of(file);
        for (size_t i = 0; i < hunks.size(); ++i) {
            const Hunk& hunk = hunks[i];
            const long long wanted = static_cast<long long>(named_place(hunk)) + offset;
            const auto expected = static_cast<size_t>(std::max<long long>(wanted, static_cast<long long>(taken)));
            const auto place = find(file, hunk, taken, expected);
            if (!place) {
                rejections.push_back(rejection(context, file, hunk, i, expected));
                continue;
            }
            report_place(context, hunk, i, *place);
            offset = static_cast<long long>(place->at) - static_cast<long long>(named_place(hunk));
            out.insert(out.end(), file.begin() + static_cast<ptrdiff_t>(taken),
                       file.begin() + static_cast<ptrdiff_t>(place->at));
            taken = copy_hunk(hunk, file, place->at, ends, out);
        }
        if (!rejections.empty()) {
            report_rejections(context, hunks, file, std::move(rejections));
            return false;
        }
        out.insert(out.end(), file.begin() + static_cast<ptrdiff_t>(taken), file.end());
        report_line_ends(context, hunks, ends);
        // An empty line at the end that has no newline either is no line.
        if (!out.empty() && out.back().text.empty() && !out.back().has_newline)
            out.pop_back();
        file = std::move(out);
        return true;
    }

    // Context keeps the file's own bytes. Returns the first line of the file behind the hunk.
    size_t copy_hunk(const Hunk& hunk, const Lines& file, size_t at, LineEnds ends, Lines& out) {
        for (const HunkLine& line : hunk.lines) {
            if (line.kind == ' ')
                out.push_back(file[at]);
            else if (line.kind == '+')
                out.push_back({added_text(line, ends), 0, line.has_newline});
            at += line.kind != '+';
        }
        return at;
    }

    std::string_view added_text(const HunkLine& line, LineEnds ends) {
        const bool is_turned = line.text.ends_with('\r');
        if (ends == LineEnds::crlf && !is_turned)
            return originals_.emplace_back(line.text + '\r');
        return ends == LineEnds::lf ? without_return(line.text) : std::string_view(line.text);
    }

    static void report_line_ends(const Context& context, const std::vector<Hunk>& hunks, LineEnds ends) {
        size_t lines = 0, deviating = 0;
        for (const Hunk& hunk : hunks)
            for (const HunkLine& line : hunk.lines) {
                ++lines;
                deviating += line.text.ends_with('\r') != (ends == LineEnds::crlf);
            }
        if (ends == LineEnds::as_written || deviating == 0)
            return;
        const bool is_all = deviating == lines; // mailed so
        const char* const of_patch = ends == LineEnds::crlf ? "LF" : "CRLF";
        const char* const of_file = ends == LineEnds::crlf ? "CRLF" : "LF";
        context.findings.push_back(
            {"source.patch-line-ends", is_all ? Severity::note : Severity::warning, context.path, {},
             fmt::format("{} of the patch's {} lines for this file end in {}, the lines of the file in {}: what is "
                         "added ends as the file's lines do",
                         deviating, lines, of_patch, of_file),
             is_all ? "" : "a mail program or an editor turned them; look whether it changed more"});
    }

    void report_rejections(const Context& context, const std::vector<Hunk>& hunks, const Lines& file,
                           std::vector<Finding> rejections) {
        if (is_already_applied(file, hunks))
            rejections = {
                {"source.patch-already-applied", Severity::error, context.path, function_of(hunks.front()),
                 fmt::format("{} seems to be applied already: the file has what its hunks make", context.patch.name),
                 "is it in the running kernel? Then there is nothing to do; else use the source it was built from"}};
        context.failures.insert(context.failures.end(), std::make_move_iterator(rejections.begin()),
                                std::make_move_iterator(rejections.end()));
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
        std::ifstream in(file, std::ios::binary);
        std::string content{std::istreambuf_iterator<char>(in), {}};
        if (!in)
            throw Refusal("source.unreadable", file.string(), "this source file cannot be read",
                          "check its permissions");
        return content;
    };
}

Applied apply_patches(std::span<const PatchText> series, const FileReader& reader) {
    Series state(reader);
    for (const PatchText& patch : series)
        state.apply(patch);
    return state.finish();
}

} // namespace klp::source
