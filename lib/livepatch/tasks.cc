#include "livepatch/tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <set>
#include <sstream>

namespace klp::livepatch {

namespace {

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// A line is "[<0>] FUNCTION+0xOFFSET/0xSIZE [MODULE]" (fs/proc/base.c, proc_pid_stack()).
std::vector<std::string> read_stack(const System& system, const std::string& task) {
    std::vector<std::string> functions;
    std::istringstream lines(system.text(task + "/stack").value_or(""));
    for (std::string line; std::getline(lines, line);) {
        const size_t begin = line.find("] ");
        if (begin == std::string::npos)
            continue;
        std::string function = line.substr(begin + 2);
        function.resize(std::min(function.size(), function.find_first_of("+ ")));
        functions.push_back(std::move(function));
    }
    return functions;
}

std::optional<std::string> first_of(const std::vector<std::string>& stack, const std::set<std::string>& functions) {
    auto found = std::ranges::find_if(stack, [&](const std::string& name) { return functions.contains(name); });
    return found == stack.end() ? std::nullopt : std::optional(*found);
}

// Calls `visit` with the folder of each thread.
void for_each_task(const System& system,
                   const std::function<void(int process, int thread, const std::string& folder)>& visit) {
    for (const std::string& process : system.names("/proc")) {
        const std::optional<int> process_id = number(process);
        if (!process_id)
            continue;
        for (const std::string& thread : system.names(fmt::format("/proc/{}/task", process)))
            if (const std::optional<int> thread_id = number(thread))
                visit(*process_id, *thread_id, fmt::format("/proc/{}/task/{}", process, thread));
    }
}

Task read_task(const System& system, int process, int thread, const std::string& folder) {
    return {process, thread, system.text(folder + "/comm").value_or(""), read_stack(system, folder), {}};
}

std::set<std::string> functions_of(const LoadedPatch& patch) {
    std::set<std::string> names;
    for (const Object& object : patch.objects)
        for (const Function& function : object.functions)
            names.insert(function.name);
    return names;
}

// A line is "TID COMM FUNCTION" (template/core/README.md); both COMM and a reason in place of the function may hold
// blanks, so the former is asked for by the id.
std::vector<Task> read_blockers(const System& system, const std::string& text) {
    std::vector<Task> tasks;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const size_t blank = line.find(' ');
        const std::optional<int> id = number(std::string_view(line).substr(0, blank));
        if (!id || blank == std::string::npos)
            continue;
        const std::string folder = fmt::format("/proc/{}", *id);
        Task task{0, *id, system.text(folder + "/comm").value_or(""), read_stack(system, folder),
                  line.substr(blank + 1)};
        if (task.name.empty()) // an idle task, or one that is gone by now
            task.name = task.function.substr(0, task.function.find(' '));
        if (task.function.starts_with(task.name))
            task.function.erase(0, std::min(task.function.size(), task.name.size() + 1));
        tasks.push_back(std::move(task));
    }
    return tasks;
}

} // namespace

std::vector<Task> tasks_in_the_way(const System& system, const LoadedPatch& patch) {
    if (patch.state != State::enabling && patch.state != State::disabling)
        return {};
    if (const std::optional<std::string> blockers =
            system.text(fmt::format("{}/{}/blockers", patches_folder, patch.name)))
        return read_blockers(system, *blockers);
    const std::string wanted = patch.state == State::enabling ? "1" : "0";
    const std::set<std::string> functions = functions_of(patch);
    std::vector<Task> tasks;
    for_each_task(system, [&](int process, int thread, const std::string& folder) {
        const std::optional<std::string> state = system.text(folder + "/patch_state");
        if (!state || state->empty() || *state == wanted || *state == "-1")
            return;
        Task task = read_task(system, process, thread, folder);
        task.function = first_of(task.stack, functions).value_or("");
        tasks.push_back(std::move(task));
    });
    return tasks;
}

std::vector<Task> tasks_inside(const System& system, const std::vector<std::string>& functions) {
    const std::set<std::string> wanted(functions.begin(), functions.end());
    std::vector<Task> tasks;
    for_each_task(system, [&](int process, int thread, const std::string& folder) {
        Task task = read_task(system, process, thread, folder);
        if (std::optional<std::string> function = first_of(task.stack, wanted)) {
            task.function = std::move(*function);
            tasks.push_back(std::move(task));
        }
    });
    return tasks;
}

} // namespace klp::livepatch
