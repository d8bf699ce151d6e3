#include "kernel/unit.h"

#include "kernel/word_lists.h"
#include "report/finding.h"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_set>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

bool ends_command(char c) {
    return c == ';' || c == '|' || c == '&' || c == '\n' || c == '>' || c == '<' || c == '(';
}

// Reads one word at `at`; shell quoting as in POSIX 2.2, without expansions.
std::string read_word(std::string_view text, size_t& at) {
    std::string word;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (c == ' ' || c == '\t' || ends_command(c))
            break;
        if (c == '\'') {
            const size_t end = std::min(text.find('\'', at + 1), text.size());
            word += text.substr(at + 1, end - at - 1);
            at = end;
        } else if (c == '"') {
            for (++at; at < text.size() && text[at] != '"'; ++at) {
                if (text[at] == '\\' && at + 1 < text.size())
                    ++at;
                word += text[at];
            }
        } else if (c == '\\') {
            if (++at < text.size() && text[at] != '\n')
                word += text[at];
        } else {
            word += c;
        }
    }
    return word;
}

// Calls take(words) for each command until it returns false.
template <typename Take>
void each_command(std::string_view recipe, Take take) {
    std::vector<std::string> words;
    bool is_redirection = false;
    const auto finish = [&] {
        const bool go_on = words.empty() || take(words);
        words.clear();
        is_redirection = false;
        return go_on;
    };
    for (size_t at = 0; at < recipe.size();) {
        const char c = recipe[at];
        if (c == ' ' || c == '\t') {
            ++at;
        } else if (c == '>' || c == '<') {
            is_redirection = true;
            ++at;
        } else if (ends_command(c)) {
            if (!finish())
                return;
            ++at;
        } else {
            const size_t begin = at;
            std::string word = read_word(recipe, at);
            if (at == begin) // a lone character that read_word does not take
                ++at;
            if (!is_redirection)
                words.push_back(std::move(word));
        }
    }
    finish();
}

bool is_source_name(std::string_view name) {
    return name.ends_with(".c") || name.ends_with(".S");
}

// The argument that follows `option`, or "".
std::string_view argument_of(const std::vector<std::string>& words, std::string_view option) {
    const auto found = std::find(words.begin(), words.end(), option);
    return found == words.end() || found + 1 == words.end() ? std::string_view() : std::string_view(*(found + 1));
}

// The text of -DNAME="text", or "".
std::string define_of(const std::vector<std::string>& words, const std::string& name) {
    const std::string start = "-D" + name + "=\"";
    for (const std::string& word : words) {
        if (word.starts_with(start) && word.ends_with('"') && word.size() > start.size())
            return word.substr(start.size(), word.size() - start.size() - 1);
    }
    return {};
}

bool contains(const std::vector<std::string>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::string owner_of(const std::vector<std::string>& words) {
    if (!contains(words, "-DMODULE"))
        return "vmlinux";
    std::string name = define_of(words, "KBUILD_MODFILE");
    name = name.substr(name.rfind('/') + 1);
    if (name.empty())
        name = define_of(words, "KBUILD_MODNAME");
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

bool is_kernel_compile(const std::vector<std::string>& words) {
    return words.size() > 4 && contains(words, "-c") && is_source_name(words.back()) &&
           argument_of(words, "-o").ends_with(".o") && contains(words, "-D__KERNEL__");
}

// Where the program of "objtool/objtool" is named by a path of the build directory.
bool is_objtool_run(const std::vector<std::string>& words, std::string_view object) {
    return words.size() > 1 && words.front().ends_with("objtool/objtool") && words.back() == object &&
           !contains(words, "--link");
}

// Adds the members that a recipe puts into a built-in.a (scripts/Makefile.build): `printf "fs/%s " a.o b.o | xargs ar
// cDPrST fs/built-in.a`, or all of them behind the archive.
void add_members(std::string_view recipe, std::unordered_set<std::string>& members) {
    each_command(recipe, [&](const std::vector<std::string>& words) {
        std::string folder;
        for (const std::string& word : words) {
            if (const size_t place = word.find("%s"); place != std::string::npos)
                folder = word.substr(0, place);
            else if (word.ends_with(".o"))
                members.insert(folder + word);
        }
        return true;
    });
}

constexpr std::string_view units_header = "klp-build units 2\n";

} // namespace

std::vector<std::vector<std::string>> split_recipe(std::string_view recipe) {
    std::vector<std::vector<std::string>> commands;
    each_command(recipe, [&](std::vector<std::string>& words) {
        commands.push_back(std::move(words));
        return true;
    });
    return commands;
}

std::optional<BuildUnit> parse_recipe(std::string_view recipe, const fs::path& source_root) {
    BuildUnit unit;
    // fixdep gets the whole command once more as one word: nothing of interest stands behind it.
    each_command(recipe, [&](std::vector<std::string>& words) {
        if (unit.object.empty() && is_kernel_compile(words)) {
            unit.object = fs::path(argument_of(words, "-o")).lexically_normal().string();
            unit.compile = std::move(words);
        } else if (!unit.object.empty() && is_objtool_run(words, argument_of(unit.compile, "-o"))) {
            unit.objtool = std::move(words);
        }
        return unit.object.empty() || !(words.size() > 0 && words.front().ends_with("fixdep"));
    });
    if (unit.object.empty())
        return std::nullopt;
    const std::string& source = unit.compile.back();
    const std::string root = source_root.string() + "/";
    unit.is_generated = !source.starts_with(root);
    unit.source = fs::path(unit.is_generated ? source : source.substr(root.size())).lexically_normal().string();
    // Modules outside of the kernel's tree have absolute objects.
    if (unit.object.starts_with(root))
        unit.object.erase(0, root.size());
    unit.is_assembly = unit.source.ends_with(".S");
    unit.owner = owner_of(unit.compile);
    return unit;
}

std::vector<BuildUnit> parse_dry_run(std::string_view output, const fs::path& source_root) {
    std::vector<BuildUnit> units;
    std::unordered_set<std::string> members;
    while (!output.empty()) {
        const size_t end = std::min(output.find('\n'), output.size());
        const std::string_view line = output.substr(0, end);
        output.remove_prefix(std::min(end + 1, output.size()));
        if (line.find("/built-in.a") != std::string_view::npos)
            add_members(line, members);
        // A quick look saves splitting the many lines that compile nothing.
        if (line.find(" -c -o ") == std::string_view::npos)
            continue;
        if (std::optional<BuildUnit> unit = parse_recipe(line, source_root))
            units.push_back(std::move(*unit));
    }
    std::sort(units.begin(), units.end(), [](const BuildUnit& a, const BuildUnit& b) { return a.object < b.object; });
    const auto same = [](const BuildUnit& a, const BuildUnit& b) { return a.object == b.object; };
    units.erase(std::unique(units.begin(), units.end(), same), units.end());
    for (BuildUnit& unit : units)
        unit.is_built_in = members.contains(unit.object);
    return units;
}

std::string write_units(const std::vector<BuildUnit>& units) {
    std::string text(units_header);
    for (const BuildUnit& unit : units) {
        put_words(text, {unit.object, unit.source, unit.is_generated ? "generated" : "", unit.owner,
                         unit.is_built_in ? "built-in" : ""});
        put_words(text, unit.compile);
        put_words(text, unit.objtool);
    }
    return text;
}

std::vector<BuildUnit> read_units(std::string_view text, const std::string& path) {
    WordLines lines(text, units_header, path, "list of units");
    std::vector<BuildUnit> units;
    while (!lines.at_end()) {
        std::vector<std::string> head = lines.take();
        if (head.size() != 5)
            lines.refuse();
        BuildUnit unit;
        unit.object = std::move(head[0]);
        unit.source = std::move(head[1]);
        unit.is_generated = head[2] == "generated";
        unit.is_assembly = unit.source.ends_with(".S");
        unit.owner = std::move(head[3]);
        unit.is_built_in = head[4] == "built-in";
        unit.compile = lines.take();
        unit.objtool = lines.take();
        if (unit.compile.empty())
            lines.refuse();
        units.push_back(std::move(unit));
    }
    return units;
}

} // namespace klp::kernel
