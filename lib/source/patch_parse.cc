#include "source/patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace klp::source {
namespace {

using report::Refusal;

constexpr size_t max_line = 1'000'000'000;

bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix))
        return false;
    text.remove_prefix(prefix.size());
    return true;
}

std::string_view without_end(std::string_view line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
        line.remove_suffix(1);
    return line;
}

std::vector<std::string_view> split_lines(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

template <class Number>
bool take_number(std::string_view& text, Number& number, int base = 10) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc{})
        return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return true;
}

// git quotes names with unusual bytes as C does.
std::string unquoted(std::string_view quoted) {
    std::string name;
    for (size_t i = 0; i < quoted.size() && quoted[i] != '"'; ++i) {
        if (quoted[i] != '\\' || i + 1 == quoted.size()) {
            name += quoted[i];
            continue;
        }
        const char escaped = quoted[++i];
        if (escaped >= '0' && escaped <= '7') {
            unsigned value = 0;
            std::string_view digits = quoted.substr(i, 3);
            const size_t before = digits.size();
            take_number(digits, value, 8);
            i += before - digits.size() - 1;
            name += static_cast<char>(value);
            continue;
        }
        static constexpr std::string_view letters = "abtnvfr", values = "\a\b\t\n\v\f\r";
        const size_t letter = letters.find(escaped);
        name += letter == std::string_view::npos ? escaped : values[letter];
    }
    return name;
}

// The name on a `--- ` or `+++ ` line: up to the tab before the time. Empty for /dev/null.
std::string name_of(std::string_view rest) {
    if (take(rest, "\""))
        return unquoted(rest);
    const std::string_view name = without_end(rest.substr(0, rest.find('\t')));
    return name == "/dev/null" ? std::string{} : std::string{name};
}

// diff -N writes the beginning of time for a file that is not there; the time zone moves it a little.
bool has_epoch_time(std::string_view header) {
    const size_t tab = header.find('\t');
    if (tab == std::string_view::npos)
        return false;
    const std::string_view time = header.substr(tab + 1);
    const bool is_iso = time.starts_with("1970-01-01") || time.starts_with("1969-12-31");
    return is_iso || (time.find("Jan  1") != std::string_view::npos && time.find("1970") != std::string_view::npos);
}

class Parser {
public:
    Parser(std::string name, std::string_view text) : lines_(split_lines(text)) { patch_.name = std::move(name); }

    PatchText run() {
        while (at_ < lines_.size())
            parse_line();
        drop_empty();
        if (patch_.files.empty())
            throw Refusal("source.empty-patch", patch_.name, "there is no unified diff in this file",
                          "pass the output of `git diff`, `git format-patch` or `diff -up`");
        return std::move(patch_);
    }

private:
    [[noreturn]] void malformed(size_t line, std::string why) const {
        throw Refusal("source.malformed-patch", fmt::format("{}:{}", patch_.name, line + 1), std::move(why),
                      "the patch was edited or cut; make it again from its source");
    }

    FilePatch& begin_file() {
        FilePatch& file = patch_.files.emplace_back();
        file.patch_line = at_ + 1;
        file.begins_diff = std::exchange(is_between_diffs_, false);
        return file;
    }

    bool next_starts_with(size_t ahead, std::string_view prefix) const {
        return at_ + ahead < lines_.size() && lines_[at_ + ahead].starts_with(prefix);
    }

    void parse_line() {
        std::string_view line = lines_[at_];
        if (take(line, "diff --git ")) {
            parse_git_header(without_end(line));
        } else if (line.starts_with("diff --cc ") || line.starts_with("diff --combined ")) {
            throw Refusal("source.combined-diff", fmt::format("{}:{}", patch_.name, at_ + 1),
                          "this is the combined diff of a merge; it does not say what to change in one tree",
                          "make the patch against one parent, for example `git diff COMMIT^1 COMMIT`");
        } else if (line.starts_with("--- ") && next_starts_with(1, "+++ ") && next_starts_with(2, "@@ -")) {
            parse_names();
        } else if (line.starts_with("@@ -")) {
            parse_hunk();
        } else if (line.starts_with("*** ") && next_starts_with(1, "--- ") && next_starts_with(2, "*******")) {
            throw Refusal("source.not-unified", fmt::format("{}:{}", patch_.name, at_ + 1),
                          "this is a context diff; only unified diffs are understood", "make it with `diff -up`");
        } else if (line.starts_with("Binary files ") && without_end(line).ends_with(" differ")) {
            refuse_binary(without_end(line));
        } else {
            parse_noise(line);
        }
    }

    void parse_noise(std::string_view line) {
        const bool is_mail_header = patch_.files.empty() && take(line, "Content-Transfer-Encoding: ");
        const std::string_view encoding = without_end(line);
        if (is_mail_header && (encoding == "base64" || encoding == "quoted-printable"))
            throw Refusal("source.encoded-mail", fmt::format("{}:{}", patch_.name, at_ + 1),
                          fmt::format("the patch is inside a mail encoded as {}", encoding),
                          "decode it first, for example with `git mailinfo msg patch <MAIL`");
        if (line.starts_with("Only in "))
            patch_.findings.push_back({"source.only-in",
                                       report::Severity::warning,
                                       fmt::format("{}:{}", patch_.name, at_ + 1),
                                       {},
                                       fmt::format("\"{}\": that file is not part of the patch", without_end(line)),
                                       "make the patch with `diff -urN` if the file belongs to it"});
        is_between_diffs_ |= !line.starts_with("diff ") && !without_end(line).empty();
        ++at_;
        open_ = false;
    }

    [[noreturn]] void refuse_binary(std::string_view what) const {
        throw Refusal("source.binary-patch", fmt::format("{}:{}", patch_.name, at_ + 1),
                      fmt::format("the patch changes a binary file ({})", what),
                      "a live patch is made from source; take the binary file out of the patch");
    }

    // "diff --git a/NAME b/NAME" and the extended header lines behind it.
    void parse_git_header(std::string_view names) {
        FilePatch& file = begin_file();
        open_ = true;
        parse_git_names(file, names);
        const bool has_prefix = file.old_name.starts_with("a/") && file.new_name.starts_with("b/");
        const auto prefixed = [&](const char* prefix, std::string_view rest) {
            return (has_prefix || names.empty() ? prefix : "") + name_of(rest);
        };
        for (++at_; at_ < lines_.size(); ++at_) {
            std::string_view line = without_end(lines_[at_]);
            if (take(line, "old mode ")) {
                file.old_mode = parse_mode(line);
            } else if (take(line, "new mode ")) {
                file.new_mode = parse_mode(line);
            } else if (take(line, "new file mode ")) {
                file.operation = FilePatch::Operation::create;
                file.new_mode = parse_mode(line);
            } else if (take(line, "deleted file mode ")) {
                file.operation = FilePatch::Operation::remove;
                file.old_mode = parse_mode(line);
            } else if (take(line, "rename from ") || take(line, "rename old ")) {
                file.operation = FilePatch::Operation::rename;
                file.old_name = prefixed("a/", line);
            } else if (take(line, "rename to ") || take(line, "rename new ")) {
                file.operation = FilePatch::Operation::rename;
                file.new_name = prefixed("b/", line);
            } else if (take(line, "copy from ")) {
                file.operation = FilePatch::Operation::copy;
                file.old_name = prefixed("a/", line);
            } else if (take(line, "copy to ")) {
                file.operation = FilePatch::Operation::copy;
                file.new_name = prefixed("b/", line);
            } else if (line == "GIT binary patch" || line.starts_with("Binary files ")) {
                refuse_binary(file.new_name);
            } else if (!line.starts_with("similarity index ") && !line.starts_with("dissimilarity index ") &&
                       !line.starts_with("index ")) {
                break;
            }
        }
        if (next_starts_with(0, "--- ") && next_starts_with(1, "+++ "))
            parse_names_into(file);
    }

    unsigned parse_mode(std::string_view text) const {
        unsigned mode = 0;
        if (!take_number(text, mode, 8))
            malformed(at_, "a mode line without a mode");
        return mode;
    }

    // Both names are on one line; unquoted ones can hold spaces. Where nothing is renamed they are the same behind
    // the prefix, so the middle of the line splits them; renames and hunks name the files again on lines of their own.
    static void parse_git_names(FilePatch& file, std::string_view names) {
        if (names.starts_with('"')) {
            const size_t split = names.find("\" ");
            file.old_name = unquoted(names.substr(1));
            file.new_name = split == std::string_view::npos ? std::string{} : name_of(names.substr(split + 2));
        } else if (names.size() % 2 == 1 && names[names.size() / 2] == ' ') {
            file.old_name = names.substr(0, names.size() / 2);
            file.new_name = names.substr(names.size() / 2 + 1);
        } else {
            const size_t split = names.find(" b/");
            file.old_name = names.substr(0, split == std::string_view::npos ? names.find(' ') : split);
            file.new_name = names.substr(std::min(names.size(), file.old_name.size() + 1));
        }
    }

    void parse_names() {
        parse_names_into(begin_file());
        open_ = true;
    }

    void parse_names_into(FilePatch& file) {
        const std::string_view old_header = lines_[at_].substr(4), new_header = lines_[at_ + 1].substr(4);
        const std::string old_name = name_of(old_header), new_name = name_of(new_header);
        if (old_name.empty() && new_name.empty())
            malformed(at_, "both names are /dev/null");
        if (file.operation == FilePatch::Operation::modify) {
            if (old_name.empty() || has_epoch_time(old_header))
                file.operation = FilePatch::Operation::create;
            else if (new_name.empty() || has_epoch_time(new_header))
                file.operation = FilePatch::Operation::remove;
        }
        if (file.operation != FilePatch::Operation::rename && file.operation != FilePatch::Operation::copy) {
            file.old_name = old_name;
            file.new_name = new_name;
        }
        at_ += 2;
    }

    void parse_hunk() {
        const size_t start = at_;
        if (!open_)
            malformed(start, "a hunk without the --- and +++ lines that name its file");
        Hunk hunk = parse_hunk_header(lines_[at_++]);
        hunk.patch_line = start + 1;
        for (size_t old_left = hunk.old_count, new_left = hunk.new_count; old_left > 0 || new_left > 0; ++at_) {
            if (at_ == lines_.size())
                malformed(start, fmt::format("the patch ends in the middle of a hunk, {} lines are missing",
                                             std::max(old_left, new_left)));
            HunkLine line = parse_hunk_line(start);
            if ((line.kind != '+' && old_left == 0) || (line.kind != '-' && new_left == 0))
                malformed(at_, "the hunk is longer than its header says");
            old_left -= line.kind != '+';
            new_left -= line.kind != '-';
            hunk.lines.push_back(std::move(line));
            if (next_starts_with(1, "\\")) {
                hunk.lines.back().has_newline = false;
                ++at_;
            }
        }
        patch_.files.back().hunks.push_back(std::move(hunk));
    }

    Hunk parse_hunk_header(std::string_view line) const {
        Hunk hunk;
        hunk.old_count = hunk.new_count = 1;
        bool is_good = take(line, "@@ -") && take_number(line, hunk.old_start);
        if (is_good && take(line, ","))
            is_good = take_number(line, hunk.old_count);
        is_good = is_good && take(line, " +") && take_number(line, hunk.new_start);
        if (is_good && take(line, ","))
            is_good = take_number(line, hunk.new_count);
        if (!is_good || !take(line, " @@"))
            malformed(at_ - 1, "the @@ line of a hunk cannot be read");
        for (const size_t number : {hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count})
            if (number > max_line)
                malformed(at_ - 1, "a line number beyond the end of any file");
        if ((hunk.old_count > 0 && hunk.old_start == 0) || (hunk.new_count > 0 && hunk.new_start == 0))
            malformed(at_ - 1, "a hunk that begins at line 0");
        take(line, " ");
        hunk.heading = without_end(line);
        return hunk;
    }

    HunkLine parse_hunk_line(size_t hunk_start) const {
        const std::string_view text = lines_[at_];
        // Mail programs take the blank off an empty line of context.
        if (text.empty() || text == "\r")
            return {' ', std::string{text}, true};
        const char kind = text.front();
        if (kind != ' ' && kind != '-' && kind != '+')
            malformed(at_, fmt::format("this line is inside the hunk of line {} and starts with none of ' ', '-', '+' "
                                       "(a line wrapped by a mail program?)",
                                       hunk_start + 1));
        return {kind, std::string{text.substr(1)}, true};
    }

    // git prints a header for files that it ends up not changing (only the stat data differed).
    void drop_empty() {
        std::erase_if(patch_.files, [](const FilePatch& file) {
            return file.operation == FilePatch::Operation::modify && file.hunks.empty() && !file.new_mode;
        });
    }

    PatchText patch_;
    std::vector<std::string_view> lines_;
    size_t at_ = 0;                // the line to be read next
    bool open_ = false;            // a hunk may follow
    bool is_between_diffs_ = true; // something else than a diff was read since the last file
};

} // namespace

PatchText parse_patch(std::string name, std::string_view text) {
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
        throw Refusal("source.not-unified", std::move(name), "this is UTF-16 text, as PowerShell's > writes it",
                      "make it with `git diff --output=FILE` or `git format-patch`");
    take(text, "\xef\xbb\xbf"); // an editor's mark of UTF-8
    return Parser(std::move(name), text).run();
}

namespace {

// Removed lines come first in each group of changes, as diff writes them.
Hunk reversed(const Hunk& hunk) {
    Hunk back{hunk.new_start, hunk.new_count, hunk.old_start, hunk.old_count, hunk.heading, hunk.patch_line, {}};
    std::vector<HunkLine> added;
    const auto end_group = [&] {
        std::move(added.begin(), added.end(), std::back_inserter(back.lines));
        added.clear();
    };
    for (HunkLine line : hunk.lines) {
        if (line.kind == ' ')
            end_group();
        line.kind = line.kind == '+' ? '-' : line.kind == '-' ? '+' : ' ';
        (line.kind == '+' ? added : back.lines).push_back(std::move(line));
    }
    end_group();
    return back;
}

FilePatch::Operation reversed(FilePatch::Operation operation) {
    switch (operation) {
    case FilePatch::Operation::create:
    case FilePatch::Operation::copy:
        return FilePatch::Operation::remove;
    case FilePatch::Operation::remove:
        return FilePatch::Operation::create;
    case FilePatch::Operation::modify:
    case FilePatch::Operation::rename:
        break;
    }
    return operation;
}

} // namespace

PatchText reversed(const PatchText& patch) {
    PatchText back{patch.name, {}, patch.findings};
    for (auto file = patch.files.rbegin(); file != patch.files.rend(); ++file) {
        FilePatch& to = back.files.emplace_back();
        to.operation = reversed(file->operation);
        to.old_name = file->new_name;
        to.new_name = file->operation == FilePatch::Operation::copy ? std::string{} : file->old_name;
        to.old_mode = file->new_mode;
        to.new_mode = file->old_mode;
        to.patch_line = file->patch_line;
        to.begins_diff = file == patch.files.rbegin() || (file - 1)->begins_diff;
        if (file->operation != FilePatch::Operation::copy)
            for (const Hunk& hunk : file->hunks)
                to.hunks.push_back(reversed(hunk));
    }
    return back;
}

} // namespace klp::source
