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

// The file's own line ends, where a patch has lost them.
bool has_crlf(const Lines& file) {
    const auto count = std::count_if(file.begin(), file.end(), [](const Line& l) { return l.text.ends_with('\r'); });
    return static_cast<size_t>(count) * 2 > file.size();
}

class Series {
public:
    explicit Series(const FileReader& reader) : reader_(reader) {}

    void apply(const PatchText& patch) {
        result_.findings.insert(result_.findings.end(), patch.findings.begin(), patch.findings.end());
        const size_t strip = strip_level(patch);
        for (const FilePatch& file : patch.files)
            apply(patch, file, strip);
    }

    Applied finish() {
        if (!failures_.empty())
            throw Refusal(std::move(failures_));
        for (const auto& [path, state] : states_)
            add_change(path, state);
        return std::move(result_);
    }

private:
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
        if (!exists(source))
            return fail("source.no-such-file", source,
                        fmt::format("{} changes a file that the source tree does not have", at),
                        "is this the source of the target kernel? Paths in the patch must start below the tree's top");
        if (is_move && new_path != source && exists(new_path))
            return fail("source.file-exists", new_path,
                        fmt::format("{} makes it from {}, but the source tree has it already", at, source),
                        "the patch may be applied already");
        Lines lines = state_of(source).lines;
        Context context{patch, source, result_.findings, failures_};
        if (!apply_hunks(context, file.hunks, lines))
            return;
        finish_file(file, source, new_path, std::move(lines));
    }

    void create(const PatchText& patch, const FilePatch& file, const std::string& path) {
        FileState& state = state_of(path);
        if (state.exists && !state.lines.empty()) {
            if (is_already_applied(state.lines, file.hunks))
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
            state = {true, std::move(lines), {}, file.new_mode};
    }

    void finish_file(const FilePatch& file, const std::string& source, const std::string& new_path, Lines lines) {
        using Operation = FilePatch::Operation;
        FileState& from = state_of(source);
        if (file.operation == Operation::remove) {
            if (!lines.empty() && !file.hunks.empty())
                return fail("source.patch-rejected", source,
                            fmt::format("the patch removes this file, but {} lines would be left of it", lines.size()),
                            "the patch is for another version of this source");
            from = {};
            return;
        }
        FileState to{true, std::move(lines), from.origin, file.new_mode ? file.new_mode : from.mode};
        if (file.operation == Operation::rename && new_path != source)
            from = {};
        const bool is_move = file.operation == Operation::rename || file.operation == Operation::copy;
        state_of(is_move ? new_path : source) = std::move(to);
    }

    // False: at least one hunk failed, and the failures say so.
    bool apply_hunks(const Context& context, const std::vector<Hunk>& hunks, Lines& file) {
        Lines out;
        out.reserve(file.size());
        size_t taken = 0; // lines of `file` that are in `out`
        long long offset = 0;
        std::vector<Finding> rejections;
        const bool add_return = has_crlf(file);
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
            taken = copy_hunk(hunk, file, place->at, add_return, out);
        }
        if (!rejections.empty()) {
            report_rejections(context, hunks, file, std::move(rejections));
            return false;
        }
        out.insert(out.end(), file.begin() + static_cast<ptrdiff_t>(taken), file.end());
        // An empty line at the end that has no newline either is no line.
        if (!out.empty() && out.back().text.empty() && !out.back().has_newline)
            out.pop_back();
        file = std::move(out);
        return true;
    }

    // Context keeps the file's own bytes. Returns the first line of the file behind the hunk.
    size_t copy_hunk(const Hunk& hunk, const Lines& file, size_t at, bool add_return, Lines& out) {
        for (const HunkLine& line : hunk.lines) {
            if (line.kind == ' ')
                out.push_back(file[at]);
            else if (line.kind == '+')
                out.push_back({added_text(line, add_return), 0, line.has_newline});
            at += line.kind != '+';
        }
        return at;
    }

    std::string_view added_text(const HunkLine& line, bool add_return) {
        if (!add_return || line.text.ends_with('\r'))
            return line.text;
        return originals_.emplace_back(line.text + '\r');
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
        change.mode = state.mode;
        for (const Line& line : state.lines)
            change.line_origins.push_back(line.origin);
        result_.files.emplace(path, std::move(change));
    }

    const FileReader& reader_;
    std::deque<std::string> originals_; // what the lines point into, besides the patches
    std::map<std::string, const std::string*> before_;
    std::map<std::string, FileState> states_;
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
