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
