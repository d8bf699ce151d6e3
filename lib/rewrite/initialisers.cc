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
// workqueue.h, timer.h, hrtimer.h, kref.h, xarray.h, idr.h, skbuff.h, rbtree.h (a node of zeros counts as one in a
// tree), list_nulls.h, percpu-refcount.h, kfifo.h
constexpr std::array<Row, 26> rows = {{{"mutex", "mutex_init"},
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
                                       {"hrtimer", ""},
                                       {"rb_node", "RB_CLEAR_NODE"},
                                       {"hlist_nulls_head", ""},
                                       {"percpu_ref", ""},
                                       {"__kfifo", ""}}};

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

constexpr std::array<std::string_view, 18> others = {
    "INIT_WORK",       "INIT_DELAYED_WORK",    "timer_setup",           "hrtimer_init",    "hrtimer_setup",
    "INIT_RCU_WORK",   "INIT_DEFERRABLE_WORK", "init_irq_work",         "tasklet_setup",   "seqcount_spinlock_init",
    "xa_init_flags",   "seqcount_mutex_init",  "INIT_HLIST_NULLS_HEAD", "INIT_HLIST_HEAD", "INIT_HLIST_NODE",
    "init_llist_head", "seqcount_init",        "init_rcu_head"};

constexpr std::array<std::string_view, 4> leaving_zero = {"INIT_HLIST_HEAD", "INIT_HLIST_NODE", "init_llist_head",
                                                          "init_rcu_head"};

// include/linux: atomic.h, refcount.h
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> constants = {
    {{"atomic_set", "ATOMIC_INIT"},
     {"atomic64_set", "ATOMIC64_INIT"},
     {"atomic_long_set", "ATOMIC_LONG_INIT"},
     {"refcount_set", "REFCOUNT_INIT"}}};

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

struct Parts {
    // `is_own`: the author of the structure around it is the one who makes it ready, and nobody else's bytes are there.
    void add(clang::QualType type, UnreadyPart part, bool is_own) {
        if (const clang::ArrayType* array = type->getAsArrayTypeUnsafe()) {
            // Of an array in an array, or one without a length, a loop is not all there is to it.
            const bool is_one = !part.array && array->isConstantArrayType();
            part.array = part.path;
            part.path += "[at]";
            add(array->getElementType(), std::move(part), is_own && is_one);
            return;
        }
        const clang::RecordDecl* record = type->getAsRecordDecl();
        if (!record)
            return;
        if (const Row* row = row_of(*record)) {
            part.type = type.getAsString();
            if (is_own)
                part.initialiser = row->initialiser;
            found.push_back(std::move(part));
            return;
        }
        const clang::RecordDecl* definition = record->getDefinition();
        if (!definition)
            return;
        for (const clang::FieldDecl* field : definition->fields()) {
            UnreadyPart inner = part;
            if (!field->getName().empty())
                inner.path.append(1, '.').append(field->getName());
            add(field->getType(), std::move(inner), is_own && tag_of(*record).empty() && !record->isUnion());
        }
    }
    std::vector<UnreadyPart> found;
};

} // namespace

bool is_initialiser(std::string_view name) {
    return std::ranges::find(others, name) != others.end() ||
           std::ranges::any_of(rows, [&](const Row& row) { return !name.empty() && row.initialiser == name; });
}

bool leaves_zero(std::string_view initialiser) {
    return std::ranges::find(leaving_zero, initialiser) != leaving_zero.end();
}

std::string_view constant_for(std::string_view function) {
    const auto found = std::ranges::find(constants, function, &std::pair<std::string_view, std::string_view>::first);
    return found == constants.end() ? std::string_view() : found->second;
}

std::vector<UnreadyPart> unready_parts(clang::QualType type) {
    Parts parts;
    parts.add(type, {}, true);
    return std::move(parts.found);
}

std::optional<Deferred> deferred(clang::QualType type) {
    const clang::RecordDecl* record = record_of(type);
    const auto found = record ? std::ranges::find(late, tag_of(*record), &Late::type) : late.end();
    return found == late.end() ? std::nullopt : std::optional(found->how);
}

} // namespace klp::rewrite
