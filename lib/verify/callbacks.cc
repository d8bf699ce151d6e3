// What the callbacks of a patch do (Documentation/livepatch/callbacks.rst).
#include "verify/groups.h"
#include "verify/module_code.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace klp::verify {

namespace {

using elf::CallbackKind;

// What leaves nothing behind: messages, and what compilers and the kernel's build put into every function.
constexpr std::array quiet{
    std::string_view("_printk"),     std::string_view("printk"),     std::string_view("__dynamic_"),
    std::string_view("_dev_"),       std::string_view("__fentry__"), std::string_view("__x86_"),
    std::string_view("__stack_chk"), std::string_view("dump_stack"), std::string_view("__sanitizer_"),
    std::string_view("mcount"),      std::string_view("strcmp"),     std::string_view("__warn")};

bool is_quiet(const Call& call) {
    return std::ranges::any_of(quiet, [&](std::string_view begin) { return call.callee.starts_with(begin); });
}

// The first function on the way of `callback` that changes anything.
const ModuleFunction* changes_something(const ModuleCode& code, const PatchCallback& callback) {
    for (const ModuleFunction* function : code.reached_from(callback.function))
        if (function->writes_memory || !std::ranges::all_of(function->calls, is_quiet))
            return function;
    return nullptr;
}

// One that changes nothing itself, as the empty one that `--rewrite` writes for the author to fill in, takes nothing
// back.
bool is_undone(const Patch& patch, const ModuleCode& code, const PatchCallback& callback) {
    return std::ranges::any_of(patch.callbacks, [&](const PatchCallback& other) {
        const bool undoes = other.kind == CallbackKind::pre_unpatch || other.kind == CallbackKind::post_unpatch;
        return undoes && other.object == callback.object && changes_something(code, other);
    });
}

void check_undo(const Subject& subject, const ModuleCode& code, Verdict& verdict) {
    for (const PatchCallback& callback : subject.patch.callbacks) {
        const bool does = callback.kind == CallbackKind::pre_patch || callback.kind == CallbackKind::post_patch;
        const ModuleFunction* function = does ? changes_something(code, callback) : nullptr;
        if (function && !is_undone(subject.patch, code, callback))
            verdict.add("sense.callback-undo", function->name,
                        fmt::format("a callback of {} calls it, or it is that callback: what it changes stays when the "
                                    "patch is disabled",
                                    callback.object));
    }
}

// template/core/kernel/livepatch/module.c is a module notifier, and calls callbacks from there: the chain's lock is
// held.
void check_notifiers(const Subject& subject, const ModuleCode& code, Verdict& verdict) {
    if (subject.runtime != elf::Runtime::core)
        return;
    for (const PatchCallback& callback : subject.patch.callbacks)
        for (const ModuleFunction* function : code.reached_from(callback.function))
            for (const Call& call : function->calls)
                if (call.callee == "register_module_notifier" || call.callee == "unregister_module_notifier")
                    verdict.add("sense.callback-notifier", function->name,
                                fmt::format("a callback of {} leads to {}()", callback.object, call.callee));
}

} // namespace

void check_callbacks(const Subject& subject, const ModuleCode& code, Verdict& verdict) {
    check_undo(subject, code, verdict);
    check_notifiers(subject, code, verdict);
}

} // namespace klp::verify
