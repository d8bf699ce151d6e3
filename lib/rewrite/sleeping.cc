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
constexpr std::array<std::string_view, 40> sleepers = {"mutex_lock",
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
                                                       "rcu_barrier",
                                                       "flush_workqueue",
                                                       "kthread_stop",
                                                       "usleep_range",
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

// What scope-based guards (include/linux/cleanup.h and the DEFINE_GUARD()s) take, by class.
constexpr std::array<std::string_view, 8> sleeping_classes = {
    "mutex", "mutex_intr", "mutex_kill", "rwsem_read", "rwsem_write", "rwsem_read_intr", "device", "rtnl"};
constexpr std::array<std::string_view, 10> atomic_classes = {
    "spinlock", "raw_spinlock", "read_lock", "write_lock", "irq", "irqsave", "preempt", "migrate", "rcu", "srcu"};

struct Around {
    bool is_guarded = false; // at the place
    bool sleeps = false;     // anywhere, where it may
};

class Reader {
public:
    Reader(std::string_view body, size_t offset) : body_(body), offset_(offset) {}

    Around run() {
        for (size_t at = 0; at < body_.size();) {
            if (const size_t behind = behind_text(body_, at); behind != at) {
                at = behind;
                continue;
            }
            if (!is_letter(body_[at])) {
                read_brace(body_[at++]);
                continue;
            }
            const size_t begin = at;
            while (at < body_.size() && is_letter(body_[at]))
                ++at;
            read_word(body_.substr(begin, at - begin), at);
            if (begin <= offset_)
                around_.is_guarded = !guarded_.empty() || !scopes_.empty();
        }
        return around_;
    }

private:
    void read_brace(char c) {
        depth_ += c == '{';
        if (c != '}' || depth_ == 0)
            return;
        while (!scopes_.empty() && scopes_.back() >= depth_)
            scopes_.pop_back();
        --depth_;
    }

    void read_word(std::string_view word, size_t behind) {
        if (word == "guard" || word == "scoped_guard") {
            read_class(word == "guard" ? depth_ : depth_ + 1, behind);
        } else if (is_of(word, guards)) {
            guarded_.push_back(depth_);
        } else if (is_of(word, ends)) {
            if (!guarded_.empty() && depth_ <= guarded_.back())
                guarded_.pop_back();
        } else {
            around_.sleeps |=
                guarded_.empty() && scopes_.empty() && std::ranges::find(sleepers, word) != sleepers.end();
        }
    }

    // `guard(mutex)(&m)`: until the end of the block at `depth`.
    void read_class(size_t depth, size_t behind) {
        const size_t begin = body_.find_first_not_of("( \t\n", behind);
        if (begin == std::string_view::npos)
            return;
        size_t end = begin;
        while (end < body_.size() && is_letter(body_[end]))
            ++end;
        const std::string_view name = body_.substr(begin, end - begin);
        if (std::ranges::find(sleeping_classes, name) != sleeping_classes.end())
            around_.sleeps |= guarded_.empty() && scopes_.empty();
        else if (is_of(name, atomic_classes))
            scopes_.push_back(depth);
    }

    std::string_view body_;
    size_t offset_;
    std::vector<size_t> guarded_; // the depth of the block that each guard was taken in
    std::vector<size_t> scopes_;  // the same, of those that end with their block
    size_t depth_ = 0;
    Around around_;
};

} // namespace

Context context_at(std::string_view body, size_t offset) {
    const Around around = Reader(body, offset).run();
    return around.sleeps && !around.is_guarded ? Context::may_sleep : Context::atomic;
}

bool is_free_at(std::string_view body, size_t offset) {
    return !Reader(body, offset).run().is_guarded;
}

} // namespace klp::rewrite
