#include "source/apply_hunks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <utility>

namespace klp::source {

namespace {

using report::Finding;
using report::Severity;

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

std::string hunk_name(const HunkContext& context, const Hunk& hunk, size_t index) {
    return fmt::format("hunk #{} ({}:{})", index + 1, context.patch.name, hunk.patch_line);
}

std::string without_blanks(std::string_view text) {
    std::string left(text);
    std::erase_if(left, [](unsigned char c) { return std::isspace(c) != 0; });
    return left;
}

// Of the places near the expected one, that where most of the hunk's lines are what it expects, and the first line
// there that is not. The nearer of two; at the expected one if hardly anything fits anywhere.
std::pair<size_t, size_t> nearest_miss(const Lines& file, const Pattern& pattern, size_t expected) {
    constexpr size_t reach = 200;
    const auto fits = [&](size_t at, size_t line) {
        return at + line < file.size() && is_same(file[at + line], *pattern.lines[line]);
    };
    // Blank lines and lone braces are everywhere.
    const auto fitting = [&](size_t at) {
        size_t count = 0;
        for (size_t line = 0; line < pattern.lines.size(); ++line)
            count += fits(at, line) && without_blanks(pattern.lines[line]->text).size() > 1;
        return count;
    };
    size_t best = expected, most = std::max(fitting(expected), pattern.lines.size() / 2);
    for (size_t distance = 1; distance <= reach; ++distance)
        for (const size_t at : {expected + distance, expected - std::min(distance, expected)})
            if (const size_t count = at < file.size() ? fitting(at) : 0; count > most) {
                best = at;
                most = count;
            }
    size_t line = 0;
    while (line < pattern.lines.size() && fits(best, line))
        ++line;
    return {best, line};
}

// Where the comparison at the best place near the expected one first fails.
Finding rejection(const HunkContext& context, const Lines& file, const Hunk& hunk, size_t index, size_t wanted_place) {
    const Pattern pattern(hunk);
    const auto [expected, i] = nearest_miss(file, pattern, wanted_place);
    std::string seen = "the file ends before it";
    if (expected + i < file.size())
        seen = fmt::format("line {} of the file is {}", expected + i + 1, shown(file[expected + i].text));
    const std::string wanted = i < pattern.lines.size() ? shown(pattern.lines[i]->text) : std::string("nothing");
    const bool is_blanks_only = i < pattern.lines.size() && expected + i < file.size() &&
                                without_blanks(file[expected + i].text) == without_blanks(pattern.lines[i]->text);
    return {"source.patch-rejected",
            Severity::error,
            fmt::format("{}:{}", context.path, hunk.old_start),
            function_of(hunk),
            fmt::format("{} does not apply: it expects {}, {}{}", hunk_name(context, hunk, index), wanted, seen,
                        is_blanks_only ? ", with other blanks and tabs" : ""),
            is_blanks_only
                ? "a mail program or an editor changed the patch's blanks: take it as its author made it, or apply it "
                  "by `patch -p1 -l` and make it again"
                : "the patch is for another version of this source; port it, or check that the source is the target's"};
}

void report_place(const HunkContext& context, const Hunk& hunk, size_t index, const Place& place) {
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

std::string_view added_text(const HunkContext& context, const HunkLine& line, LineEnds ends) {
    const bool is_turned = line.text.ends_with('\r');
    if (ends == LineEnds::crlf && !is_turned)
        return context.texts.emplace_back(line.text + '\r');
    return ends == LineEnds::lf ? without_return(line.text) : std::string_view(line.text);
}

// Context keeps the file's own bytes. Returns the first line of the file behind the hunk.
size_t copy_hunk(const HunkContext& context, const Hunk& hunk, const Lines& file, size_t at, LineEnds ends,
                 Lines& out) {
    for (const HunkLine& line : hunk.lines) {
        if (line.kind == ' ')
            out.push_back(file[at]);
        else if (line.kind == '+')
            out.push_back({added_text(context, line, ends), 0, line.has_newline});
        at += line.kind != '+';
    }
    return at;
}

void report_line_ends(const HunkContext& context, const std::vector<Hunk>& hunks, LineEnds ends) {
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
        {"source.patch-line-ends",
         is_all ? Severity::note : Severity::warning,
         context.path,
         {},
         fmt::format("{} of the patch's {} lines for this file end in {}, the lines of the file in {}: what is "
                     "added ends as the file's lines do",
                     deviating, lines, of_patch, of_file),
         is_all ? "" : "a mail program or an editor turned them; look whether it changed more"});
}

void report_rejections(const HunkContext& context, const std::vector<Hunk>& hunks, const Lines& file,
                       std::vector<Finding> rejections) {
    if (is_already_applied(file, hunks))
        rejections = {
            {"source.patch-already-applied", Severity::error, context.path, function_of(hunks.front()),
             fmt::format("{} seems to be applied already: the file has what its hunks make", context.patch.name),
             "is it in the running kernel? Then there is nothing to do; else use the source it was built from"}};
    context.failures.insert(context.failures.end(), std::make_move_iterator(rejections.begin()),
                            std::make_move_iterator(rejections.end()));
}

} // namespace

bool apply_hunks(const HunkContext& context, const std::vector<Hunk>& hunks, Lines& file) {
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
        const auto place = find_place(file, hunk, taken, expected);
        if (!place) {
            rejections.push_back(rejection(context, file, hunk, i, expected));
            continue;
        }
        report_place(context, hunk, i, *place);
        offset = static_cast<long long>(place->at) - static_cast<long long>(named_place(hunk));
        out.insert(out.end(), file.begin() + static_cast<ptrdiff_t>(taken),
                   file.begin() + static_cast<ptrdiff_t>(place->at));
        taken = copy_hunk(context, hunk, file, place->at, ends, out);
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

} // namespace klp::source
