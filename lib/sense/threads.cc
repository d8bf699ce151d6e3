#include "sense/threads.h"

#include "verify/module_code.h"

#include <algorithm>
#include <array>
#include <set>

namespace klp::sense {

namespace {

using verify::ModuleFunction;

// The thread's function is the first argument.
constexpr std::array creators{std::string_view("kthread_create_on_node"), std::string_view("kthread_create_on_cpu"),
                              std::string_view("kthread_run_on_cpu"),     std::string_view("kernel_thread"),
                              std::string_view("user_mode_thread"),       std::string_view("vhost_task_create"),
                              std::string_view("create_io_thread")};
constexpr std::string_view question = "kthread_should_";

bool is_creator(std::string_view name) {
    return std::ranges::find(creators, name) != creators.end();
}

bool starts_threads(const elf::Object& unit) {
    return std::ranges::any_of(unit.symbols(), [](const elf::Symbol& symbol) { return is_creator(symbol.name); });
}

bool asks_by_itself(const ModuleFunction& function) {
    return std::ranges::any_of(function.calls,
                               [](const verify::Call& call) { return call.callee.starts_with(question); });
}

// By name, those that are handed over.
std::set<std::string_view> thread_functions(const elf::Object& unit) {
    const verify::ModuleCode code(unit);
    std::set<std::string_view> names;
    for (const ModuleFunction& function : code.functions())
        for (const verify::Call& call : function.calls)
            if (is_creator(call.callee) && call.arguments[0].address)
                if (const ModuleFunction* thread = code.find(*call.arguments[0].address);
                    thread && !asks_by_itself(*thread))
                    names.insert(thread->name);
    return names;
}

} // namespace

std::vector<report::Finding> find_thread_functions(const std::string& source, const elf::Object& original,
                                                   const std::vector<std::string>& changed) {
    std::vector<report::Finding> findings;
    if (changed.empty() || !starts_threads(original))
        return findings;
    const std::set<std::string_view> threads = thread_functions(original);
    for (const std::string& function : changed)
        if (threads.contains(function))
            findings.push_back(
                {"sense.blocks-transition", report::Severity::warning, source, function,
                 "a kernel thread is started with it and is in it for as long as it lives: the transition "
                 "waits for that thread to end",
                 "patch a function that is called from the loop instead"});
    return findings;
}

} // namespace klp::sense
