#include "kernel/recorded_link.h"

#include "files/files.h"
#include "files/text.h"
#include "host/cache.h"
#include "host/enclosure.h"
#include "host/process.h"
#include "kernel/kept_object.h"
#include "kernel/make_rule.h"
#include "kernel/target.h"
#include "kernel/word_lists.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

constexpr const char* header = "klp-build link 1\n";

// What is made of the template and of the lists, one after the other (scripts/Makefile.build, .modpost, .modfinal).
constexpr std::array made = {"init.o", "%n.o", "Module.symvers", "%n.mod.o", "%n.ko"};

// Of these, nothing depends on the module but its name, which none of them holds.
constexpr std::array kept = {"begin.o", "end.o", ".module-common.o"};

std::string in_c(std::string name) {
    std::ranges::replace(name, '-', '_');
    return name;
}

} // namespace

std::optional<std::string> command_in(std::string_view cmd_file) {
    constexpr std::string_view assignment = " := ";
    const std::string_view line = cmd_file.substr(0, cmd_file.find('\n'));
    const size_t at = line.find(assignment);
    if (at == std::string_view::npos || !(line.starts_with("cmd_") || line.starts_with("savedcmd_")))
        return std::nullopt;
    // As make-cmd of scripts/Kbuild.include wrote it for make.
    std::string command(line.substr(at + assignment.size()));
    return files::replaced(files::replaced(std::move(command), "$(pound)", "#"), "$$", "$");
}

std::string cut_out(const std::string& command, const LinkPlace& place) {
    std::string pattern = files::replaced(command, "%", "%%");
    pattern = files::replaced(std::move(pattern), place.folder.string(), "%f");
    pattern = files::replaced(std::move(pattern), place.name, "%n");
    return files::replaced(std::move(pattern), in_c(place.name), "%m");
}

std::string put_in(const std::string& pattern, const LinkPlace& place) {
    std::string command;
    for (size_t at = 0; at < pattern.size(); ++at) {
        const char next = pattern[at] == '%' && at + 1 < pattern.size() ? pattern[++at] : '\0';
        if (next == '\0')
            command += pattern[at];
        else if (next == 'f')
            command += place.folder.string();
        else if (next == 'n')
            command += place.name;
        else if (next == 'm')
            command += in_c(place.name);
        else
            command += next;
    }
    return command;
}

std::optional<RecordedCommands> read_commands(const LinkPlace& place) {
    RecordedCommands commands;
    for (const char* file : made) {
        const fs::path note = place.folder / fmt::format(".{}.cmd", put_in(file, place));
        const std::optional<std::string> command = command_in(files::try_read_text(note).value_or(""));
        if (!command)
            return std::nullopt;
        commands.emplace_back(file, cut_out(*command, place));
    }
    return commands;
}

namespace {

// The kept object that a source of the module was compiled to by this command before: the source and the headers beside
// it, which are of this module only, count by what is in them.
fs::path kept_object_of(const fs::path& source, const std::string& pattern, const LinkPlace& place,
                        const fs::path& recording) {
    std::vector<fs::path> texts = {source};
    for (const fs::directory_entry& entry : fs::directory_iterator(place.folder))
        if (entry.path().extension() == ".h")
            texts.push_back(entry.path());
    std::ranges::sort(texts);
    std::string identity = put_in(pattern, {place.name, "%f"});
    for (const fs::path& text : texts)
        identity += fmt::format("\n{}\n{}", text.filename().string(), files::read_text(text));
    return recording / "objects" / fmt::format("{}.o", host::fingerprint(identity));
}

// What else it was made from is the kernel's, and counts by its stamp.
void keep(const fs::path& object, const Target& target, const LinkPlace& place, const fs::path& as) {
    const std::optional<std::string> rule =
        files::try_read_text(object.parent_path() / fmt::format(".{}.d", object.filename().string()));
    if (!rule)
        return;
    std::vector<std::string> sources = read_make_rule(*rule);
    const std::string inside = fmt::format("{}/", place.folder.string());
    std::erase_if(sources, [&](const std::string& file) { return file.starts_with(inside); });
    keep_object(object, sources, target.build, as);
}

bool run(const Target& target, const std::string& shell_command, const LinkPlace& place) {
    const host::Command command{.argv = {"sh", "-ec", shell_command}, .directory = target.build};
    const host::Outcome outcome = host::run(host::enclose(command, target.compiler.system));
    files::refuse_full_disk(outcome.errors, place.folder.string());
    return outcome.status == 0;
}

} // namespace

bool replay(const Target& target, const RecordedCommands& commands, const LinkPlace& place, const fs::path& recording) {
    for (const auto& [file, pattern] : commands) {
        const fs::path made = place.folder / put_in(file, place);
        const fs::path source = fs::path(made).replace_extension(".c");
        const bool is_compiled = made.extension() == ".o" && fs::exists(source);
        const fs::path object = is_compiled ? kept_object_of(source, pattern, place, recording) : fs::path();
        if (is_compiled && is_current(object)) {
            files::copy(object, made);
            continue;
        }
        if (!run(target, put_in(pattern, place), place) || !fs::exists(made))
            return false;
        if (is_compiled)
            keep(made, target, place, object);
    }
    return true;
}

void copy_kept_objects(const fs::path& from, const fs::path& to) {
    for (const char* name : kept)
        if (fs::exists(from / name))
            files::copy(from / name, to / name);
}

Recording read_recording(const fs::path& folder) {
    const fs::path list = folder / "commands";
    const std::optional<std::string> text = files::try_read_text(list);
    if (!text)
        return {};
    const std::string path = list.string();
    WordLines lines(*text, header, path, "list of commands");
    Recording recording{true, std::nullopt};
    while (!lines.at_end()) {
        std::vector<std::string> words = lines.take();
        if (words.size() != 2)
            lines.refuse();
        if (!recording.commands)
            recording.commands.emplace();
        recording.commands->emplace_back(std::move(words[0]), std::move(words[1]));
    }
    return recording;
}

void write_recording(const fs::path& folder, const std::optional<RecordedCommands>& commands) {
    std::string text = header;
    for (const auto& [file, pattern] : commands.value_or(RecordedCommands()))
        put_words(text, {file, pattern});
    files::write(folder / "commands", text);
}

} // namespace klp::kernel
