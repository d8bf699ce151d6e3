#include "fake_machine.h"

#include "livepatch/patches.h"
#include "livepatch/rights.h"
#include "report/finding.h"

#include <doctest/doctest.h>

using namespace klp;
using livepatch::State;

TEST_CASE("a machine without a livepatch core has no patches") {
    const test::FakeMachine machine;
    CHECK_FALSE(livepatch::has_core(machine.system()));
    CHECK(livepatch::read_patches(machine.system()).empty());
}

TEST_CASE("the state of a patch is told by two files") {
    const test::FakeMachine machine;
    machine.patch("lp_a", true, false, {"f,1"});
    machine.patch("lp_b", true, true, {"f,1"});
    machine.patch("lp_c", false, true, {"f,1"});
    machine.patch("lp_d", false, false, {"f,1"});
    const std::vector<livepatch::LoadedPatch> patches = livepatch::read_patches(machine.system());
    REQUIRE(patches.size() == 4);
    CHECK(patches[0].state == State::enabled);
    CHECK(patches[1].state == State::enabling);
    CHECK(patches[2].state == State::disabling);
    CHECK(patches[3].state == State::idle);
    CHECK(patches[0].is_in_effect());
    CHECK(patches[1].is_in_effect());
    CHECK_FALSE(patches[2].is_in_effect());
}

TEST_CASE("functions and their numbers") {
    const test::FakeMachine machine;
    machine.patch("lp_a", true, false, {"show,2", "a,b,1", "odd"});
    machine.write("/sys/kernel/livepatch/lp_a/ext4/patched", "0\n");
    machine.write("/sys/kernel/livepatch/lp_a/replace", "1\n");
    const std::optional<livepatch::LoadedPatch> patch = livepatch::find_patch(machine.system(), "lp_a");
    REQUIRE(patch);
    CHECK(patch->is_replacing == true);
    CHECK(patch->build_id.substr(0, 4) == "0101");
    REQUIRE(patch->objects.size() == 2);
    CHECK(patch->objects[0].name == "ext4");
    CHECK_FALSE(patch->objects[0].is_patched);
    CHECK(patch->objects[1].is_patched);
    REQUIRE(patch->objects[1].functions.size() == 3);
    CHECK(patch->objects[1].functions[0].name == "a,b");
    CHECK(patch->objects[1].functions[1].name == "odd");
    CHECK(patch->objects[1].functions[2].name == "show");
    CHECK(patch->objects[1].functions[2].sympos == 2);
}

TEST_CASE("a live patch's module of which nothing is in effect is listed, any other module is not") {
    const test::FakeMachine machine;
    machine.module("lp_gone");
    machine.write("/sys/module/ext4/taint", "\n");
    machine.write("/sys/module/klp_core/taint", "OE\n");
    machine.write("/sys/module/lp_core_gone/taint", "OE\n");
    machine.write("/sys/module/klp_core/holders/lp_core_gone", "");
    const std::vector<livepatch::LoadedPatch> patches = livepatch::read_patches(machine.system());
    REQUIRE(patches.size() == 2);
    CHECK(patches[0].name == "lp_core_gone");
    CHECK(patches[1].name == "lp_gone");
    CHECK(patches[1].state == State::idle);
    CHECK_FALSE(livepatch::find_patch(machine.system(), "ext4"));
}

TEST_CASE("the running kernel") {
    const test::FakeMachine machine;
    machine.kernel("6.1.0-test", "boot-7");
    const livepatch::RunningKernel kernel = livepatch::running_kernel(machine.system());
    CHECK(kernel.release == "6.1.0-test");
    CHECK(kernel.boot_id == "boot-7");
    CHECK(kernel.build_id == test::FakeMachine::kernel_build_id());
}

TEST_CASE("notes that end in the middle have no build id") {
    const test::FakeMachine machine;
    machine.kernel("6.1.0-test");
    machine.write("/sys/kernel/notes", test::FakeMachine::note('\xab').substr(0, 30));
    CHECK(livepatch::running_kernel(machine.system()).build_id.empty());
}

TEST_CASE("parameters of the kernel's command line: whole names, the last one counts") {
    const test::FakeMachine machine;
    machine.write("/proc/cmdline", "quiet klp.enable=1 xklp.enable=5 klp.enabled=7 klp.enable=0\n");
    CHECK(livepatch::boot_parameter(machine.system(), "klp.enable") == "0");
    CHECK_FALSE(livepatch::boot_parameter(machine.system(), "klp"));
}

TEST_CASE("a right that is missing is named") {
    const test::FakeMachine machine;
    machine.write("/proc/self/status", "Name:\tx\nCapEff:\t0000000000010000\nCapBnd:\tffffffffffffffff\n");
    CHECK(livepatch::has_right(machine.system(), livepatch::Right::load_modules));
    CHECK_NOTHROW(livepatch::need_right(machine.system(), livepatch::Right::load_modules, "load a module"));
    try {
        livepatch::need_right(machine.system(), livepatch::Right::see_stacks, "see stacks");
        FAIL("not refused");
    } catch (const report::Refusal& refusal) {
        CHECK(refusal.findings().front().code == "livepatch.no-right");
        CHECK(refusal.findings().front().message.find("CAP_SYS_ADMIN") != std::string::npos);
    }
}
