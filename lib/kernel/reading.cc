#include "kernel/reading.h"

#include "files/text.h"
#include "host/parallel.h"
#include "host/process.h"
#include "kernel/compile.h"
#include "kernel/generate.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace klp::kernel {

namespace {

// The command with its result on standard output.
host::Command reading_command(const std::vector<std::string>& argv, const Target& target) {
    host::Command command{.argv = {}, .directory = target.build};
    const bool is_assembling = std::ranges::find(argv, "-S") != argv.end();
    for (size_t i = 0; i < argv.size(); ++i) {
        if (argv[i] == "-o")
            ++i;
        else if (argv[i] != "-c" && argv[i] != "-E" && !argv[i].starts_with("-Wp,-M"))
            command.argv.push_back(argv[i]);
    }
    std::vector<std::string> more = {"-E", "-P", "-w"};
    if (is_assembling)
        more = {"-g0", "-w", "-o", "-"};
    command.argv.insert(command.argv.begin() + 1, more.begin(), more.end());
    if (is_assembling) // the last one counts
        command.argv.emplace_back("-g0");
    return host::enclose(std::move(command), target.compiler.system);
}

// Lines that are about the text and not of it.
bool is_remark(std::string_view line) {
    const size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos)
        return true;
    line.remove_prefix(begin);
    for (const std::string_view word : {"#", ".file", ".ident", ".loc"})
        if (line.starts_with(word))
            return true;
    return false;
}

std::string_view take_line(std::string_view& text) {
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!is_remark(line))
            return line;
    }
    return {};
}

std::optional<std::string> first_difference(std::string_view before, std::string_view after) {
    constexpr size_t most = 120;
    while (!before.empty() || !after.empty()) {
        const std::string_view old_line = take_line(before), new_line = take_line(after);
        if (old_line == new_line)
            continue;
        const std::string_view shown = new_line.empty() ? old_line : new_line;
        const size_t begin = std::min(shown.find_first_not_of(" \t"), shown.size());
        return std::string(shown.substr(begin, most));
    }
    return std::nullopt;
}

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

} // namespace

std::vector<std::optional<std::string>> differences(const Target& target, const std::filesystem::path& patched_source,
                                                    const std::vector<Reading>& readings, unsigned jobs) {
    std::vector<std::optional<std::string>> found(readings.size());
    host::parallel_for(readings.size(), jobs, [&](size_t i) {
        host::Outcome before = host::run(reading_command(readings[i].argv, target));
        if (before.status != 0 && !readings[i].goal.empty()) {
            BuildUnit unit;
            unit.object = readings[i].goal;
            generate_for(target, {&unit, 1}, 1);
            before = host::run(reading_command(readings[i].argv, target));
        }
        host::Outcome after =
            host::run(reading_command(in_patched_tree(readings[i].argv, target, patched_source), target));
        if (before.status != 0 || after.status != 0) {
            found[i] = first_line(before.status != 0 ? before.errors : after.errors);
            return;
        }
        found[i] =
            first_difference(before.output, files::replaced(std::move(after.output), patched_source.string() + "/",
                                                            target.source.string() + "/"));
    });
    return found;
}

} // namespace klp::kernel
