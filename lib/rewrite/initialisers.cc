#include "rewrite/initialisers.h"

#include <clang/AST/Decl.h>

#include <algorithm>
#include <array>

namespace klp::rewrite {

namespace {

struct Row {
    std::string_view type;        // tag of the structure
    std::string_view initialiser; // of its address and nothing else; empty if there is more to say
};

// include/linux: mutex.h, spinlock_types.h, rwlock_types.h, seqlock.h, rwsem.h, types.h, wait.h, swait.h, completion.h,
// workqueue.h, timer.h, hrtimer.h, kref.h, xarray.h, idr.h, skbuff.h, percpu_counter.h
constexpr std::array<Row, 22> rows = {{{"mutex", "mutex_init"},
                                       {"spinlock", "spin_lock_init"},
                                       {"raw_spinlock", "raw_spin_lock_init"},
                                       {"rw_semaphore", "init_rwsem"},
                                       {"list_head", "INIT_LIST_HEAD"},
                                       {"wait_queue_head", "init_waitqueue_head"},
                                       {"swait_queue_head", "init_swait_queue_head"},
                                       {"completion", "init_completion"},
                                       {"kref", "kref_init"},
                                       {"xarray", "xa_init"},
                                       {"ida", "ida_init"},
                                       {"idr", "idr_init"},
                                       {"sk_buff_head", "skb_queue_head_init"},
                                       {"seqlock_t", "seqlock_init"},
                                       {"rwlock_t", "rwlock_init"},
                                       {"work_struct", ""},
                                       {"delayed_work", ""},
                                       {"timer_list", ""},
                                       {"rcu_work", ""},
                                       {"irq_work", ""},
                                       {"tasklet_struct", ""},
                                       {"hrtimer", ""}}};

struct Late {
    std::string_view type; // tag of the structure
    Deferred how;
};

// include/linux: workqueue.h, timer.h, hrtimer.h, irq_work.h, interrupt.h, types.h
constexpr std::array<Late, 8> late = {{{"work_struct", {false, true, "cancel_work_sync"}},
                                       {"rcu_work", {true, true, ""}},
                                       {"delayed_work", {false, false, "cancel_delayed_work_sync"}},
                                       {"timer_list", {false, false, "del_timer_sync"}},
                                       {"hrtimer", {false, false, "hrtimer_cancel"}},
                                       {"irq_work", {false, false, "irq_work_sync"}},
                                       {"tasklet_struct", {false, false, "tasklet_kill"}},
                                       {"callback_head", {true, false, ""}}}};

constexpr std::array<std::string_view, 20> others = {
    "INIT_WORK",           "INIT_DELAYED_WORK",    "timer_setup",   "hrtimer_init",    "hrtimer_setup",
    "INIT_RCU_WORK",       "INIT_DEFERRABLE_WORK", "init_irq_work", "tasklet_setup",   "seqcount_spinlock_init",
    "seqcount_mutex_init", "atomic_set",           "atomic64_set",  "atomic_long_set", "refcount_set",
    "INIT_HLIST_HEAD",     "xa_init_flags",        "seqcount_init", "init_rcu_head",   "mutex_init"};

const clang::RecordDecl* record_of(clang::QualType type) {
    return type->getBaseElementTypeUnsafe()->getAsRecordDecl();
}

std::string_view tag_of(const clang::RecordDecl& record) {
    const clang::TypedefNameDecl* alias = record.getTypedefNameForAnonDecl();
    return alias ? alias->getName() : record.getName();
}

const Row* row_of(const clang::RecordDecl& record) {
    const auto found = std::ranges::find(rows, tag_of(record), &Row::type);
    return found == rows.end() ? nullptr : &*found;
}

} // namespace

bool is_initialiser(std::string_view name) {
    return std::ranges::find(others, name) != others.end() ||
           std::ranges::any_of(rows, [&](const Row& row) { return !name.empty() && row.initialiser == name; });
}

bool needs_initialiser(clang::QualType type) {
    const clang::RecordDecl* record = record_of(type);
    if (!record)
        return false;
    if (row_of(*record))
        return true;
    const clang::RecordDecl* definition = record->getDefinition();
    return definition && std::ranges::any_of(definition->fields(), [](const clang::FieldDecl* field) {
               return needs_initialiser(field->getType());
           });
}

std::optional<std::string> initialiser_of(clang::QualType type) {
    const clang::RecordDecl* record = type->getAsRecordDecl();
    const Row* row = record ? row_of(*record) : nullptr;
    if (!row || row->initialiser.empty())
        return std::nullopt;
    return std::string(row->initialiser);
}

std::optional<Deferred> deferred(clang::QualType type) {
    const clang::RecordDecl* record = record_of(type);
    const auto found = record ? std::ranges::find(late, tag_of(*record), &Late::type) : late.end();
    return found == late.end() ? std::nullopt : std::optional(found->how);
}

} // namespace klp::rewrite
