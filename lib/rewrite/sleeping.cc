#include "rewrite/sleeping.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <vector>

namespace klp::rewrite {

namespace {

// Names of the kernel's primitives (include/linux/{mutex,rwsem,gfp_types,uaccess,wait,rcupdate,spinlock,preempt}.h):
// who calls these must be allowed to sleep.
constexpr std::array<std::string_view, 36> sleepers = {"mutex_lock",
                                                       "mutex_lock_interruptible",
                                                       "mutex_lock_killable",
                                                       "mutex_lock_nested",
                                                       "down_read",
                                                       "down_write",
                                                       "down_read_killable",
                                                       "down_write_killable",
                                                       "GFP_KERNEL",
                                                       "GFP_KERNEL_ACCOUNT",
                                                       "GFP_USER",
                                                       "might_sleep",
                                                       "might_fault",
                                                       "cond_resched",
                                                       "schedule",
                                                       "msleep",
                                                       "copy_from_user",
                                                       "copy_to_user",
                                                       "get_user",
                                                       "put_user",
                                                       "copy_to_iter",
                                                       "copy_from_iter",
                                                       "lock_sock",
                                                       "rtnl_lock",
                                                       "inode_lock",
                                                       "synchronize_rcu",
                                                       "synchronize_net",
                                                       "flush_work",
                                                       "cancel_work_sync",
                                                       "cancel_delayed_work_sync",
                                                       "wait_for_completion",
                                                       "wait_event",
                                                       "wait_event_interruptible",
                                                       "wait_event_interruptible_locked_irq",
                                                       "vmalloc",
                                                       "vzalloc"};

constexpr std::array<std::string_view, 13> guards = {
    "spin_lock",      "spin_trylock",     "raw_spin_lock", "read_lock",       "write_lock",
    "rcu_read_lock",  "srcu_read_lock",   "bit_spin_lock", "preempt_disable", "local_irq_disable",
    "local_irq_save", "local_bh_disable", "get_cpu"};
constexpr std::array<std::string_view, 12> ends = {"spin_unlock",       "raw_spin_unlock", "read_unlock",
                                                   "write_unlock",      "rcu_read_unlock", "srcu_read_unlock",
                                                   "bit_spin_unlock",   "preempt_enable",  "local_irq_enable",
                                                   "local_irq_restore", "local_bh_enable", "put_cpu"};

// spin_lock_irqsave() is a spin_lock().
bool is_of(std::string_view word, std::span<const std::string_view> family) {
    return std::ranges::any_of(family, [&](std::string_view name) {
        return word == name || (word.starts_with(name) && word[name.size()] == '_' && !word.ends_with("_init"));
    });
}

bool is_letter(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Behind the comment or string that begins at `at`; `at` itself if none does.
size_t behind_text(std::string_view body, size_t at) {
    if (body.substr(at, 2) == "/*") {
        const size_t end = body.find("*/", at + 2);
        return end == std::string_view::npos ? body.size() : end + 2;
    }
    if (body.substr(at, 2) == "//")
        return std::min(body.find('\n', at), body.size());
    if (body[at] != '"' && body[at] != '\'')
        return at;
    size_t end = at + 1;
    while (end < body.size() && body[end] != body[at])
        end += body[end] == '\\' ? 2 : 1;
    return std::min(end + 1, body.size());
}

} // namespace

Context context_at(std::string_view body, size_t offset) {
    std::vector<size_t> guarded; // the depth of the block that each guard was taken in
    size_t depth = 0;
    bool is_atomic = false, sleeps = false;
    for (size_t at = 0; at < body.size();) {
        if (const size_t behind = behind_text(body, at); behind != at) {
            at = behind;
            continue;
        }
        depth += body[at] == '{';
        depth -= body[at] == '}' && depth > 0;
        if (!is_letter(body[at])) {
            ++at;
            continue;
        }
        const size_t begin = at;
        while (at < body.size() && is_letter(body[at]))
            ++at;
        const std::string_view word = body.substr(begin, at - begin);
        if (is_of(word, guards))
            guarded.push_back(depth);
        else if (is_of(word, ends) && !guarded.empty() && depth <= guarded.back())
            guarded.pop_back();
        sleeps |= guarded.empty() && std::ranges::find(sleepers, word) != sleepers.end();
        if (begin <= offset)
            is_atomic = !guarded.empty();
    }
    return sleeps && !is_atomic ? Context::may_sleep : Context::atomic;
}

} // namespace klp::rewrite
