// May the code at a place sleep?
#include "rewrite/sleeping.h"

#include <doctest/doctest.h>

#include <string>

using klp::rewrite::Context;
using klp::rewrite::context_at;

namespace {

// At the word HERE.
Context context(const std::string& body) {
    return context_at(body, body.find("HERE"));
}

} // namespace

TEST_CASE("sleeping: a function that sleeps by itself may sleep elsewhere too") {
    CHECK(context("{ p = kmalloc(8, GFP_KERNEL); HERE; }") == Context::may_sleep);
    CHECK(context("{ HERE; mutex_lock(&m); }") == Context::may_sleep);
    CHECK(context("{ HERE; }") == Context::atomic);
    CHECK(context("{ p = kmalloc(8, GFP_ATOMIC); HERE; }") == Context::atomic);
    CHECK(context("{ /* mutex_lock() is not taken */ HERE; pr_info(\"GFP_KERNEL\"); }") == Context::atomic);
}

TEST_CASE("sleeping: not between what forbids it and its end") {
    CHECK(context("{ mutex_lock(&m); spin_lock_irqsave(&l, flags); HERE; }") == Context::atomic);
    CHECK(context("{ mutex_lock(&m); spin_lock(&l); x(); spin_unlock(&l); HERE; }") == Context::may_sleep);
    CHECK(context("{ mutex_lock(&m); rcu_read_lock(); HERE; rcu_read_unlock(); }") == Context::atomic);
    CHECK(context("{ spin_lock_init(&l); mutex_lock(&m); HERE; }") == Context::may_sleep);
    // What sleeps there is no evidence: GFP_KERNEL may be one branch of two.
    CHECK(context("{ spin_lock(&l); f(GFP_KERNEL); spin_unlock(&l); HERE; }") == Context::atomic);
}

TEST_CASE("sleeping: an end in an inner block may be one way out of several") {
    CHECK(context("{ mutex_lock(&m); spin_lock(&l); if (e) { spin_unlock(&l); return; } HERE; }") == Context::atomic);
    CHECK(context("{ mutex_lock(&m); if (e) { spin_lock(&l); spin_unlock(&l); } HERE; }") == Context::may_sleep);
}

TEST_CASE("sleeping: a guard holds until its block ends") {
    CHECK(context("{ guard(mutex)(&m); HERE; }") == Context::may_sleep);
    CHECK(context("{ mutex_lock(&m); guard(spinlock)(&l); HERE; }") == Context::atomic);
    CHECK(context("{ mutex_lock(&m); { guard(rcu)(); x(); } HERE; }") == Context::may_sleep);
    CHECK(context("{ mutex_lock(&m); scoped_guard(spinlock_irqsave, &l) { HERE; } }") == Context::atomic);
    CHECK(context("{ mutex_lock(&m); scoped_guard(spinlock_irqsave, &l) { x(); } HERE; }") == Context::may_sleep);
    CHECK(context("{ guard(spinlock)(&l); f(GFP_KERNEL); HERE; }") == Context::atomic);
}

TEST_CASE("sleeping: a function that nothing keeps from it may sleep where its callers may") {
    const auto is_free = [](const std::string& body) { return klp::rewrite::is_free_at(body, body.find("HERE")); };
    CHECK(is_free("{ HERE; }"));
    CHECK_FALSE(is_free("{ spin_lock(&l); HERE; }"));
    CHECK(is_free("{ spin_lock(&l); spin_unlock(&l); HERE; }"));
}
