// Readers without locks, and the writers that wait for them.
#include "source/readers.h"

#include <doctest/doctest.h>

using namespace klp::source;
using Kind = ReaderChange::Kind;

namespace {

std::string list(const std::string& read, const std::string& write) {
    return "int find(struct l *l) { " + read + " return 0; }\nvoid drop(struct l *l) { " + write + " kfree(l); }\n";
}

std::vector<ReaderChange> compare(const std::string& before, const std::string& after) {
    return compare_readers(split_functions(before), split_functions(after));
}

const std::string rcu = "rcu_read_lock(); look(); rcu_read_unlock();";
const std::string srcu = "i = srcu_read_lock(&s); look(); srcu_read_unlock(&s, i);";

} // namespace

TEST_CASE("another kind of RCU on both sides") {
    const auto found = compare(list(rcu, "synchronize_rcu();"), list(srcu, "synchronize_srcu(&s);"));
    REQUIRE(found.size() == 1);
    CHECK(found[0].kind == Kind::grace_period);
    CHECK(found[0].reader == "find");
    CHECK(found[0].writer == "drop");
    CHECK(found[0].was == "rcu");
    CHECK(found[0].is == "srcu s");
    // The writer waits for both; another function of the same kind; the same in other words.
    CHECK(compare(list(rcu, "synchronize_rcu();"), list(srcu, "synchronize_rcu(); synchronize_srcu(&s);")).empty());
    CHECK(compare(list(srcu, "synchronize_rcu();"), list("work();" + srcu, "synchronize_net();")).empty());
    CHECK(compare(list(rcu, "synchronize_rcu();"), list("guard(rcu)(); look();", "kfree_rcu(l, rcu);")).empty());
    // Who reads under a lock there waits for nobody.
    CHECK(compare(list(rcu, "synchronize_rcu();"), list(srcu, "synchronize_rcu(); work();")).empty());
}

TEST_CASE("a reader that gives up its lock for RCU") {
    const std::string locked = "spin_lock(&lock); look(); spin_unlock(&lock);";
    const std::string drop = "spin_lock(&lock); list_del(&l->l); spin_unlock(&lock);";
    const auto found = compare(list(locked, drop), list(rcu, drop + "synchronize_rcu();"));
    REQUIRE(found.size() == 1);
    CHECK(found[0].kind == Kind::unlocked);
    CHECK(found[0].was == "spinlock lock");
    CHECK(found[0].is == "rcu");
    // The writer waited before; the reader still takes the lock.
    CHECK(compare(list(locked, drop + "synchronize_rcu();"), list(rcu, drop + "work(); synchronize_rcu();")).empty());
    CHECK(compare(list(locked, drop), list(rcu + locked, drop + "synchronize_rcu();")).empty());
}

TEST_CASE("a new sequence lock") {
    const std::string read = "do { n = read_seqbegin(&s); look(); } while (read_seqretry(&s, n));";
    const std::string write = "write_seqlock(&s); work(); write_sequnlock(&s);";
    const auto found = compare(list("look();", "work();"), list(read, write));
    REQUIRE(found.size() == 1);
    CHECK(found[0].kind == Kind::sequence);
    CHECK(found[0].is == "s");
    // One that was missing on one side, or is read elsewhere already.
    CHECK(compare(list("look();", write), list(read, "more();" + write)).empty());
    const std::string other = "int other(void) { " + read + " return 1; }\n";
    CHECK(compare(other + list("look();", "work();"), other + list(read, write)).empty());
}
