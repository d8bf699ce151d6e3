#include "kernel/includes.h"

#include "files/files.h"
#include "host/cache.h"
#include "host/parallel.h"
#include "host/process.h"
#include "kernel/compile.h"
#include "kernel/generate.h"
#include "kernel/make_rule.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <string_view>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

std::vector<source::CompileCommand> commands_of(const Target& target, const std::vector<BuildUnit>& units) {
    std::vector<source::CompileCommand> commands;
    // Of equal sources the graph keeps the later one: units go before programs of the build.
    for (const Step& step : steps_of(target))
        if (!step.compile.empty())
            commands.push_back({target.build.string(), step.source, step.compile});
    for (const BuildUnit& unit : units)
        commands.push_back({target.build.string(), unit.compile.back(), unit.compile});
    return commands;
}

// The same command, asked for its dependencies; a header that is not there counts as one that will be made.
host::Command dependency_command(const source::CompileCommand& unit, const fs::path& output) {
    host::Command command{.argv = {}, .directory = unit.directory};
    for (size_t i = 0; i < unit.argv.size(); ++i) {
        const std::string& word = unit.argv[i];
        if (word == "-o")
            ++i;
        else if (word != "-c" && word != "-S" && word != "-E" && !word.starts_with("-Wp,-M"))
            command.argv.push_back(word);
    }
    command.argv.insert(command.argv.begin() + 1, {"-w", "-M", "-MG", "-MF", output.string()});
    return command;
}

// A header that is still to be made has no folder in the compiler's list ("oid_registry_data.c" for
// lib/oid_registry_data.c of the build directory): any file of that name that a step makes.
class ToBeMade {
public:
    explicit ToBeMade(const std::vector<Step>& steps) {
        for (const Step& step : steps)
            for (const std::string& target : step.targets)
                by_name_.emplace(target.substr(target.rfind('/') + 1), target);
    }

    // The files that a compiler's word may mean, run in `directory`.
    std::vector<std::string> named(const std::string& directory, const std::string& word) const {
        std::string path = source::absolute_path(directory, word);
        if (word.starts_with('/') || fs::exists(path))
            return {std::move(path)};
        std::vector<std::string> found;
        const auto [first, last] = by_name_.equal_range(word.substr(word.rfind('/') + 1));
        for (auto entry = first; entry != last; ++entry)
            if (entry->second.ends_with("/" + word))
                found.push_back(entry->second);
        if (found.empty())
            found.push_back(std::move(path));
        return found;
    }

private:
    std::multimap<std::string, std::string> by_name_;
};

source::IncludeGraph ask_compiler(const std::vector<source::CompileCommand>& commands, const Target& target,
                                  const fs::path& scratch, unsigned jobs) {
    std::vector<std::vector<std::string>> found(commands.size());
    host::parallel_for(commands.size(), jobs, [&](size_t i) {
        const fs::path output = scratch / fmt::format("{}.d", i);
        const host::Outcome outcome =
            host::run(host::enclose(dependency_command(commands[i], output), target.compiler.system));
        if (outcome.status == 0)
            found[i] = read_make_rule(files::read_text(output));
    });
    const ToBeMade to_be_made(steps_of(target));
    std::map<std::string, uint32_t> numbers;
    std::vector<std::string> files;
    std::vector<source::IncludeGraph::UnitFiles> units;
    std::vector<source::IncludeGraph::Failure> failures;
    for (size_t i = 0; i < commands.size(); ++i) {
        const std::string path = source::absolute_path(commands[i].directory, commands[i].file);
        if (found[i].empty()) {
            failures.push_back({path, "neither Clang's scanner nor the compiler can read it"});
            continue;
        }
        source::IncludeGraph::UnitFiles unit{path, {}};
        for (const std::string& word : found[i])
            for (const std::string& name : to_be_made.named(commands[i].directory, word)) {
                const auto [entry, is_new] = numbers.emplace(name, static_cast<uint32_t>(files.size()));
                if (is_new)
                    files.push_back(name);
                unit.files.push_back(entry->second);
            }
        units.push_back(std::move(unit));
    }
    return source::IncludeGraph(std::move(files), std::move(units), std::move(failures));
}

// A source that is not there yet includes nothing, and a patch to a header would pass its unit by.
void generate_missing_sources(const Target& target, const std::vector<BuildUnit>& units, unsigned jobs) {
    std::vector<BuildUnit> missing;
    for (const BuildUnit& unit : units)
        if (unit.is_generated && !fs::exists(target.build / unit.source))
            missing.push_back(unit);
    if (!missing.empty())
        generate_for(target, missing, jobs);
}

source::IncludeGraph scan_all(const Target& target, const std::vector<BuildUnit>& units, unsigned jobs) {
    generate_missing_sources(target, units, jobs);
    const std::vector<source::CompileCommand> commands = commands_of(target, units);
    source::IncludeGraph graph = source::scan(commands, jobs);
    std::set<std::string> failed;
    for (const source::IncludeGraph::Failure& failure : graph.failures())
        failed.insert(failure.unit);
    std::vector<source::CompileCommand> again;
    for (const source::CompileCommand& command : commands) {
        if (failed.contains(source::absolute_path(command.directory, command.file)))
            again.push_back(command);
    }
    const fs::path scratch = target.state / "scan";
    files::make_folder(scratch);
    graph = graph.merged_with(ask_compiler(again, target, scratch, jobs));
    files::remove_tree(scratch);
    return graph;
}

// The state of all files of the tree that the graph speaks of.
std::string state_of(const Target& target, const source::IncludeGraph& graph, const std::vector<BuildUnit>& units) {
    std::set<std::string> files;
    for (const BuildUnit& unit : units) {
        if (const auto list = graph.files_of(source_path(target, unit)))
            files.insert(list->begin(), list->end());
    }
    for (const Step& step : steps_of(target)) {
        if (const auto list = graph.files_of(step.source))
            files.insert(list->begin(), list->end());
    }
    std::string text;
    for (const std::string& file : files)
        text += files::stamp(file) + "\n";
    return host::fingerprint(text);
}

bool includes_a_source(std::string_view line) {
    const size_t hash = line.find_first_not_of(" \t");
    if (hash == std::string_view::npos || line[hash] != '#')
        return false;
    const size_t word = line.find_first_not_of(" \t", hash + 1);
    return word != std::string_view::npos && line.substr(word).starts_with("include") &&
           (line.find(".c\"") != std::string_view::npos || line.find(".c>") != std::string_view::npos);
}

std::string included_name(std::string_view line) {
    const size_t end = std::min(line.find(".c\""), line.find(".c>")) + 2;
    const size_t begin = line.find_last_of("/\"<", end - 1);
    return std::string(line.substr(begin + 1, end - begin - 1));
}

} // namespace

std::string source_path(const Target& target, const BuildUnit& unit) {
    return source::absolute_path((unit.is_generated ? target.build : target.source).string(), unit.source);
}

source::IncludeGraph include_graph_of(const Target& target, const std::vector<BuildUnit>& units,
                                      const TargetOptions& options) {
    const host::FileLock held = host::FileLock::wait(target.state / "includes.lock");
    const bool is_made = fs::exists(target.entry / "include-graph");
    const fs::path file = (is_made ? target.entry : target.state) / "include-graph";
    const fs::path state_file = target.state / "include-graph.state";
    if (fs::exists(file)) {
        if (auto graph = source::IncludeGraph::parse(files::read_text(file))) {
            const bool is_current =
                target.has_fixed_source ||
                (fs::exists(state_file) && files::read_text(state_file) == state_of(target, *graph, units));
            if (is_current)
                return std::move(*graph);
        }
    }
    if (options.progress)
        options.progress("finding out which units include which headers (once per kernel)");
    source::IncludeGraph graph = scan_all(target, units, options.jobs);
    files::write(file, graph.serialise());
    if (!target.has_fixed_source)
        files::write(state_file, state_of(target, graph, units));
    return graph;
}

std::set<std::string> files_asking_for(const source::IncludeGraph& graph, const std::string& name) {
    std::set<std::string> asking;
    std::mutex asking_lock;
    host::parallel_for(graph.files().size(), 0, [&](size_t i) {
        const fs::path path = graph.files()[i];
        if (!fs::is_regular_file(path))
            return;
        const std::string text = files::read_text(path);
        if (text.find("__has_include") == std::string::npos || text.find(name) == std::string::npos)
            return;
        const std::lock_guard guard(asking_lock);
        asking.insert(path.string());
    });
    return asking;
}

std::vector<const BuildUnit*> readers_in_patched_tree(const Target& target, const std::vector<const BuildUnit*>& units,
                                                      const std::string& path, const fs::path& patched_source,
                                                      unsigned jobs) {
    std::vector<source::CompileCommand> commands;
    for (const BuildUnit* unit : units) {
        std::vector<std::string> command = in_patched_tree(unit->compile, target, patched_source);
        commands.push_back({target.build.string(), command.back(), command});
    }
    const source::IncludeGraph graph = source::scan(commands, jobs);
    const std::vector<std::string> found = graph.units_including(source::absolute_path(patched_source.string(), path));
    std::vector<const BuildUnit*> readers;
    for (size_t i = 0; i < units.size(); ++i) {
        const std::string source = source::absolute_path(commands[i].directory, commands[i].file);
        if (std::ranges::binary_search(found, source))
            readers.push_back(units[i]);
    }
    return readers;
}

void note_included_sources(const Target& target) {
    std::string text;
    std::vector<BuildUnit> readers = units_of(target);
    for (const Step& step : steps_of(target)) {
        if (!step.source.starts_with(target.source.string() + "/"))
            continue;
        BuildUnit reader;
        reader.source = fs::path(step.source).lexically_relative(target.source).string();
        readers.push_back(std::move(reader));
    }
    for (const std::string& name : find_included_sources(target.source, readers))
        text += name + "\n";
    files::write(target.entry / "included-sources", text);
}

std::set<std::string> included_sources_of(const Target& target) {
    const std::string text = files::read_text(target.entry / "included-sources");
    std::set<std::string> lines;
    for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
        lines.insert(text.substr(begin, end - begin));
    return lines;
}

std::set<std::string> find_included_sources(const fs::path& source, const std::vector<BuildUnit>& units) {
    std::set<std::string> names;
    std::mutex names_lock;
    host::parallel_for(units.size(), 0, [&](size_t i) {
        const fs::path path = source / units[i].source;
        if (units[i].is_generated || units[i].is_assembly || !fs::is_regular_file(path))
            return;
        const std::string text = files::read_text(path);
        // Most files have none: look for the rare end of the name first.
        for (size_t at = text.find(".c"); at != std::string::npos; at = text.find(".c", at + 1)) {
            if (at + 2 >= text.size() || (text[at + 2] != '"' && text[at + 2] != '>'))
                continue;
            const size_t begin = text.rfind('\n', at) + 1;
            const std::string_view line = std::string_view(text).substr(begin, at + 3 - begin);
            if (!includes_a_source(line))
                continue;
            const std::lock_guard guard(names_lock);
            names.insert(included_name(line));
        }
    });
    return names;
}

} // namespace klp::kernel
