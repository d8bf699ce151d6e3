// Numbers, times and values that objects of the running kernel hold, and that a patch computes or reads in another way.
#include "source_texts.h"

#include "source/lock_instances.h"
#include "source/side_by_side.h"

#include <doctest/doctest.h>

using namespace klp::source;
using Kind = ObjectChange::Kind;

namespace {

constexpr auto compare = klp::test::object_changes;
constexpr auto only = klp::test::only_object_change;

// A table's two users.
std::string users(const std::string& one, const std::string& other) {
    return "static void one(struct dev *d, int id) { " + one + " }\nvoid other(struct dev *d, int number) { " + other +
           " }\n";
}

} // namespace

TEST_CASE("what is kept under a number is not found under another one") {
    const ObjectChange change = only(users("idr_remove(&d->map, id);", "use(idr_find(&d->map, number));"),
                                     users("idr_remove(&d->map, id - 1);", "use(idr_find(&d->map, number - 1));"));
    CHECK(change.kind == Kind::key);
    CHECK(change.function == "one");
    CHECK(change.other == "other");
    CHECK(change.what == "->map");
    CHECK(change.was == "id");
    CHECK(change.is == "id - 1");
    CHECK(only(users("set_bit(id, d->seen);", "use(test_bit(number, d->seen));"),
               users("set_bit(id >> 1, d->seen);", "use(test_bit(number >> 1, d->seen));"))
              .kind == Kind::key);
    CHECK(only(users("d->list[id] = d;", "use(d->list[number]);"),
               users("d->list[id + 1] = d;", "use(d->list[number + 1]);"))
              .kind == Kind::key);
    CHECK(only(users("xa_store(&d->x, id, d, 0);", "use(xa_load(&d->x, number));"),
               users("xa_store(&d->x, htons(id), d, 0);", "use(xa_load(&d->x, htons(number)));"))
              .kind == Kind::key);
}

TEST_CASE("a number that is written otherwise, or mended in one place, is the same number") {
    const std::string before = users("idr_remove(&d->map, id);", "use(idr_find(&d->map, number));");
    // One was wrong.
    CHECK(compare(before, users("idr_remove(&d->map, id - 1);", "use(idr_find(&d->map, number));")).empty());
    // Other names, a local variable, a cast, a helper, and what keeps speculation within bounds.
    CHECK(compare(before, users("idr_remove(&d->map, d->id);", "use(idr_find(&d->map, d->number));")).empty());
    CHECK(
        compare(users("idr_remove(&d->map, id - 1);", "use(idr_find(&d->map, number - 1));"),
                users("int at = id - 1; idr_remove(&d->map, at);", "int at = number - 1; use(idr_find(&d->map, at));"))
            .empty());
    CHECK(compare(users("d->list[id] = d;", "use(d->list[number]);"),
                  users("d->list[array_index_nospec(id, 8)] = d;", "use(d->list[array_index_nospec(number, 8)]);"))
              .empty());
    // Two reads that went behind the end.
    CHECK(compare(users("use(d->list[id]);", "use(d->list[number]);"),
                  users("use(d->list[id - 1]);", "use(d->list[number - 1]);"))
              .empty());
    // Two flags that have names are a matter of the flags.
    CHECK(compare(users("set_bit(DEV_A, &d->flags);", "use(test_bit(DEV_A, &d->flags));"),
                  users("set_bit(DEV_A, &d->flags);", "use(test_bit(DEV_B, &d->flags));"))
              .empty());
}

TEST_CASE("a hash by arithmetic of one's own, and by a macro in capitals") {
    const auto unit = [](const std::string& step, const std::string& check = "") {
        return "static unsigned int name_hash(unsigned int hash) { " + check + step +
               " return hash & 15; }\nvoid find(struct t *t) { unsigned int h = name_hash(t->n); use(t, h); }\n";
    };
    const ObjectChange change = only(unit("hash ^= hash >> 8;"), unit("hash ^= hash >> 4;"));
    CHECK(change.kind == Kind::hash);
    CHECK(change.function == "name_hash");
    CHECK(change.was == "hash ^= hash >> 8");
    CHECK(change.is == "hash ^= hash >> 4");
    CHECK(compare(unit("hash ^= hash >> 8;"), unit("hash ^= hash >> 8;", "if (!hash) return 0;")).empty());
    CHECK(only("#define PORT_HASH(a) ((a)->port % 8)\n", "#define PORT_HASH(a) (((a)->port >> 2) % 8)\n").kind ==
          Kind::hash);
    // A constant, and what stands behind a definition.
    CHECK(compare("#define HASH_SIZE (1 << BITS)\n", "#define HASH_SIZE (2 << BITS)\n").empty());
    CHECK(compare("#define PORT_HASH(a) ((a)->port % 8)\nstatic int x;\n",
                  "#define PORT_HASH(a) ((a)->port % 8)\nint x;\n")
              .empty());
}

TEST_CASE("a time by another clock") {
    const auto unit = [](const std::string& store) {
        return "void make(struct e *e) { " + store + " }\nint is_old(struct e *e) { return e->updated < LIMIT; }\n";
    };
    const ObjectChange change = only(unit("e->updated = e->used = jiffies;"), unit("e->updated = ktime_get_ns();"));
    CHECK(change.kind == Kind::clock);
    CHECK(change.what == "->updated");
    CHECK(change.was == "jiffies");
    CHECK(change.is == "ktime_get_ns");
    CHECK(
        only(unit("WRITE_ONCE(e->updated, ktime_get_ns());"), unit("WRITE_ONCE(e->updated, ktime_get_boottime_ns());"))
            .kind == Kind::clock);
    CHECK(compare(unit("e->updated = jiffies;"), unit("e->updated = jiffies + HZ;")).empty());
    CHECK(compare(unit("e->updated = ktime_get();"), unit("e->updated = ktime_get_coarse();")).empty());
    CHECK(compare(unit("e->updated = jiffies;"), unit("e->updated = 0;")).empty());
    CHECK(compare(unit("e->updated = jiffies;"), unit("e->updated = nsecs_to_jiffies(ktime_get_ns());")).empty());
}

TEST_CASE("a value that means the opposite") {
    const auto unit = [](const std::string& set, const std::string& cleared, const std::string& no) {
        return "void add(struct t *t) { if (!t->on) return; t->on = " + set + "; put(t); }\n" +
               "void del(struct t *t) { if (" + no + "t->on) t->on = " + cleared + "; }\n";
    };
    const ObjectChange change = only(unit("true", "false", ""), unit("false", "true", "!"));
    CHECK(change.kind == Kind::meaning);
    CHECK(change.what == "->on");
    // Only one of them, or only a test that was wrong.
    CHECK(compare(unit("true", "false", ""), unit("true", "true", "")).empty());
    CHECK(compare(unit("true", "false", ""), unit("true", "false", "!")).empty());
    // One stores the other value, and another one tests for that.
    const auto made = [](const std::string& value, const std::string& no) {
        return "void make(struct t *t) { t->off = " + value + "; }\nvoid run(struct t *t) { if (" + no +
               "t->off) go(t); }\n";
    };
    CHECK(only(made("false", "!"), made("true", "")).kind == Kind::meaning);
    CHECK(compare(made("false", "!"), made("true", "!")).empty());
}

TEST_CASE("two locks of one array in the opposite order") {
    const auto function = [](const std::string& sign, const std::string& first, const std::string& second) {
        return "void both(struct t *t, int a, int b) { if (a " + sign + " b) swap(a, b); spin_lock(&t->locks[" + first +
               "]); spin_lock(&t->locks[" + second + "]); }";
    };
    const auto found = [&](const std::string& before, const std::string& after) {
        return taken_the_other_way(split_functions(before).functions.at("both"),
                                   split_functions(after).functions.at("both"));
    };
    const std::string old = function(">", "a", "b");
    CHECK(found(old, function("<", "a", "b")) == "spinlock ->locks");
    CHECK(found(old, function(">", "b", "a")) == "spinlock ->locks");
    CHECK(found(old, function("<", "b", "a")).empty());
    CHECK(found(old, function(">=", "a", "b")).empty());
    CHECK(found("void both(struct t *t, int a, int b) { if (a > b) swap(a, b); spin_lock(&t->lock); }",
                "void both(struct t *t, int a, int b) { if (a < b) swap(a, b); spin_lock(&t->lock); }")
              .empty());
    const auto all = compare_side_by_side(split_functions(old), split_functions(function("<", "a", "b")));
    REQUIRE(all.size() == 1);
    CHECK(all.front().kind == SideBySide::Kind::lock_order);
    CHECK(all.front().what == "two of spinlock ->locks");
}
