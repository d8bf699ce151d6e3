// What a patch does to locks and references that bind functions together.
#include "source/primitives.h"
#include "source/side_by_side.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

using namespace klp::source;
using Kind = SideBySide::Kind;

namespace {

std::vector<SideBySide> compare(const std::string& before, const std::string& after) {
    return compare_side_by_side(split_functions(before), split_functions(after));
}

// The only thing found.
SideBySide only(const std::string& before, const std::string& after) {
    const std::vector<SideBySide> found = compare(before, after);
    REQUIRE(found.size() == 1);
    return found.front();
}

std::string whole(const std::string& text) {
    return split_functions(text).functions.at("f");
}

// Two functions of a driver.
std::string driver(const std::string& open, const std::string& close) {
    return "static int open(struct dev *d) { " + open + " return 0; }\n" + "static void close(struct dev *d) { " +
           close + " }\nconst struct ops ops = { open, close };\n";
}

} // namespace

TEST_CASE("primitives are known by their table, by name pairs, and by what they are for") {
    const auto uses = primitive_uses(whole(
        "void f(struct s *p) { spin_lock_irqsave(&p->wqh.lock, flags); rcu_read_lock(); mutex_is_locked(&p->m); "
        "raw_spin_unlock(&p->list[3].lock); refcount_inc(&p->users); fwnode_handle_put(n); guard(mutex)(&p->mine); }"));
    REQUIRE(uses.size() == 6);
    CHECK(uses[0] == PrimitiveUse{PrimitiveUse::Does::locks, "spinlock ->wqh.lock", "spin_lock_irqsave"});
    CHECK(uses[1] == PrimitiveUse{PrimitiveUse::Does::unlocks, "spinlock ->list.lock", "raw_spin_unlock"});
    CHECK(uses[2] == PrimitiveUse{PrimitiveUse::Does::gets, "count ->users", "refcount_inc"});
    CHECK(uses[3] == PrimitiveUse{PrimitiveUse::Does::puts, "fwnode_handle", "fwnode_handle_put"});
    CHECK(uses[4] == PrimitiveUse{PrimitiveUse::Does::locks, "mutex ->mine", "guard"});
    CHECK(uses[5].does == PrimitiveUse::Does::unlocks);
}

TEST_CASE("the order of locks follows the ways out of a block") {
    CHECK(lock_orders(whole("void f(void) { mutex_lock(&a); mutex_lock(&b); }")) ==
          std::vector<LockOrder>{{"mutex a", "mutex b"}});
    CHECK(lock_orders(whole("void f(void) { mutex_lock(&a); if (x) { mutex_unlock(&a); return; } mutex_lock(&b); }")) ==
          std::vector<LockOrder>{{"mutex a", "mutex b"}});
    CHECK(lock_orders(whole("void f(void) { mutex_lock(&a); if (x) { mutex_unlock(&a); } mutex_lock(&b); }")).empty());
    CHECK(lock_orders(whole("void f(void) { mutex_lock(&a); mutex_unlock(&a); mutex_lock(&b); }")).empty());
}

TEST_CASE("two locks in the other order") {
    const std::string two = "mutex_lock(&d->a); mutex_lock(&d->b); mutex_unlock(&d->b); mutex_unlock(&d->a);";
    const std::string swapped = "mutex_lock(&d->b); mutex_lock(&d->a); mutex_unlock(&d->a); mutex_unlock(&d->b);";
    const SideBySide found = only(driver(two, two), driver(two, swapped));
    CHECK(found.kind == Kind::lock_order);
    CHECK(found.one == "close");
    CHECK(found.what == "mutex ->b, then mutex ->a");
    // Who only tries does not wait.
    CHECK(compare(driver(two, ""), driver(two, "mutex_lock(&d->b); if (mutex_trylock(&d->a)) work();")).empty());
    // A global lock is not the member of that name.
    CHECK(compare(driver("mutex_lock(&m); mutex_lock(&d->m);", ""),
                  driver("mutex_lock(&m); mutex_lock(&d->m); work();", ""))
              .empty());
    // The same order in another function, or another statement between.
    CHECK(compare(driver(two, ""), driver(two, two)).front().kind != Kind::lock_order);
    CHECK(compare(driver(two, two), driver(two, "work(); " + two)).empty());
}

TEST_CASE("a lock that is taken here and released there, or taken in both") {
    const std::string lock = "mutex_lock(&d->m);", unlock = "mutex_unlock(&d->m);";
    const SideBySide split = only(driver("", ""), driver(lock, unlock));
    CHECK(split.kind == Kind::lock_split);
    CHECK(split.one == "open");
    CHECK(split.other == "close");
    const SideBySide added =
        only(driver("work();", "work();"), driver(lock + "work();" + unlock, lock + "work();" + unlock));
    CHECK(added.kind == Kind::lock_added);
    const SideBySide once = only(driver("", "work();"), driver("", lock + "work();" + unlock));
    CHECK(once.kind == Kind::lock_added_once);
    CHECK(once.one == "close");
    // Longer held, held as before.
    CHECK(compare(driver(lock + unlock, ""), driver(lock + "work();" + unlock, "")).empty());
    CHECK(compare(driver(lock, unlock), driver(lock + "work();", unlock)).empty());
}

TEST_CASE("a lock that two functions give up") {
    const std::string locked = "mutex_lock(&d->m); d->x = 0; mutex_unlock(&d->m);";
    const SideBySide removed = only(driver(locked, locked), driver("atomic_set(&d->x, 0);", "atomic_set(&d->x, 0);"));
    CHECK(removed.kind == Kind::lock_removed);
    CHECK(removed.one == "close");
    CHECK(removed.other == "open");
    CHECK(removed.what == "mutex ->m");
    // The same in other words: a guard, a function for it.
    const std::string wrote = "down_write(&root(d)->sem); d->x = 0; up_write(&root(d)->sem);";
    CHECK(compare(driver(wrote, wrote), driver("guard(rwsem_write)(&root(d)->sem); d->x = 0;",
                                               "scoped_guard(rwsem_write, &root(d)->sem) { d->x = 0; }"))
              .empty());
    CHECK(compare(driver(locked, locked),
                  "static void dev_lock(struct dev *d) { mutex_lock(&d->m); }\n"
                  "static void dev_unlock(struct dev *d) { mutex_unlock(&d->m); }\n" +
                      driver("dev_lock(d); d->x = 0; dev_unlock(d);", "dev_lock(d); d->x = 0; dev_unlock(d);"))
              .empty());
    CHECK(compare(driver("rtnl_lock(); work(); rtnl_unlock();", "rtnl_lock(); work(); rtnl_unlock();"),
                  driver("rtnl_net_lock(d->net); work(); rtnl_net_unlock(d->net);",
                         "rtnl_net_lock(d->net); work(); rtnl_net_unlock(d->net);"))
              .empty());
    // One side only; and another lock in its place, of which that is said.
    CHECK(compare(driver(locked, locked), driver("work();", locked)).empty());
    const std::string spun = "spin_lock(&d->s); d->x = 0; spin_unlock(&d->s);";
    CHECK(only(driver(locked, locked), driver(spun, spun)).kind == Kind::lock_added);
    // By a helper, which others call as well.
    const std::string helper =
        "void clear(struct dev *d) { " + locked + " }\nvoid other(struct dev *d) { clear(d); }\n";
    CHECK(compare(helper + driver(locked, locked), helper + driver("clear(d);", "clear(d);")).empty());
    CHECK(compare(helper + driver("clear(d);", "clear(d);"), helper + driver(locked, locked)).empty());
    // The caller's lock, given up for a while.
    const std::string given_up = "mutex_unlock(&d->m); work(); mutex_lock(&d->m);";
    CHECK(compare(driver(given_up, given_up), driver("work();", "work();")).empty());
    CHECK(compare(driver("work();", "work();"), driver(given_up, given_up)).empty());
}

TEST_CASE("a reference that one function takes and another gives back") {
    const SideBySide added = only(driver("", ""), driver("get_device(d->dev);", "put_device(d->dev);"));
    CHECK(added.kind == Kind::count_added);
    CHECK(added.one == "open");
    CHECK(added.other == "close");
    CHECK(added.what == "device");
    CHECK(only(driver("dget(d->x);", "dput(d->x);"), driver("", "")).kind == Kind::count_removed);
    // With an error path.
    CHECK(only(driver("", ""), driver("dget(d->x); if (bad) { dput(d->x); return 1; }", "dput(d->x);")).kind ==
          Kind::count_added);
    CHECK(only(driver("", ""), driver("d->opened++;", "if (!--d->opened) work();")).what == "count ->opened");
    // The same count in another form.
    CHECK(compare(driver("d->opened++;", "d->opened--;"), driver("atomic_inc(&d->opened);", "atomic_dec(&d->opened);"))
              .empty());
    const std::string users = "static atomic_t users;\n";
    CHECK(compare(users + driver("users++;", "users--;"), users + driver("atomic_inc(&users);", "atomic_dec(&users);"))
              .empty());
    CHECK(compare(driver("", ""), driver("for (int i = 0; i < 9; i++) work();", "for (int i = 9; i; i--) work();"))
              .empty());
    // Of another kind, balanced, or one side only: what was missing.
    CHECK(compare(driver("", ""), driver("dget(d->x);", "put_device(d->dev);")).empty());
    CHECK(compare(driver("", ""), driver("dget(d->x); dput(d->x);", "dget(d->x); dput(d->x);")).empty());
    CHECK(compare(driver("dget(d->x);", ""), driver("dget(d->x);", "dput(d->x);")).empty());
    CHECK(compare(driver("atomic_inc(&d->a);", "dput(d->x);"), driver("atomic_inc(&d->a); work();", "dput(d->x);"))
              .empty());
}

TEST_CASE("references and counts by the verbs of names") {
    const std::vector<std::pair<std::string, std::string>> pairs = {
        {"static_branch_inc(&used);", "static_branch_dec(&used);"},
        {"percpu_counter_inc(&nr);", "percpu_counter_dec(&nr);"},
        {"this_cpu_inc(nr);", "this_cpu_dec(nr);"},
        {"atomic_add(2, &nr);", "atomic_sub(2, &nr);"},
        {"atomic64_inc(&nr);", "atomic64_dec(&nr);"},
        {"d->used += size;", "d->used -= size;"},
        {"WRITE_ONCE(d->nr, d->nr + 1);", "WRITE_ONCE(d->nr, d->nr - 1);"},
        {"inc_ucount(ns, uid, TYPE);", "dec_ucount(d->counts, TYPE);"},
        {"pm_runtime_get_sync(d->dev);", "pm_runtime_put(d->dev);"},
        {"mntget(d->m);", "mntput(d->m);"},
        {"bpf_map_inc(d->map);", "bpf_map_put(d->map);"},
        {"fsnotify_get_mark(d->m);", "fsnotify_put_mark(d->m);"}};
    const std::string variables = "static int nr, used;\n";
    for (const auto& [take, give] : pairs) {
        CAPTURE(take);
        CHECK(only(variables + driver("", ""), variables + driver(take, give)).kind == Kind::count_added);
        CHECK(only(variables + driver(take, give), variables + driver("", "")).kind == Kind::count_removed);
    }
    // The same under another name; what stores; a counter that a function now counts for both.
    CHECK(compare(driver("get_net(d->net);", "put_net(d->net);"),
                  driver("get_net_track(d->net, t, GFP_KERNEL);", "put_net_track(d->net, t);"))
              .empty());
    CHECK(compare(driver("", ""), driver("d->x = get_unaligned_be32(p);", "put_unaligned_be32(d->x, p);")).empty());
    CHECK(compare(driver("", ""), driver("get_user(d->x, p);", "put_user(d->x, p);")).empty());
    CHECK(compare(driver("", ""), driver("skb_get(d->skb);", "skb_put(d->skb, 4);")).empty());
    CHECK(
        compare(driver("d->q.len++;", "d->q.len--;"), driver("queue_len_inc(d);", "queue_len_dec(d);")).front().kind ==
        Kind::count_removed);
    CHECK(compare(driver("d->q.len++;", "d->q.len--;"), driver("queue_len_inc(d);", "queue_len_dec(d);")).size() == 1);
}

TEST_CASE("what one function does and another undoes, by the verbs of names") {
    const std::vector<std::pair<std::string, std::string>> pairs = {
        {"sb_start_write(d->sb);", "sb_end_write(d->sb);"},
        {"mnt_want_write(d->m);", "mnt_drop_write(d->m);"},
        {"clk_enable(d->clk);", "clk_disable(d->clk);"},
        {"charge_memory(d->g);", "uncharge_memory(d->g);"},
        {"d->id = ida_alloc(&ids);", "ida_free(&ids, d->id);"},
        {"xa_store(&xa, d->id, d);", "xa_erase(&xa, d->id);"},
        {"set_promiscuity(d->dev, 1);", "set_promiscuity(d->dev, -1);"}};
    for (const auto& [begin, end] : pairs) {
        CAPTURE(begin);
        const SideBySide found = only(driver("", ""), driver(begin, end));
        CHECK(found.kind == Kind::pair_added);
        CHECK(found.one == "open");
        CHECK(found.other == "close");
        CHECK(only(driver(begin, end), driver("", "")).kind == Kind::pair_removed);
        // Each by itself, or only one that was missing.
        CHECK(compare(driver("", ""), driver(begin + end, begin + end)).empty());
        CHECK(compare(driver(begin, ""), driver(begin, end)).empty());
    }
    // Under another name; of two other things; by what has run.
    CHECK(compare(driver("register_netdev(d);", "unregister_netdev(d);"),
                  driver("mctp_register_netdev(d);", "mctp_unregister_netdev(d);"))
              .empty());
    CHECK(compare(driver("", ""), driver("list_add(&d->one, &all);", "list_del(&d->two);")).empty());
    CHECK(compare("static int __init start(void) { return 0; }\nvoid __exit end(void) { }\n",
                  "static int __init start(void) { return register_it(&it); }\nvoid __exit end(void) { "
                  "unregister_it(&it); }\n")
              .empty());
}

TEST_CASE("one waits for what another wakes, and neither did so before") {
    const std::string waits = "wait_event_interruptible(d->more, d->x);", wakes = "d->x = 1; wake_up(&d->more);";
    const SideBySide found = only(driver("", ""), driver(waits, wakes));
    CHECK(found.kind == Kind::wait_added);
    CHECK(found.one == "open");
    CHECK(found.other == "close");
    CHECK(found.what == "wait queue ->more");
    // Somebody was woken before, or the old code wakes nobody else.
    CHECK(compare(driver("", wakes), driver(waits, wakes + wakes)).empty());
    CHECK(compare(driver("", ""), driver("", wakes)).empty());
    CHECK(compare(driver("", ""), driver(waits + wakes, "")).empty());
}

TEST_CASE("helpers are a part of those that call them") {
    const std::string helper = "static void take(struct dev *d) { dget(d->x); }\n";
    // A new one.
    CHECK(only(driver("", ""), helper + driver("take(d);", "dput(d->x);")).one == "open");
    CHECK(compare(driver("", ""), helper + driver("take(d); dput(d->x);", "")).empty());
    // An old one, of which all callers change: one operation.
    const std::string find = "static struct x *find(struct dev *d) { BODY return d->x; }\n";
    const auto with = [&](const std::string& body) {
        std::string text = find;
        return text.replace(text.find("BODY"), 4, body);
    };
    CHECK(compare(with("") + driver("find(d);", "find(d);"),
                  with("dget(d->x);") + driver("find(d); dput(d->x);", "find(d); dput(d->x);"))
              .empty());
    // A new callback: only new code leads to it.
    CHECK(compare(driver("", ""), "static void late(struct rcu_head *h) { dput(h->x); }\n" +
                                      driver("dget(d->x); call_rcu(&d->h, late);", ""))
              .empty());
}

TEST_CASE("a lock that a helper takes by a shorter path was taken before") {
    const std::string old_work = "static void work(struct fid *f) { spin_lock(&f->tcon->tc_lock); f->n = 0; "
                                 "spin_unlock(&f->tcon->tc_lock); }\n",
                      new_work = "static void work(struct fid *f) { clear(f->tcon, f); }\n",
                      helper = "static void clear(struct tcon *tcon, struct fid *f) { spin_lock(&tcon->tc_lock); "
                               "f->n = 0; spin_unlock(&tcon->tc_lock); }\n",
                      old_break = "static void lease_break(struct tcon *tcon, struct fid *f) { f->n = 0; }\n",
                      new_break = "static void lease_break(struct tcon *tcon, struct fid *f) { clear(tcon, f); }\n",
                      ops = "const struct ops ops = { work, lease_break };\n";
    const SideBySide found = only(old_work + old_break + ops, helper + new_work + new_break + ops);
    CHECK(found.kind == Kind::lock_added_once);
    CHECK(found.one == "lease_break");
    // A `lock` may be anybody's.
    const auto plain = [](std::string text) {
        for (size_t at = 0; (at = text.find("tc_lock")) != text.npos;)
            text.replace(at, 7, "lock");
        return text;
    };
    const auto of_any = compare(plain(old_work + old_break + ops), plain(helper + new_work + new_break + ops));
    CHECK(std::ranges::any_of(of_any, [](const SideBySide& it) { return it.kind == Kind::lock_added; }));
}

TEST_CASE("what hands out a value besides its result takes no reference") {
    CHECK(primitive_uses(whole("void f(struct sk_buff *skb) { ct = nf_ct_get(skb, &info); }")).empty());
    CHECK(primitive_uses(whole("void f(struct net *net) { get_net_track(net, &tracker, GFP_KERNEL); }")).size() == 1);
    CHECK(primitive_uses(whole("void f(struct d *d) { pm_runtime_get(&d->dev); }")).size() == 1);
}
