#include "fake_machine.h"

#include "livepatch/tasks.h"

#include <doctest/doctest.h>

using namespace klp;

namespace {

livepatch::LoadedPatch patch_of(const test::FakeMachine& machine) {
    return livepatch::find_patch(machine.system(), "lp_a").value();
}

} // namespace

TEST_CASE("who has not gone over to the state that a transition leads to") {
    const test::FakeMachine machine;
    machine.patch("lp_a", true, true, {"pipe_read,1"});
    machine.task(1, 1, "init", "1", {"do_wait"});
    machine.task(20, 20, "cat", "0", {"pipe_read", "vfs_read"});
    machine.task(20, 21, "two words", "0", {"schedule"});
    machine.task(30, 30, "late", "-1", {});
    machine.write("/proc/version", "no task");
    SUBCASE("when it is enabled") {
        const std::vector<livepatch::Task> tasks = livepatch::tasks_in_the_way(machine.system(), patch_of(machine));
        REQUIRE(tasks.size() == 2);
        CHECK(tasks[0].process == 20);
        CHECK(tasks[0].name == "cat");
        CHECK(tasks[0].function == "pipe_read");
        CHECK(tasks[0].stack == std::vector<std::string>{"pipe_read", "vfs_read"});
        CHECK(tasks[1].thread == 21);
        CHECK(tasks[1].function.empty());
    }
    SUBCASE("when it is disabled") {
        machine.write("/sys/kernel/livepatch/lp_a/enabled", "0\n");
        const std::vector<livepatch::Task> tasks = livepatch::tasks_in_the_way(machine.system(), patch_of(machine));
        REQUIRE(tasks.size() == 1);
        CHECK(tasks[0].name == "init");
    }
    SUBCASE("nobody without a transition") {
        machine.write("/sys/kernel/livepatch/lp_a/transition", "0\n");
        CHECK(livepatch::tasks_in_the_way(machine.system(), patch_of(machine)).empty());
    }
}

TEST_CASE("klp-build's core lists them itself") {
    const test::FakeMachine machine;
    machine.patch("lp_a", true, true, {"pipe_read,1"});
    machine.task(20, 20, "cat", "0", {"pipe_read"});
    machine.write("/proc/20/comm", "my cat\n");
    machine.write("/sys/kernel/livepatch/lp_a/blockers",
                  "20 my cat pipe_read\n0 swapper/1 [running]\n77 gone [unreliable stack]\nnonsense\n");
    const std::vector<livepatch::Task> tasks = livepatch::tasks_in_the_way(machine.system(), patch_of(machine));
    REQUIRE(tasks.size() == 3);
    CHECK(tasks[0].thread == 20);
    CHECK(tasks[0].name == "my cat");
    CHECK(tasks[0].function == "pipe_read");
    CHECK(tasks[1].name == "swapper/1");
    CHECK(tasks[1].function == "[running]");
    CHECK(tasks[2].name == "gone");
    CHECK(tasks[2].function == "[unreliable stack]");
}

TEST_CASE("who sleeps inside of a function") {
    const test::FakeMachine machine;
    machine.task(20, 20, "cat", "-1", {"schedule", "pipe_read", "vfs_read"});
    machine.task(21, 21, "sh", "-1", {"pipe_read_iter", "vfs_read"});
    const std::vector<livepatch::Task> tasks = livepatch::tasks_inside(machine.system(), {"pipe_read", "kernel_clone"});
    REQUIRE(tasks.size() == 1);
    CHECK(tasks[0].name == "cat");
    CHECK(tasks[0].function == "pipe_read");
}
