// Functions that kernel threads never leave.
#include "compile.h"
#include "sense/threads.h"

#include <doctest/doctest.h>

using namespace klp;

namespace {

std::vector<std::string> thread_functions(const std::string& code, const std::vector<std::string>& changed) {
    const test::ScratchDirectory scratch;
    const elf::Object unit = elf::Object::open(
        test::compile_unit(scratch, "unit",
                           "extern void *kthread_create_on_node(int (*)(void *), void *, int, const char *, ...);\n"
                           "extern int kthread_should_stop(void), wait(void *), other(int (*)(void *), void *);\n" +
                               code,
                           "-ffunction-sections"));
    std::vector<std::string> names;
    for (const report::Finding& finding : sense::find_thread_functions("kernel/x.c", unit, changed)) {
        CHECK(finding.code == "sense.blocks-transition");
        names.push_back(finding.function);
    }
    return names;
}

const std::string start = "void *start(void *x) { return kthread_create_on_node(thread, x, -1, \"x\"); }\n";
const std::string endless = "static int thread(void *x) { for (;;) wait(x); }\n";

} // namespace

TEST_CASE("a function that is handed to kthread_create() is never left") {
    CHECK(thread_functions(endless + start, {"thread"}) == std::vector<std::string>{"thread"});
    CHECK(thread_functions(endless + start, {"start"}).empty());
    CHECK(thread_functions(endless + start, {}).empty());
    CHECK(thread_functions(endless + "int start(void *x) { return other(thread, x); }\n", {"thread"}).empty());
}

TEST_CASE("what asks by itself whether it should stop is known by that already") {
    CHECK(thread_functions("static int thread(void *x) { while (!kthread_should_stop()) wait(x); return 0; }\n" + start,
                           {"thread"})
              .empty());
    // Through another function it is not.
    const std::string through =
        "__attribute__((noinline)) static int should(void) { return kthread_should_stop() + 1; }\n"
        "static int thread(void *x) { while (!should()) wait(x); return 0; }\n";
    CHECK(thread_functions(through + start, {"thread"}) == std::vector<std::string>{"thread"});
}
