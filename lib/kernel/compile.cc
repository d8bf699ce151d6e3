#include "kernel/compile.h"

#include "files/files.h"
#include "files/text.h"
#include "host/cache.h"
#include "host/parallel.h"
#include "host/process.h"
#include "kernel/generate.h"
#include "kernel/kbuild.h"
#include "kernel/kept_object.h"
#include "kernel/make_rule.h"
#include "kernel/tree_paths.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mutex>
#include <optional>
#include <sstream>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// Replaces the folder `from` where it stands as a whole path or the beginning of one: "/a/src" in "-I/a/src/include"
// but not in "/a/src2".
void replace_folder(std::string& text, const std::string& from, const std::string& to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;) {
        const size_t end = at + from.size();
        const bool is_whole = end == text.size() || text[end] == '/' || text[end] == '=' || text[end] == ',';
        if (is_whole)
            text.replace(at, from.size(), to);
        at += is_whole ? to.size() : from.size();
    }
}

// Where a unit's files go: "net/ipv4/tcp_input.o" with its dependencies beside it.
struct Output {
    fs::path object;
    fs::path dependencies() const { return object.string() + ".d"; }
};

std::vector<std::string> trees_of(const BuildUnit& unit) {
    return trees_named_by(unit.compile.back(), unit.source);
}

// Debug data elsewhere than in the object, or without the types' members.
bool hides_debug_data(const std::string& word) {
    return word == "-gsplit-dwarf" || word.starts_with("-femit-struct-debug") || word.starts_with("-gz");
}

// Types, lines and inlined functions, but not where each variable is at each instruction: that is most of the work of
// describing them. Debug data has no influence on the code.
std::vector<std::string> debug_words(const Target& target) {
    if (target.compiler.is_clang)
        return {"-g"};
    return {"-g", "-fno-var-tracking", "-fno-var-tracking-assignments", "-gno-statement-frontiers"};
}

bool has_sanitizer(const BuildUnit& unit) {
    return std::ranges::any_of(unit.compile, [](const std::string& word) { return word.starts_with("-fsanitize="); });
}

// kbuild's command, with other output files, with sections per function and variable, and with debug data. Nothing else
// may change: the code must stay that of the running kernel.
host::Command compile_command(const Target& target, const BuildUnit& unit, const Output& output) {
    host::Command command{.argv = unit.compile, .directory = target.build};
    std::erase_if(command.argv, hides_debug_data);
    for (size_t i = 0; i < command.argv.size(); ++i) {
        std::string& word = command.argv[i];
        if (word.starts_with("-Wp,-MMD,"))
            word = "-Wp,-MMD," + output.dependencies().string();
        else if (word == "-o" && i + 1 < command.argv.size())
            command.argv[++i] = output.object.string();
    }
    std::vector<std::string> more = debug_words(target);
    more.insert(more.end(), {"-ffunction-sections", "-fdata-sections"});
    for (const std::string& tree : trees_of(unit))
        more.push_back("-fdebug-prefix-map=" + tree + "=");
    command.argv.insert(command.argv.end() - 1, more.begin(), more.end());
    return command;
}

host::Command objtool_command(const Target& target, const BuildUnit& unit, const Output& output) {
    host::Command command{.argv = unit.objtool, .directory = target.build};
    command.argv.back() = output.object.string();
    return command;
}

struct Attempt {
    std::optional<std::string> errors; // what the failing command said
    std::string warnings;              // what the compiler said and went on
    std::string other_compiler;        // ObjectPair::other_compiler
};

// The unit as the launcher compiles it; nothing where it does not, or by another compiler: a machine that is not there,
// or not like this one, is no reason to fail.
std::optional<host::Outcome> launch(const Target& target, host::Command command, const Output& output,
                                    std::string& other_compiler) {
    if (target.launcher.words.empty())
        return std::nullopt;
    command.argv.insert(command.argv.begin(), target.launcher.words.begin(), target.launcher.words.end());
    host::Outcome outcome = host::run(command);
    if (outcome.status != 0 || !fs::exists(output.object))
        return std::nullopt;
    const std::string mark = compiler_mark_of(output.object);
    if (mark == target.launcher.compiler_mark)
        return outcome;
    other_compiler = mark.empty() ? "no name" : mark;
    return std::nullopt;
}

// Runs the unit's commands.
Attempt try_compile(const Target& target, const BuildUnit& unit, const Output& output) {
    files::make_folder(output.object.parent_path());
    std::string other_compiler;
    const host::Command command = compile_command(target, unit, output);
    std::optional<host::Outcome> launched = launch(target, command, output, other_compiler);
    const host::Outcome compiled =
        launched ? std::move(*launched) : host::run(host::enclose(command, target.compiler.system));
    if (compiled.status != 0) {
        files::refuse_full_disk(compiled.errors, output.object.string());
        return {compiled.errors.empty() ? fmt::format("status {}", compiled.status) : compiled.errors, {}, {}};
    }
    if (has_sanitizer(unit))
        for (const std::string& tree : trees_of(unit))
            take_off_tree(output.object, tree);
    if (unit.objtool.empty())
        return {std::nullopt, compiled.errors, other_compiler};
    const host::Outcome checked =
        host::run(host::enclose(objtool_command(target, unit, output), target.compiler.system));
    files::refuse_full_disk(checked.errors, output.object.string());
    if (checked.status != 0)
        return {"objtool: " + checked.errors, {}, {}};
    return {std::nullopt, compiled.errors, other_compiler};
}

// ---- What builds generate ----

bool lacks_generated_file(const std::string& errors) {
    return errors.find("No such file or directory") != std::string::npos ||
           errors.find("file not found") != std::string::npos;
}

// ---- Originals in the cache ----

// To be counted up when try_compile() makes something else of the same commands.
constexpr unsigned form_of_originals = 5;

fs::path cached_original(const Target& target, const BuildUnit& unit) {
    const std::string identity =
        fmt::format("{}\n{}\n{}", form_of_originals, fmt::join(unit.compile, "\n"), fmt::join(unit.objtool, "\n"));
    return target.state / "objects" / (unit.object + "-" + host::fingerprint(identity) + ".o");
}

fs::path warnings_of(const fs::path& kept) {
    return kept.string() + ".warnings";
}

void keep_original(const Target& target, const Output& output, const std::string& warnings, const fs::path& kept) {
    files::make_folder(kept.parent_path());
    files::write(warnings_of(kept), warnings);
    if (fs::exists(output.dependencies()))
        keep_object(output.object, read_make_rule(files::read_text(output.dependencies())), target.build, kept);
    else
        files::copy(output.object, kept);
}

// ---- One side of a pair ----

struct Side {
    fs::path object;
    std::optional<report::Finding> failure;
    std::string warnings;
    std::string other_compiler;
    bool was_kept = false;
};

report::Finding failure_finding(const BuildUnit& unit, bool is_patched, const std::string& errors) {
    constexpr size_t most_lines = 30;
    const std::string said = host::last_lines(errors, most_lines);
    if (is_patched)
        return {"compile.patched",
                report::Severity::error,
                unit.source,
                "",
                "the patched version does not compile (the original does):\n" + said,
                "correct the patch"};
    return {"compile.original",
            report::Severity::error,
            unit.source,
            "",
            "the original version, without the patch, does not compile:\n" + said,
            "the source tree, its configuration or the compiler is not what the kernel was built from"};
}

Side compile_original(const Target& target, const BuildUnit& unit, const fs::path& folder) {
    Side side;
    const fs::path kept = cached_original(target, unit);
    if (is_current(kept)) {
        side.object = kept;
        side.was_kept = true;
        if (fs::exists(warnings_of(kept)))
            side.warnings = files::read_text(warnings_of(kept));
        return side;
    }
    const Output output{folder / "original" / unit.object};
    if (unit.is_generated && !fs::exists(target.build / unit.source))
        generate_for(target, {&unit, 1}, 1);
    Attempt attempt = try_compile(target, unit, output);
    if (attempt.errors && lacks_generated_file(*attempt.errors)) {
        generate_for(target, {&unit, 1}, 1);
        attempt = try_compile(target, unit, output);
    }
    side.object = output.object;
    side.warnings = std::move(attempt.warnings);
    side.other_compiler = std::move(attempt.other_compiler);
    if (attempt.errors)
        side.failure = failure_finding(unit, false, *attempt.errors);
    else
        keep_original(target, output, side.warnings, kept);
    return side;
}

Side compile_patched(const Target& target, const BuildUnit& unit, const fs::path& patched_source,
                     const fs::path& folder) {
    Side side;
    const Output output{folder / "patched" / unit.object};
    Attempt attempt = try_compile(target, unit, output);
    side.object = output.object;
    // People know their file by its own name, not by that of our mirror.
    const std::string mirror = patched_source.string() + "/";
    side.warnings = files::replaced(std::move(attempt.warnings), mirror, "");
    side.other_compiler = std::move(attempt.other_compiler);
    if (attempt.errors)
        side.failure = failure_finding(unit, true, files::replaced(std::move(*attempt.errors), mirror, ""));
    return side;
}

// The lines "FILE:LINE:COLUMN: warning: TEXT" of `patched` whose TEXT is not in `original`.
std::string new_warnings(const std::string& patched, const std::string& original) {
    std::string result;
    std::istringstream lines(patched);
    for (std::string line; std::getline(lines, line);)
        if (const size_t at = line.find(" warning: ");
            at != line.npos && original.find(line.substr(at)) == original.npos)
            result += line + "\n";
    return result;
}

} // namespace

std::vector<std::string> in_patched_tree(std::vector<std::string> command, const Target& target,
                                         const fs::path& patched_source) {
    for (std::string& word : command)
        replace_folder(word, target.source.string(), patched_source.string());
    return command;
}

BuildUnit in_patched_tree(const BuildUnit& unit, const Target& target, const fs::path& patched_source) {
    BuildUnit patched = unit;
    patched.compile = in_patched_tree(unit.compile, target, patched_source);
    // The same command would give the same object, and the patch would seem to change nothing.
    if (patched.compile == unit.compile)
        throw report::Refusal("compile.foreign-command", unit.source,
                              "its command does not name the source tree " + target.source.string(),
                              "the cache was made for another tree: remove " + target.entry.string());
    // The headers for patch authors lie in the patched tree's include/, which such a module does not search.
    if (is_out_of_tree(target))
        patched.compile.insert(patched.compile.end() - 1, {"-idirafter", (patched_source / "include").string()});
    // And the runtime core's <linux/livepatch.h> takes the place of the kernel's, which declares nothing.
    if (is_out_of_tree(target) && target.runtime == elf::Runtime::core)
        patched.compile.insert(patched.compile.begin() + 1, "-I" + (patched_source / "include").string());
    return patched;
}

std::vector<ObjectPair> compile_pairs(const Target& target, const std::vector<UnitChange>& changes,
                                      const fs::path& patched_source, const fs::path& folder, unsigned jobs) {
    // A unit of several modules is compiled once for each: folders by number keep them apart.
    const auto folder_of = [&folder](size_t index) { return folder / fmt::format("{}", index); };
    std::vector<Side> originals(changes.size()), patched(changes.size());
    host::parallel_for(changes.size() * 2, jobs, [&](size_t i) {
        const UnitChange& change = changes[i / 2];
        if (i % 2 == 0 && !change.is_new())
            originals[i / 2] = compile_original(target, change.unit, folder_of(i / 2));
        else if (i % 2 == 1)
            patched[i / 2] = compile_patched(target, change.patched, patched_source, folder_of(i / 2));
    });

    std::vector<report::Finding> failures;
    std::vector<ObjectPair> pairs;
    for (size_t i = 0; i < changes.size(); ++i) {
        // The patched version of a unit that needs generated headers may have been tried before they were there.
        if (patched[i].failure && !originals[i].failure && lacks_generated_file(patched[i].failure->message))
            patched[i] = compile_patched(target, changes[i].patched, patched_source, folder_of(i));
        if (originals[i].failure)
            failures.push_back(*originals[i].failure);
        else if (patched[i].failure)
            failures.push_back(*patched[i].failure);
        const std::string& other_compiler =
            originals[i].other_compiler.empty() ? patched[i].other_compiler : originals[i].other_compiler;
        pairs.push_back({changes[i].patched, originals[i].object, patched[i].object, originals[i].was_kept,
                         other_compiler, new_warnings(patched[i].warnings, originals[i].warnings)});
    }
    if (!failures.empty())
        throw report::Refusal(std::move(failures));
    return pairs;
}

std::optional<fs::path> compile_with_headers(const Target& target, BuildUnit unit, const fs::path& first,
                                             const fs::path& folder) {
    unit.compile.insert(unit.compile.begin() + 1, "-I" + first.string());
    const Output output{folder / unit.object};
    if (try_compile(target, unit, output).errors)
        return std::nullopt;
    return output.object;
}

} // namespace klp::kernel
