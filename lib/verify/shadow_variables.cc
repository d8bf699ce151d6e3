#include "verify/shadow_variables.h"

#include "verify/groups.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace klp::verify {

namespace {

// include/linux/livepatch.h: klp_shadow_alloc(obj, id, size, gfp_flags, ctor, ctor_data), klp_shadow_free(obj, id,
// dtor), klp_shadow_free_all(id, dtor).
constexpr size_t id_at = 1;
constexpr size_t size_at = 2;
constexpr size_t constructor_at = 4;
constexpr size_t free_all_id_at = 0;

bool allocates(const Call& call) {
    return call.callee == "klp_shadow_alloc" || call.callee == "klp_shadow_get_or_alloc";
}

void read(const ModuleFunction& function, const Call& call, ShadowVariables& found) {
    const bool is_free = call.callee == "klp_shadow_free", is_free_all = call.callee == "klp_shadow_free_all";
    if (!allocates(call) && !is_free && !is_free_all)
        return;
    const std::optional<uint64_t> id = call.arguments[is_free_all ? free_all_id_at : id_at].constant;
    if (!id) {
        found.has_unknown_free = found.has_unknown_free || is_free || is_free_all;
        return;
    }
    ShadowUse& use = found.by_id[*id];
    use.is_freed = use.is_freed || is_free;
    use.is_all_freed = use.is_all_freed || is_free_all;
    if (!allocates(call))
        return;
    use.allocated_by = function.name;
    if (call.arguments[size_at].constant)
        use.sizes.insert(*call.arguments[size_at].constant);
    if (call.arguments[constructor_at].address)
        use.constructors.push_back(*call.arguments[constructor_at].address);
}

// ---- constructors ----

// Beginnings of the names of what may sleep (might_sleep(), include/linux/kernel.h).
constexpr std::array sleeping{std::string_view("mutex_lock"),       std::string_view("down_read"),
                              std::string_view("down_write"),       std::string_view("down_interruptible"),
                              std::string_view("msleep"),           std::string_view("usleep_range"),
                              std::string_view("schedule"),         std::string_view("wait_for_completion"),
                              std::string_view("__might_sleep"),    std::string_view("__cond_resched"),
                              std::string_view("synchronize_rcu"),  std::string_view("vmalloc"),
                              std::string_view("vzalloc"),          std::string_view("_copy_from_user"),
                              std::string_view("_copy_to_user"),    std::string_view("flush_work"),
                              std::string_view("cancel_work_sync"), std::string_view("kthread_create")};

// Allocators, and which argument their flags are.
struct Allocator {
    std::string_view begin;
    size_t flags_at;
};
constexpr std::array allocators{Allocator{"__kmalloc", 1},        Allocator{"kmalloc_trace", 1},
                                Allocator{"kmem_cache_alloc", 1}, Allocator{"__get_free_pages", 0},
                                Allocator{"get_zeroed_page", 0},  Allocator{"kmalloc_large", 1},
                                Allocator{"__alloc_pages", 0},    Allocator{"kstrdup", 1}};
constexpr uint64_t direct_reclaim = 0x400; // include/linux/gfp_types.h, ___GFP_DIRECT_RECLAIM: may wait

bool may_sleep(const Call& call) {
    if (std::ranges::any_of(sleeping, [&](std::string_view begin) { return call.callee.starts_with(begin); }))
        return true;
    return std::ranges::any_of(allocators, [&](const Allocator& allocator) {
        const std::optional<uint64_t> flags = call.arguments[allocator.flags_at].constant;
        return call.callee.starts_with(allocator.begin) && flags && (*flags & direct_reclaim);
    });
}

void check_constructor(const ModuleCode& code, const Location& constructor, Verdict& verdict) {
    for (const ModuleFunction* function : code.run_by(constructor))
        for (const Call& call : function->calls)
            if (may_sleep(call))
                return verdict.add(
                    "sense.shadow-constructor", function->name,
                    fmt::format("it is, or is called by, the constructor of a shadow variable, and calls "
                                "{}()",
                                call.callee));
}

void check_freeing(uint64_t id, const ShadowUse& use, Verdict& verdict) {
    if (use.allocated_by.empty() || (use.is_freed && use.is_all_freed))
        return;
    const char* what = use.is_all_freed
                           ? "no klp_shadow_free() takes it away with its object: another object at the same "
                             "address would find it"
                       : use.is_freed ? "no klp_shadow_free_all() takes away what is left when the patch is disabled"
                                      : "nothing frees it";
    verdict.add("sense.shadow-leak", use.allocated_by,
                fmt::format("it allocates shadow variable {:#x}, and {}", id, what));
}

} // namespace

ShadowVariables read_shadow_variables(const ModuleCode& code) {
    ShadowVariables found;
    for (const ModuleFunction& function : code.functions())
        for (const Call& call : function.calls)
            read(function, call, found);
    return found;
}

void check_shadow_variables(const ModuleCode& code, Verdict& verdict) {
    const ShadowVariables variables = read_shadow_variables(code);
    for (const auto& [id, use] : variables.by_id) {
        if (use.sizes.size() > 1)
            verdict.add("sense.shadow-size", use.allocated_by,
                        fmt::format("shadow variable {:#x} has {} bytes", id, fmt::join(use.sizes, " and ")));
        for (const Location& constructor : use.constructors)
            check_constructor(code, constructor, verdict);
        if (!variables.has_unknown_free)
            check_freeing(id, use, verdict);
    }
}

} // namespace klp::verify
