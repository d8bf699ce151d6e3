#include "source/primitives.h"

#include "source/name_verbs.h"
#include "source/words.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace klp::source {

namespace {

using Does = PrimitiveUse::Does;

// What tells two objects of one kind apart.
enum class Key : uint8_t {
    argument, // the member or variable: locks and counters are of many kinds
    none      // the kind alone: the lock is the only one, or two functions have two names for the object
};

// Every name that begins so, up to variants (spin_lock_irqsave, mutex_lock_nested).
struct Row {
    std::string_view begin; // of the primitive's name
    Does does;
    std::string_view kind;
    Key key;
};

// The longest beginning counts. include/linux/{mutex,spinlock,rwsem,semaphore,refcount,kref,atomic,...}.h
constexpr std::array rows{
    Row{"mutex_lock", Does::locks, "mutex", Key::argument},
    Row{"mutex_trylock", Does::locks, "mutex", Key::argument},
    Row{"mutex_unlock", Does::unlocks, "mutex", Key::argument},
    Row{"spin_lock", Does::locks, "spinlock", Key::argument},
    Row{"spin_trylock", Does::locks, "spinlock", Key::argument},
    Row{"spin_unlock", Does::unlocks, "spinlock", Key::argument},
    Row{"raw_spin_lock", Does::locks, "spinlock", Key::argument},
    Row{"raw_spin_trylock", Does::locks, "spinlock", Key::argument},
    Row{"raw_spin_unlock", Does::unlocks, "spinlock", Key::argument},
    Row{"read_lock", Does::locks, "rwlock", Key::argument},
    Row{"read_unlock", Does::unlocks, "rwlock", Key::argument},
    Row{"write_lock", Does::locks, "rwlock", Key::argument},
    Row{"write_unlock", Does::unlocks, "rwlock", Key::argument},
    Row{"down_read", Does::locks, "semaphore", Key::argument},
    Row{"up_read", Does::unlocks, "semaphore", Key::argument},
    Row{"down_write", Does::locks, "semaphore", Key::argument},
    Row{"up_write", Does::unlocks, "semaphore", Key::argument},
    Row{"rtnl_lock", Does::locks, "rtnl", Key::none},
    Row{"rtnl_trylock", Does::locks, "rtnl", Key::none},
    Row{"rtnl_unlock", Does::unlocks, "rtnl", Key::none},
    Row{"rtnl_net_lock", Does::locks, "rtnl", Key::none}, // takes rtnl_lock()
    Row{"rtnl_net_trylock", Does::locks, "rtnl", Key::none},
    Row{"rtnl_net_unlock", Does::unlocks, "rtnl", Key::none},
    Row{"lock_sock", Does::locks, "socket lock", Key::none},
    Row{"bh_lock_sock", Does::locks, "socket spinlock", Key::none},
    Row{"bh_unlock_sock", Does::unlocks, "socket spinlock", Key::none},
    Row{"release_sock", Does::unlocks, "socket lock", Key::none},
    Row{"inode_lock", Does::locks, "inode lock", Key::none},
    Row{"inode_unlock", Does::unlocks, "inode lock", Key::none},
    Row{"device_lock", Does::locks, "device lock", Key::none},
    Row{"device_unlock", Does::unlocks, "device lock", Key::none},
    Row{"folio_lock", Does::locks, "folio lock", Key::none},
    Row{"folio_unlock", Does::unlocks, "folio lock", Key::none},
    Row{"mmap_read_lock", Does::locks, "mmap lock", Key::none},
    Row{"mmap_read_unlock", Does::unlocks, "mmap lock", Key::none},
    Row{"mmap_write_lock", Does::locks, "mmap lock", Key::none},
    Row{"mmap_write_unlock", Does::unlocks, "mmap lock", Key::none},

    Row{"refcount_inc", Does::gets, "count", Key::argument},
    Row{"refcount_dec", Does::puts, "count", Key::argument},
    Row{"kref_get", Does::gets, "count", Key::argument},
    Row{"kref_put", Does::puts, "count", Key::argument},
    Row{"atomic_inc", Does::gets, "count", Key::argument},
    Row{"atomic_dec", Does::puts, "count", Key::argument},
    Row{"atomic_long_inc", Does::gets, "count", Key::argument},
    Row{"atomic_long_dec", Does::puts, "count", Key::argument},
    Row{"percpu_ref_get", Does::gets, "percpu_ref", Key::argument},
    Row{"percpu_ref_tryget", Does::gets, "percpu_ref", Key::argument},
    Row{"percpu_ref_put", Does::puts, "percpu_ref", Key::argument},
    Row{"get_page", Does::gets, "page", Key::none},
    Row{"put_page", Does::puts, "page", Key::none},
    Row{"folio_get", Does::gets, "page", Key::none},
    Row{"folio_try_get", Does::gets, "page", Key::none},
    Row{"folio_put", Does::puts, "page", Key::none},
    Row{"dget", Does::gets, "dentry", Key::none},
    Row{"dput", Does::puts, "dentry", Key::none},
    Row{"fget", Does::gets, "file", Key::none},
    Row{"get_file", Does::gets, "file", Key::none},
    Row{"fput", Does::puts, "file", Key::none},
    Row{"igrab", Does::gets, "inode", Key::none},
    Row{"ihold", Does::gets, "inode", Key::none},
    Row{"iput", Does::puts, "inode", Key::none},
    Row{"mmgrab", Does::gets, "mm_struct", Key::none},
    Row{"mmdrop", Does::puts, "mm_struct", Key::none},
    Row{"mmget", Does::gets, "mm users", Key::none},
    Row{"mmput", Does::puts, "mm users", Key::none},
    Row{"try_module_get", Does::gets, "module", Key::none},
    Row{"__module_get", Does::gets, "module", Key::none},
    Row{"module_put", Does::puts, "module", Key::none},
    Row{"sock_hold", Does::gets, "sock", Key::none},
    Row{"sock_put", Does::puts, "sock", Key::none},
    Row{"dev_hold", Does::gets, "netdev", Key::none},
    Row{"dev_put", Does::puts, "netdev", Key::none},
    Row{"netdev_hold", Does::gets, "netdev", Key::none},
    Row{"netdev_put", Does::puts, "netdev", Key::none},
    Row{"dst_hold", Does::gets, "dst", Key::none},
    Row{"dst_clone", Does::gets, "dst", Key::none},
    Row{"dst_release", Does::puts, "dst", Key::none},

    // include/linux/{wait,completion}.h
    Row{"wake_up", Does::wakes, "wait queue", Key::argument},
    Row{"complete", Does::wakes, "completion", Key::argument},
    Row{"wait_event", Does::waits, "wait queue", Key::argument},
    Row{"add_wait_queue", Does::waits, "wait queue", Key::argument},
    Row{"__add_wait_queue", Does::waits, "wait queue", Key::argument},
    Row{"prepare_to_wait", Does::waits, "wait queue", Key::argument},
    Row{"wait_for_completion", Does::waits, "completion", Key::argument},
};

// Variants of a lock's name that are no acquisition or another thing.
constexpr std::array other_ends{
    std::string_view("_init"), std::string_view("_is_locked"), std::string_view("_destroy"), std::string_view("_owner"),
    std::string_view("_read"), std::string_view("_set"),       std::string_view("_class")};

const Row* find_row(std::string_view name) {
    const Row* best = nullptr;
    for (const Row& row : rows) {
        // "mutex_lock" and "mutex_lock_nested", not "mutex_locks".
        const bool fits =
            name.starts_with(row.begin) && (name.size() == row.begin.size() || name[row.begin.size()] == '_');
        if (fits && (!best || best->begin.size() < row.begin.size()))
            best = &row;
    }
    const bool is_other = std::ranges::any_of(other_ends, [&](std::string_view end) { return name.ends_with(end); });
    return best && is_other && name != best->begin ? nullptr : best;
}

// "foo_lock" locks a foo, whatever that is, and "foo_unlock" unlocks it.
std::optional<PrimitiveUse> by_name(Words words) {
    const std::string_view name = words[0];
    // A reader of RCU keeps nobody out.
    if (name.find("rcu_") != std::string_view::npos)
        return std::nullopt;
    for (const auto& [end, does] :
         {std::pair(std::string_view("_unlock"), Does::unlocks), std::pair(std::string_view("_lock"), Does::locks)})
        if (name.size() > end.size() && name.ends_with(end))
            return PrimitiveUse{does, std::string(name.substr(0, name.size() - end.size())), std::string(name)};
    return use_by_name(words);
}

// What guard() is told, and the lock that it takes (DEFINE_GUARD and DEFINE_LOCK_GUARD_* in the locks' headers).
struct GuardRow {
    std::string_view begin;
    std::string_view kind;
    Key key;
};
constexpr std::array guards{GuardRow{"mutex", "mutex", Key::argument},
                            GuardRow{"spinlock", "spinlock", Key::argument},
                            GuardRow{"raw_spinlock", "spinlock", Key::argument},
                            GuardRow{"rwsem_", "semaphore", Key::argument},
                            GuardRow{"read_lock", "rwlock", Key::argument},
                            GuardRow{"write_lock", "rwlock", Key::argument},
                            GuardRow{"rtnl", "rtnl", Key::none},
                            GuardRow{"device", "device lock", Key::none}};

// guard(mutex)(&lock) and scoped_guard(mutex, &lock): both ends in one (include/linux/cleanup.h).
std::optional<PrimitiveUse> guard_at(Words words) {
    if (words.size() < 6 || words[1] != "(" || (words[0] != "guard" && words[0] != "scoped_guard"))
        return std::nullopt;
    constexpr size_t guard_argument = 5;        // guard ( mutex ) ( & lock )
    constexpr size_t scoped_guard_argument = 4; // scoped_guard ( mutex , & lock )
    const auto row = std::ranges::find_if(guards, [&](const GuardRow& it) { return words[2].starts_with(it.begin); });
    if (row == guards.end())
        return std::nullopt;
    const size_t argument = words[0] == "guard" ? guard_argument : scoped_guard_argument;
    std::string what(row->kind);
    if (row->key == Key::argument)
        what += ' ' + object_of(words.subspan(argument));
    return PrimitiveUse{Does::locks, std::move(what), std::string(words[0])};
}

bool is_access(std::string_view word) {
    return word == "->" || word == ".";
}

// d->opened++, --d->opened, opened += 2: a member or variable that counts.
std::optional<PrimitiveUse> counting_at(Words words, size_t at) {
    const bool adds = words[at] == "++" || words[at] == "+=";
    if (!adds && words[at] != "--" && words[at] != "-=")
        return std::nullopt;
    auto is_part = [&](size_t part) { return is_identifier(words[part]) || is_access(words[part]); };
    size_t begin = at, end = at + 1;
    while (begin > 0 && is_part(begin - 1))
        --begin;
    if (begin == at)
        for (begin = at + 1; end < words.size() && is_part(end);)
            ++end;
    else
        end = at;
    std::string what;
    for (size_t part = begin; part < end; ++part)
        what += is_access(words[part]) ? std::string(".") : std::string(words[part]);
    const size_t member = what.find('.');
    return PrimitiveUse{adds ? Does::gets : Does::puts,
                        "count " + (member == std::string::npos ? what : "->" + what.substr(member + 1)),
                        std::string(words[at])};
}

// WRITE_ONCE(d->opened, d->opened + 1)
std::optional<PrimitiveUse> stored_count_at(Words words) {
    if (words.size() < 3 || words[0] != "WRITE_ONCE" || words[1] != "(")
        return std::nullopt;
    const auto arguments = arguments_of(words, 1);
    if (!arguments || arguments->size() != 2 || (*arguments)[1].size() != (*arguments)[0].size() + 2)
        return std::nullopt;
    const Words counter = (*arguments)[0], value = (*arguments)[1];
    const std::string_view sign = value[counter.size()];
    if (!std::ranges::equal(counter, value.first(counter.size())) || (sign != "+" && sign != "-"))
        return std::nullopt;
    return PrimitiveUse{sign == "+" ? Does::gets : Does::puts, "count " + object_of(counter), std::string(words[0])};
}

// The use that begins at the first of `words`.
std::optional<PrimitiveUse> use_at(Words words) {
    if (words.size() < 3 || words[1] != "(" || !is_identifier(words[0]))
        return std::nullopt;
    const Row* row = find_row(words[0]);
    if (!row)
        return by_name(words);
    std::string what(row->kind);
    if (row->key == Key::argument)
        what += ' ' + object_of(words.subspan(2));
    const bool is_try = row->does == Does::locks && words[0].find("trylock") != std::string_view::npos;
    return PrimitiveUse{row->does, std::move(what), std::string(words[0]), is_try};
}

} // namespace

std::vector<PrimitiveUse> primitive_uses(std::string_view tokens) {
    const std::vector<std::string_view> words = words_of(tokens);
    std::vector<PrimitiveUse> uses;
    // The function's own name is no call.
    const auto body = std::ranges::find(words, "{");
    for (size_t at = body == words.end() ? 0 : static_cast<size_t>(body - words.begin()); at < words.size(); ++at) {
        const Words rest = Words(words).subspan(at);
        if (std::optional<PrimitiveUse> guard = guard_at(rest)) {
            uses.push_back(*guard);
            uses.push_back({Does::unlocks, guard->what, guard->spelling});
        } else if (std::optional<PrimitiveUse> use = use_at(rest)) {
            uses.push_back(std::move(*use));
        } else if (std::optional<PrimitiveUse> counting = counting_at(words, at)) {
            uses.push_back(std::move(*counting));
        } else if (std::optional<PrimitiveUse> stored = stored_count_at(rest)) {
            uses.push_back(std::move(*stored));
        }
    }
    return uses;
}

std::vector<LockOrder> lock_orders(std::string_view tokens) {
    const std::vector<std::string_view> words = words_of(tokens);
    std::vector<LockOrder> orders;
    std::vector<std::string> held;
    std::vector<std::vector<std::string>> outside; // what is held where each open block begins
    bool leaves = false;                           // the statement returns or jumps
    bool left = false;                             // so did the one before
    for (size_t at = 0; at < words.size(); ++at) {
        const std::string_view word = words[at];
        if (word == "return" || word == "goto" || word == "break" || word == "continue")
            leaves = true;
        if (word == ";") {
            left = leaves;
            leaves = false;
        } else if (word == "{") {
            outside.push_back(held);
            left = false;
        } else if (word == "}" && !outside.empty()) {
            if (left)
                held = outside.back();
            outside.pop_back();
            left = false;
        }
        const std::optional<PrimitiveUse> use = use_at(Words(words).subspan(at));
        if (!use)
            continue;
        if (use->does == Does::locks) {
            // Who only tries does not wait for the one that is held.
            for (const std::string& outer : held)
                if (outer != use->what && !use->is_try)
                    orders.push_back({outer, use->what});
            held.push_back(use->what);
        } else if (use->does == Does::unlocks) {
            if (auto last = std::ranges::find(held, use->what); last != held.end())
                held.erase(last);
        }
    }
    return orders;
}

} // namespace klp::source
