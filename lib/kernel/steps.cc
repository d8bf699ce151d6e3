#include "kernel/steps.h"

#include "files/files.h"
#include "kernel/unit.h"
#include "kernel/word_lists.h"
#include "report/finding.h"
#include "source/include_graph.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

bool is_path_char(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("_./+,@%~:-").find(c) != std::string_view::npos;
}

// The text behind `mark` up to the next blank or quote.
std::string word_behind(std::string_view text, std::string_view mark) {
    const size_t at = text.find(mark);
    if (at == std::string_view::npos)
        return {};
    text.remove_prefix(at + mark.size());
    return std::string(text.substr(0, text.find_first_of(" ';")));
}

// kbuild's own words around the command: removing the target on an interrupt, noting the command for the next run.
struct Recipe {
    std::string command;
    std::vector<std::string> targets; // as the recipe says them
    bool has_note = false;            // ... for certain
};

void take_traps(Recipe& recipe) {
    for (size_t at; (at = recipe.command.find("trap '")) != std::string::npos;) {
        const std::string target = word_behind(std::string_view(recipe.command).substr(at), "rm -f ");
        if (!target.empty() && std::ranges::find(recipe.targets, target) == recipe.targets.end())
            recipe.targets.push_back(target);
        const size_t quote = recipe.command.find('\'', at + 6);
        const size_t end = recipe.command.find(';', std::min(quote, recipe.command.size()));
        recipe.command.erase(at, end == std::string::npos ? end : end + 1 - at);
    }
}

void take_note(Recipe& recipe) {
    for (const std::string_view mark : {"printf '%s\\n' 'savedcmd_", "printf '%s\\n' 'cmd_"}) {
        const size_t at = recipe.command.find(mark);
        if (at == std::string::npos)
            continue;
        recipe.targets = {word_behind(std::string_view(recipe.command).substr(at), mark)};
        recipe.has_note = true;
        recipe.command.resize(at);
    }
    const std::string_view fixdep = "scripts/basic/fixdep ";
    const size_t at = recipe.command.find(fixdep);
    if (at == std::string::npos)
        return;
    std::string_view rest = std::string_view(recipe.command).substr(at + fixdep.size());
    rest.remove_prefix(std::min(rest.find(' '), rest.size() - 1) + 1);
    recipe.targets = {std::string(rest.substr(0, rest.find(' ')))};
    recipe.has_note = true;
    recipe.command.resize(at);
}

// echo '  ASN.1   x.asn1.[ch]';
void drop_echo(std::string& command) {
    const size_t at = command.find("echo '  ");
    const size_t end = at == std::string::npos ? at : command.find('\'', at + 6);
    if (end != std::string::npos)
        command.erase(at, end + 1 - at);
}

// Folders are made by many recipes: as a file they would tie all of these together.
void drop_folders(std::string& command) {
    constexpr std::string_view mark = "mkdir -p ";
    for (size_t at; (at = command.find(mark)) != std::string::npos;) {
        const size_t end = command.find_first_of(" ;&", at + mark.size());
        command.erase(at, std::min(end, command.size()) - at);
    }
}

Recipe read_recipe(std::string_view line) {
    Recipe recipe{std::string(line), {}, false};
    take_traps(recipe);
    take_note(recipe);
    drop_echo(recipe.command);
    drop_folders(recipe.command);
    return recipe;
}

class Reader {
public:
    explicit Reader(const StepFolders& folders) : folders_(folders), source_(folders.source.string() + "/") {}

    std::optional<Step> step_of(Recipe recipe) const {
        Step step;
        if (is_only_a_link(recipe.command))
            return std::nullopt;
        read_compile(recipe, step);
        add_files(recipe.command, step.inputs);
        if (!recipe.has_note)
            add_possible_targets(recipe);
        for (const std::string& target : recipe.targets)
            step.targets.push_back(absolute(target));
        normalise(step.targets);
        normalise(step.inputs);
        if (step.targets.empty() || step.inputs.empty())
            return std::nullopt;
        return step;
    }

    std::string absolute(std::string_view path) const { return source::absolute_path(folders_.build.string(), path); }

    // Files of the source tree wherever they stand in a word (-fFILE), and words that are files of the build directory.
    void add_files(std::string_view text, std::vector<std::string>& files) const {
        for (size_t at = 0; at < text.size();) {
            if (!is_path_char(text[at])) {
                ++at;
                continue;
            }
            const size_t begin = at;
            while (at < text.size() && is_path_char(text[at]))
                ++at;
            std::string_view word = text.substr(begin, at - begin);
            while (word.ends_with(':') || word.ends_with(','))
                word.remove_suffix(1);
            if (const size_t inside = word.find(source_); inside != std::string_view::npos)
                files.push_back(absolute(word.substr(inside)));
            else if (is_file_of_build(word))
                files.push_back(absolute(word));
        }
    }

private:
    static void normalise(std::vector<std::string>& files) {
        std::ranges::sort(files);
        files.erase(std::unique(files.begin(), files.end()), files.end());
    }

    bool is_file_of_build(std::string_view word) const {
        if (word.starts_with('/'))
            return word.starts_with(folders_.build.string() + "/");
        return !word.starts_with('-') && word.find('/') != std::string_view::npos && !word.ends_with('/');
    }

    // Objects that become archives, modules and lists of them.
    static bool is_only_a_link(const std::string& command) {
        for (const std::string_view mark : {"xargs ar ", "modules.order", "$(wildcard ", "__GENKSYMS__", "/built-in.a"})
            if (command.find(mark) != std::string::npos)
                return true;
        // A module of several units: its list, and their link.
        if (command.find("awk '!x[$0]++") != std::string::npos ||
            (command.find(" -r -o ") != std::string::npos && command.find(".mod") != std::string::npos))
            return true;
        return command.starts_with("make ") || command.starts_with("make[");
    }

    static bool is_compiler(std::string_view program) {
        return program.find("gcc") != std::string_view::npos || program.find("clang") != std::string_view::npos ||
               program.ends_with("cc");
    }

    // "gcc ... -o TARGET SOURCE", of whichever of its commands is one.
    void read_compile(const Recipe& recipe, Step& step) const {
        for (std::vector<std::string>& words : split_recipe(recipe.command)) {
            const auto output = std::ranges::find(words, "-o");
            if (output == words.end() || output + 1 == words.end() || !is_compiler(words.front()))
                continue;
            const auto is_source = [](const std::string& word) {
                return !word.starts_with('-') && (word.ends_with(".c") || word.ends_with(".S"));
            };
            if (std::ranges::count_if(words, is_source) != 1)
                continue;
            step.source = absolute(*std::ranges::find_if(words, is_source));
            step.compile = std::move(words);
            return;
        }
    }

    // A recipe without a note: what it redirects to, and every file of the build directory but the programs.
    void add_possible_targets(Recipe& recipe) const {
        std::vector<std::string> files, programs;
        add_files(recipe.command, files);
        for (const std::vector<std::string>& words : split_recipe(recipe.command))
            if (!words.empty())
                programs.push_back(absolute(words.front()));
        for (const std::string& file : files)
            if (!file.starts_with(source_) && std::ranges::find(programs, file) == programs.end())
                recipe.targets.push_back(file);
    }

    const StepFolders& folders_;
    std::string source_;
};

// Takes one recipe, which goes on behind a backslash at the end of a line.
std::string take_recipe(std::string_view& text) {
    std::string recipe;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const bool goes_on = line.ends_with('\\');
        if (goes_on)
            line.remove_suffix(1);
        recipe += line;
        if (!goes_on)
            break;
        recipe += ' ';
    }
    return recipe;
}

bool is_of_interest(std::string_view recipe) {
    return recipe.size() > 2 && !recipe.starts_with("make") && recipe.find("__GENKSYMS__") == std::string_view::npos &&
           !(recipe.find(" -c -o ") != std::string_view::npos && recipe.find("-D__KERNEL__") != std::string_view::npos);
}

// Did the command that this recipe notes make what is in the build directory? Behind it stands the command once more,
// in quotes, and the file that it goes to: 'savedcmd_x := gcc ...' > .x.cmd.
bool is_as_noted(std::string_view recipe, const StepFolders& folders) {
    const size_t end = recipe.rfind("' > ");
    if (end == std::string_view::npos)
        return false;
    const size_t name_end = std::min(recipe.find(';', end), recipe.size());
    const fs::path file = folders.build / recipe.substr(end + 4, name_end - end - 4);
    if (!file.string().ends_with(".cmd") || !fs::is_regular_file(file))
        return false;
    const std::string noted = files::read_text(file);
    const size_t assignment = noted.find(" := "), line_end = std::min(noted.find('\n'), noted.size());
    if (assignment == std::string::npos || assignment > line_end)
        return false;
    const std::string_view command = std::string_view(noted).substr(assignment + 4, line_end - assignment - 4);
    std::string_view text = recipe.substr(0, end);
    return text.ends_with(command);
}

constexpr std::string_view steps_header = "klp-build steps 1\n";

} // namespace

std::vector<Step> parse_steps(std::string_view dry_run, const StepFolders& folders) {
    const Reader reader(folders);
    std::vector<Step> steps;
    while (!dry_run.empty()) {
        const std::string recipe = take_recipe(dry_run);
        if (!is_of_interest(recipe))
            continue;
        if (std::optional<Step> step = reader.step_of(read_recipe(recipe)))
            steps.push_back(std::move(*step));
    }
    return steps;
}

std::vector<Step> changed_steps(std::string_view before, std::string_view after, const StepFolders& folders,
                                const std::string& folder) {
    const auto recipes_of = [](std::string_view dry_run) {
        std::set<std::string> recipes;
        while (!dry_run.empty())
            recipes.insert(take_recipe(dry_run));
        return recipes;
    };
    const std::set<std::string> old_recipes = recipes_of(before), new_recipes = recipes_of(after);
    std::string different;
    for (const auto& [list, other] : {std::pair(&old_recipes, &new_recipes), {&new_recipes, &old_recipes}})
        for (const std::string& recipe : *list)
            if (!other->contains(recipe) && !is_as_noted(recipe, folders))
                different += recipe + "\n";
    std::vector<Step> steps = parse_steps(different, folders);
    const std::string below = folders.build.string() + "/" + folder;
    for (Step& step : steps)
        std::erase_if(step.targets, [&](const std::string& target) { return !target.starts_with(below); });
    std::erase_if(steps, [](const Step& step) { return step.targets.empty(); });
    return steps;
}

std::vector<Step> parse_command_file(std::string_view text, const StepFolders& folders) {
    const Reader reader(folders);
    std::string_view rest = text;
    std::string command = take_recipe(rest);
    const size_t name = command.find("cmd_"), assignment = command.find(" := ");
    if (name == std::string::npos || assignment == std::string::npos || name > assignment || !is_of_interest(command))
        return {};
    Recipe recipe{command.substr(assignment + 4), {command.substr(name + 4, assignment - name - 4)}, true};
    std::optional<Step> step = reader.step_of(std::move(recipe));
    if (!step)
        return {};
    // Behind the command: source_TARGET, deps_TARGET.
    reader.add_files(rest, step->inputs);
    std::ranges::sort(step->inputs);
    step->inputs.erase(std::unique(step->inputs.begin(), step->inputs.end()), step->inputs.end());
    std::erase_if(step->inputs, [&](const std::string& file) { return file == step->targets.front(); });
    return {std::move(*step)};
}

std::vector<Step> find_steps(std::string_view dry_run, const StepFolders& folders) {
    std::vector<Step> steps = parse_steps(dry_run, folders);
    std::error_code error;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folders.build, error)) {
        if (entry.path().extension() != ".cmd" || !entry.is_regular_file())
            continue;
        std::ranges::move(parse_command_file(files::read_text(entry.path()), folders), std::back_inserter(steps));
    }
    if (error)
        files::refuse_unread(folders.build, error.value());
    // Words that were no files: folders, and what only looks like a path (in sed's commands).
    const auto is_no_file = [&](const std::string& path) {
        const fs::path folder = fs::path(path).parent_path();
        return fs::is_directory(path) || !(fs::is_directory(folder) ||
                                           fs::is_directory(folders.source / folder.lexically_relative(folders.build)));
    };
    for (Step& step : steps) {
        std::erase_if(step.targets, is_no_file);
        std::erase_if(step.inputs, is_no_file);
    }
    std::erase_if(steps, [](const Step& step) { return step.targets.empty(); });
    // Neither makes that run side by side nor folders have an order.
    std::ranges::sort(steps, {}, [](const Step& step) { return std::tie(step.targets, step.source, step.compile); });
    return steps;
}

std::string write_steps(const std::vector<Step>& steps) {
    std::string text(steps_header);
    for (const Step& step : steps) {
        put_words(text, step.targets);
        put_words(text, step.inputs);
        put_words(text, step.compile);
        put_words(text, {step.source});
    }
    return text;
}

std::vector<Step> read_steps(std::string_view text, const std::string& path) {
    WordLines lines(text, steps_header, path, "list of build steps");
    std::vector<Step> steps;
    while (!lines.at_end()) {
        Step step;
        step.targets = lines.take();
        step.inputs = lines.take();
        step.compile = lines.take();
        std::vector<std::string> source = lines.take();
        if (source.size() != 1)
            lines.refuse();
        step.source = std::move(source.front());
        steps.push_back(std::move(step));
    }
    return steps;
}

std::set<std::string> made_from(const std::set<std::string>& files, std::span<const Step> steps) {
    std::unordered_multimap<std::string_view, const Step*> readers;
    for (const Step& step : steps)
        for (const std::string& input : step.inputs)
            readers.emplace(input, &step);
    std::set<std::string> all = files;
    std::deque<std::string> open(files.begin(), files.end());
    for (; !open.empty(); open.pop_front()) {
        const auto [first, last] = readers.equal_range(open.front());
        for (auto reader = first; reader != last; ++reader)
            for (const std::string& target : reader->second->targets)
                if (all.insert(target).second)
                    open.push_back(target);
    }
    return all;
}

} // namespace klp::kernel
