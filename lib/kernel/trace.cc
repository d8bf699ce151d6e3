#include "kernel/trace.h"

#include "kernel/unpatchable.h"
#include "source/patch.h"

#include <algorithm>
#include <fmt/format.h>

namespace klp::kernel {

namespace {

using report::Finding;
using report::Severity;

Finding fault(const char* code, const std::string& path, std::string message, std::string hint) {
    return {code, Severity::error, path, "", std::move(message), std::move(hint)};
}

// "a", "a and b", "a and 4 others"
std::string list(const std::vector<std::string>& names) {
    if (names.size() < 3)
        return names.size() == 2 ? names[0] + " and " + names[1] : names.empty() ? "" : names[0];
    return fmt::format("{} and {} others", names[0], names.size() - 1);
}

} // namespace

Tracer::Tracer(TraceSources sources) : sources_(std::move(sources)) {
    for (const Step& step : sources_.steps) {
        for (const std::string& input : step.inputs)
            steps_reading_.emplace(input, &step);
        if (!step.compile.empty())
            steps_compiling_.emplace(step.source, &step);
    }
    for (const BuildUnit& unit : sources_.units) {
        by_path_.emplace(absolute(unit), &unit);
        if (!unit.objtool.empty())
            tools_.insert(source::absolute_path(sources_.build.string(), unit.objtool.front()));
    }
}

std::string Tracer::absolute(const BuildUnit& unit) const {
    return source::absolute_path((unit.is_generated ? sources_.build : sources_.source).string(), unit.source);
}

// People know files by their names in the source tree or the build directory.
std::string Tracer::shorten(const std::string& file) const {
    for (const std::filesystem::path* folder : {&sources_.build, &sources_.source})
        if (file.starts_with(folder->string() + "/"))
            return file.substr(folder->string().size() + 1);
    return file;
}

Tracer::Readers Tracer::readers_of(const std::string& file, bool asks_graph) const {
    Readers readers;
    const auto [first, last] = steps_reading_.equal_range(file);
    for (auto reader = first; reader != last; ++reader)
        readers.steps.push_back(reader->second);
    std::vector<std::string> includers = {file};
    if (asks_graph)
        includers = sources_.include_graph().units_including(file);
    for (const std::string& includer : includers) {
        const auto [step, steps_end] = steps_compiling_.equal_range(includer);
        for (auto at = step; at != steps_end; ++at)
            if (std::ranges::find(readers.steps, at->second) == readers.steps.end())
                readers.steps.push_back(at->second);
        const auto [unit, units_end] = by_path_.equal_range(includer);
        for (auto at = unit; at != units_end; ++at)
            if (at->second->is_assembly && !is_unpatchable(*at->second))
                readers.assembly.push_back(at->second);
    }
    return readers;
}

Trace Tracer::trace(const std::string& path, bool asks_graph) const {
    const Readers readers = readers_of(source::absolute_path(sources_.source.string(), path), asks_graph);
    Trace result;
    result.is_read = !readers.steps.empty() || !readers.assembly.empty();
    std::set<std::string> seeds;
    std::vector<const Step*> compiling;
    std::vector<Reading> readings;
    for (const Step* step : readers.steps) {
        if (step->compile.empty()) {
            seeds.insert(step->targets.begin(), step->targets.end());
            continue;
        }
        compiling.push_back(step);
        readings.push_back({step->source, step->compile, step->targets.empty() ? "" : shorten(step->targets.front())});
    }
    std::string shown;
    const std::vector<std::optional<std::string>> found = sources_.differences(readings);
    for (size_t i = 0; i < compiling.size(); ++i) {
        if (!found[i])
            continue;
        seeds.insert(compiling[i]->targets.begin(), compiling[i]->targets.end());
        if (shown.empty())
            shown = *found[i];
    }
    result.is_different = !seeds.empty();
    if (!seeds.empty())
        judge(path, seeds, shown, result);
    result.is_lost = !seeds.empty() && result.faults.empty();
    read_assembly(path, readers.assembly, result);
    return result;
}

Trace Tracer::trace_recipes(const std::string& path, const std::vector<Step>& steps) const {
    Trace result;
    std::set<std::string> seeds;
    for (const Step& step : steps)
        seeds.insert(step.targets.begin(), step.targets.end());
    result.is_different = !seeds.empty();
    if (!seeds.empty())
        judge(path, seeds, "", result);
    result.is_lost = !seeds.empty() && result.faults.empty();
    return result;
}

void Tracer::read_assembly(const std::string& path, const std::vector<const BuildUnit*>& units, Trace& trace) const {
    std::vector<Reading> readings;
    for (const BuildUnit* unit : units)
        readings.push_back({absolute(*unit), unit->compile, unit->object});
    const std::vector<std::optional<std::string>> found = sources_.differences(readings);
    std::vector<std::string> different;
    std::string shown;
    for (size_t i = 0; i < units.size(); ++i) {
        if (!found[i])
            continue;
        different.push_back(units[i]->source);
        if (shown.empty())
            shown = *found[i];
    }
    if (different.empty())
        return;
    trace.is_different = true;
    std::erase(different, path); // its own unit: the planner knows what to say of that
    if (different.empty())
        return;
    trace.faults.push_back(fault(
        "plan.assembly-sees-header", path,
        fmt::format("assembly reads this file too, and what {} gets of it changes (first difference: {}): code in "
                    "assembly cannot be patched live, and would go on with what the file said before",
                    list(different), shown),
        "make the change in a file, or under a name, that only C code sees"));
}

bool Tracer::is_named(const std::string& path) const {
    const auto [first, last] = steps_reading_.equal_range(source::absolute_path(sources_.source.string(), path));
    return std::any_of(first, last, [](const auto& reader) { return reader.second->compile.empty(); });
}

// Folders of tools/ whose programs the build makes for itself. They are compiled in these folders, so that what they
// name by relative paths is not in the list of steps; the object of tools/lib/subcmd lie in a folder libsubcmd.
std::set<std::string> Tracer::tool_folders() const {
    const std::string root = sources_.build.string() + "/tools/";
    std::set<std::string> folders;
    for (const Step& step : sources_.steps)
        for (const std::string& target : step.targets) {
            if (!target.starts_with(root))
                continue;
            const std::string folder = shorten(target.substr(0, target.rfind('/')));
            const size_t library = folder.find("/lib", std::string_view("tools/").size());
            folders.insert(library == std::string::npos
                               ? folder
                               : "tools/lib/" +
                                     folder.substr(library + 4, folder.find('/', library + 1) - library - 4));
        }
    folders.erase("tools");
    return folders;
}

std::optional<Finding> Tracer::find_tool(const std::string& path) const {
    if (!path.starts_with("tools/"))
        return std::nullopt;
    const std::string name = path.substr(path.rfind('/') + 1);
    const bool is_shared_rule = name.starts_with("Makefile.") || name.starts_with("Build.");
    const source::FileReader read = source::read_from(sources_.source);
    const std::set<std::string> folders = tool_folders();
    const auto is_of = [&](const std::string& folder) {
        if (path.starts_with(folder + "/"))
            return true;
        const std::optional<std::string> text = is_shared_rule ? read(folder + "/Makefile") : std::nullopt;
        return text && text->find(name) != std::string::npos;
    };
    const auto found = std::ranges::find_if(folders, is_of);
    if (found == folders.end())
        return std::nullopt;
    return fault(
        "plan.build-tool", path,
        fmt::format("it belongs to {}, a part of the kernel's own build: what that made is in the running kernel "
                    "and is not made anew",
                    *found),
        "leave this file out of the live patch, if the rest of it does without");
}

// Units whose source the file is or, if the graph is asked, that include it; but for what is no part of the running
// kernel.
std::vector<std::string> Tracer::users_of(const std::string& file, bool asks_graph) const {
    std::vector<std::string> readers = {file};
    if (asks_graph)
        readers = sources_.include_graph().units_including(file);
    std::vector<std::string> users;
    for (const std::string& reader : readers) {
        const auto [first, last] = by_path_.equal_range(reader);
        for (auto unit = first; unit != last; ++unit)
            if (!is_unpatchable(*unit->second))
                users.push_back(unit->second->object);
    }
    return users;
}

// The generated file by which objects of the kernel depend on `files`, and the objects. The graph is asked only where
// no generated source tells.
std::optional<Tracer::Use> Tracer::use_of(const std::set<std::string>& files) const {
    for (const bool asks_graph : {false, true})
        for (const std::string& file : files) {
            // Objects and programs are not included.
            if (asks_graph && file.find('.', file.rfind('/') + 2) == std::string::npos)
                continue;
            if (asks_graph && (file.ends_with(".o") || file.ends_with(".a")))
                continue;
            if (std::vector<std::string> users = users_of(file, asks_graph); !users.empty())
                return Use{file, std::move(users)};
        }
    return std::nullopt;
}

// What is made of `seeds` ends in objects, or it does not.
void Tracer::judge(const std::string& path, const std::set<std::string>& seeds, const std::string& shown,
                   Trace& trace) const {
    const std::string first = shown.empty() ? "" : fmt::format(" (first difference: {})", shown);
    const std::string own_hint = "leave this file out of the live patch, if the rest of it does without";
    const std::string programs[] = {sources_.build.string() + "/tools/", sources_.build.string() + "/scripts/"};
    const std::set<std::string> made = made_from(seeds, sources_.steps);
    if (const std::optional<Use> use = use_of(made)) {
        trace.faults.push_back(
            fault("plan.generated-input", path,
                  fmt::format("the build makes {} from it{}, and {} with that; a live patch does not "
                              "make generated files anew",
                              shorten(use->file), first, list(use->objects)),
                  own_hint));
        return;
    }
    std::string tool, script, object;
    for (const std::string& file : made) {
        const std::string name = shorten(file);
        if (name.ends_with(".lds"))
            script = name;
        else if (tools_.contains(file) || file.starts_with(programs[0]) || file.starts_with(programs[1]))
            tool = name;
        else if (name.ends_with(".o") || name.ends_with(".ko"))
            object = name;
    }
    if (!script.empty())
        trace.faults.push_back(fault(
            "plan.linker-script", path,
            fmt::format("the linker script {} is made from it{}: how the kernel is laid out is settled", script, first),
            own_hint));
    else if (!tool.empty())
        trace.faults.push_back(fault("plan.build-tool", path,
                                     fmt::format("{} is made from it, a part of the kernel's own build{}: what that "
                                                 "made is in the running kernel and is not made anew",
                                                 tool, first),
                                     own_hint));
    else if (!object.empty())
        trace.faults.push_back(
            fault("plan.generated-input", path,
                  fmt::format("the build makes {} from it, which is no compiled source{}", object, first), own_hint));
}

} // namespace klp::kernel
