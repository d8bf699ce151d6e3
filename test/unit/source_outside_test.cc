// What code and objects that a patch does not change make of it: queues, values that were given, failures.
#include "source_texts.h"

#include "source/failure_results.h"
#include "source/given_values.h"
#include "source/other_queues.h"

#include <doctest/doctest.h>

using namespace klp::source;

namespace {

std::vector<OtherQueue> queues(const std::string& before, const std::string& after) {
    return klp::test::compare_texts(compare_queues, before, after);
}

std::vector<GivenValue> given(const std::string& before, const std::string& after) {
    return klp::test::compare_texts(compare_given, before, after);
}

std::vector<OtherFailure> failures(const std::string& before, const std::string& after) {
    return klp::test::compare_texts(compare_failures, before, after);
}

std::string worker(const std::string& start, const std::string& stop) {
    return "void start(struct ctx *c) { " + start + " }\nvoid stop(struct ctx *c) { " + stop + " }\n";
}

} // namespace

TEST_CASE("work that goes to another queue, and is flushed there") {
    const std::string before = worker("queue_work(c->wq, &c->work);", "flush_workqueue(c->wq);");
    const auto found = queues(before, worker("queue_work(shared_wq, &c->work);", "flush_workqueue(shared_wq);"));
    REQUIRE(found.size() == 1);
    CHECK(found[0].kind == OtherQueue::Kind::work);
    CHECK(found[0].one == "start");
    CHECK(found[0].other == "stop");
    CHECK(found[0].was == "->wq");
    CHECK(found[0].is == "shared_wq");
    CHECK(queues(worker("schedule_work(&c->work);", "flush_workqueue(system_wq);"),
                 worker("queue_delayed_work(c->wq, &c->work, 0);", "drain_workqueue(c->wq);"))
              .size() == 1);
    // Both are flushed; the work itself is waited for; the queue is as it was.
    CHECK(queues(before,
                 worker("queue_work(shared_wq, &c->work);", "flush_workqueue(c->wq); flush_workqueue(shared_wq);"))
              .empty());
    CHECK(queues(worker("queue_work(c->wq, &c->work);", "cancel_work_sync(&c->work);"),
                 worker("queue_work(shared_wq, &c->work);", "cancel_work_sync(&c->work);"))
              .empty());
    CHECK(queues(before, worker("lock(); queue_work(c->wq, &c->work);", "lock(); flush_workqueue(c->wq);")).empty());
}

TEST_CASE("waiters at another queue") {
    const std::string before = worker("wait_event(c->wq, c->done);", "wake_up(&c->wq);");
    const auto found = queues(before, worker("wait_event(c->other, c->done);", "wake_up(&c->other);"));
    REQUIRE(found.size() == 1);
    CHECK(found[0].kind == OtherQueue::Kind::waiter);
    CHECK(found[0].is == "->other");
    CHECK(queues(before, worker("wait_event(c->other, c->done);", "wake_up(&c->wq); wake_up(&c->other);")).empty());
}

TEST_CASE("constants that each object is given once") {
    const auto nets = [](const std::string& init, const std::string& more = "") {
        return more + "static int net_start(struct net *net) { " + init + " return 0; }\n" +
               "static struct pernet_operations ops = { .init = net_start, };\n";
    };
    const auto found = given(nets("net->ipv4.reuse = 2;"), nets("net->ipv4.reuse = 0;"));
    REQUIRE(found.size() == 1);
    CHECK(found[0].kind == GivenValue::Kind::value);
    CHECK(found[0].function == "net_start");
    CHECK(found[0].what == "->ipv4.reuse");
    CHECK(found[0].was == "2");
    CHECK(found[0].is == "0");
    // One of two stores; a helper of a probe function alone.
    CHECK(given("int a_probe(struct d *d) { d->max = MAX_MTU; if (x) d->max = mtu; return 0; }",
                "int a_probe(struct d *d) { d->max = DATA_LEN; if (x) d->max = mtu; return 0; }")
              .size() == 1);
    CHECK(given("static void set(struct d *d) { d->max = 1; }\nint a_probe(struct d *d) { set(d); return 0; }",
                "static void set(struct d *d) { d->max = 2; }\nint a_probe(struct d *d) { set(d); return 0; }")
              .size() == 1);
    // A constant that has another name now.
    CHECK(given("#define OLD_MTU 9\nint a_probe(struct d *d) { d->max = OLD_MTU; return 0; }",
                "#define NEW_MTU 9\nint a_probe(struct d *d) { d->max = NEW_MTU; return 0; }")
              .empty());
    // What runs again, is no constant, or is stored at one more place.
    CHECK(given("void reset(struct d *d) { d->max = 1; }", "void reset(struct d *d) { d->max = 2; }").empty());
    CHECK(given(nets("net->a = size(net);"), nets("net->a = size(net) + 1;")).empty());
    CHECK(given(nets("net->a = 1;"), nets("net->a = 1; if (x) net->a = 2;")).empty());
    // A table that only they read.
    const std::string copy = "net->t = times[0];";
    const std::string old = "static const int times[] = { 5, 6 };\n", other = "static const int times[] = { 1, 6 };\n";
    const auto table = given(nets(copy, old), nets(copy, other));
    REQUIRE(table.size() == 1);
    CHECK(table[0].kind == GivenValue::Kind::table);
    CHECK(table[0].what == "times");
    const std::string reader = "int get(int i) { return times[i]; }\n";
    CHECK(given(nets(copy, old + reader), nets(copy, other + reader)).empty());
}

TEST_CASE("modes of files") {
    const auto makes = [](const std::string& call) {
        return "int start(struct net *net) { " + call + " return 0; }\n";
    };
    const auto found = given(makes("proc_create_net(\"unix\", 0, net->proc, &ops, 8);"),
                             makes("proc_create_net(\"unix\", 0400, net->proc, &ops, 8);"));
    REQUIRE(found.size() == 1);
    CHECK(found[0].kind == GivenValue::Kind::mode);
    CHECK(found[0].is == "0400");
    CHECK(given(makes("proc_create_net(\"unix\", 0, net->proc, &ops, 8);"),
                makes("proc_create_net(\"unix\", 0, net->proc, &more, 8);"))
              .empty());
    CHECK(given(makes(""), makes("proc_create_net(\"unix\", 0, net->proc, &ops, 8);")).empty());
}

TEST_CASE("failures that callers do not look for") {
    const auto add = [](const std::string& body, const std::string& more = "EXPORT_SYMBOL_GPL(add);") {
        return "struct a *add(struct b *b) { struct a *a = make(b); " + body + " return a; }\n" + more;
    };
    const std::string null = "if (!a) return NULL;", error = "if (b->busy) return ERR_PTR(-EBUSY);";
    const auto found = failures(add(null), add(error + null));
    REQUIRE(found.size() == 1);
    CHECK(found[0].kind == OtherFailure::Kind::error_pointer);
    CHECK(found[0].function == "add");
    CHECK(found[0].user.empty());
    // NULL goes by way of a variable; a caller that stays; the other way round.
    CHECK(failures(add("if (a) a->x = 1;"), add(error + "if (a) a->x = 1;")).size() == 1);
    const auto user = [](const std::string& test) {
        return "int use(struct b *b) { struct a *a = add(b); " + test + " return a->x; }\n";
    };
    CHECK(failures(add(null, user("if (!a) return 0;")), add(error + null, user("if (!a) return 0;"))).at(0).user ==
          "use");
    CHECK(failures(add("if (!a) return ERR_PTR(-ENOMEM);"), add("if (!a) return NULL;")).at(0).kind ==
          OtherFailure::Kind::null);
    // All callers change with it, or are ready for both; it did so before; it returns a number.
    CHECK(failures(add(null, user("if (!a) return 0;")), add(error + null, user("if (IS_ERR(a)) return 0;"))).empty());
    CHECK(failures(add(null, user("if (IS_ERR_OR_NULL(a)) return 0;")),
                   add(error + null, user("if (IS_ERR_OR_NULL(a)) return 0;")))
              .empty());
    CHECK(failures(add(error + null), add("lock(b);" + error + null)).empty());
    CHECK(failures(add(null), add("lock(b);" + null)).empty());
}

TEST_CASE("acquired and released by another pair of functions") {
    const auto regions = [](const std::string& set, const std::string& end) {
        return "int set(struct r *r) { " + set + " return 0; }\nvoid end(struct r *r) { " + end + " }\n";
    };
    const auto compare = [](const std::string& before, const std::string& after) {
        return klp::test::compare_texts(compare_objects, before, after);
    };
    const std::string get = "get_user_pages_fast(r->start, 1, 0, r->pages);", put = "put_page(r->pages[i]);";
    const std::string pin = "pin_user_pages_fast(r->start, 1, 0, r->pages);", unpin = "unpin_user_page(r->pages[i]);";
    const auto found = compare(regions(get, put), regions(pin, unpin));
    REQUIRE(found.size() == 1);
    CHECK(found[0].kind == ObjectChange::Kind::allocator);
    CHECK(found[0].function == "end");
    CHECK(found[0].other == "set");
    CHECK(found[0].what == "->pages");
    CHECK(found[0].was == "put_page");
    CHECK(found[0].is == "unpin_user_page");
    CHECK(compare(regions("r->at = ioremap(a, n);", "iounmap(r->at);"),
                  regions("r->at = memremap(a, n, MEMREMAP_WB);", "memunmap(r->at);"))
              .size() == 1);
    // What was wrong is put right; a function's own pages.
    CHECK(compare(regions(pin, put), regions(pin + "check(r);", unpin)).empty());
    CHECK(compare(regions(get + put, ""), regions(pin + unpin, "")).empty());
    // Literals are not given back by kfree().
    CHECK(compare(regions("r->name = kstrdup(name, GFP_KERNEL);", "kfree(r->name);"),
                  regions("r->name = kstrdup_const(name, GFP_KERNEL);", "kfree_const(r->name);"))
              .at(0)
              .kind == ObjectChange::Kind::new_allocator);
    CHECK(compare(regions("r->name = kstrdup_const(name, GFP_KERNEL);", "kfree(r->name);"),
                  regions("r->name = kstrdup_const(name, GFP_NOFS);", "kfree_const(r->name);"))
              .empty());
}
