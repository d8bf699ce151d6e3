#include "fake_machine.h"

#include "livepatch/loadable.h"
#include "livepatch/transition.h"
#include "report/finding.h"

#include <cerrno>
#include <doctest/doctest.h>
#include <functional>

using namespace klp;
using namespace std::chrono_literals;
using livepatch::Outcome;

namespace {

// A kernel with one patch, lp_a: what is ordered begins a transition, which ends after some pauses, or never.
class FakeKernel : public livepatch::KernelCalls {
public:
    explicit FakeKernel(const test::FakeMachine& machine) : machine_(machine) {}

    int pauses_to_enable = 1, pauses_to_disable = 1; // -1: never
    int insert_error = 0, removals_refused = 0;
    std::vector<std::string> calls;

    int insert(elf::Bytes) override {
        calls.emplace_back("insert");
        if (insert_error == 0)
            begin(true);
        return insert_error;
    }
    int remove(const std::string& name) override {
        calls.push_back("remove " + name);
        if (removals_refused-- > 0)
            return EAGAIN;
        machine_.remove("/sys/module/" + name);
        return 0;
    }
    int write(std::string_view path, std::string_view text) override {
        calls.push_back(std::string(path.substr(path.rfind('/') + 1)) + "=" + std::string(text));
        if (path.ends_with("/enabled"))
            begin(text == "1");
        return 0;
    }
    void begin(bool enabled) {
        enabled_ = enabled;
        left_ = enabled ? pauses_to_enable : pauses_to_disable;
        machine_.patch("lp_a", enabled, true, {"f,1"});
    }
    void pass_time() {
        if (left_ < 0 || --left_ > 0)
            return;
        left_ = -1;
        if (enabled_)
            machine_.patch("lp_a", true, false, {"f,1"});
        else
            machine_.remove("/sys/kernel/livepatch/lp_a");
    }

private:
    const test::FakeMachine& machine_;
    bool enabled_ = false;
    int left_ = -1;
};

struct Scene {
    test::FakeMachine machine;
    livepatch::System system = machine.system();
    FakeKernel kernel{machine};
    livepatch::Patience patience;
    livepatch::Patience::Clock::time_point time;
    std::vector<livepatch::Progress> told;
    int pauses = 0;
    int interrupt_after = -1;
    livepatch::Operator work{system, kernel, patience};

    Scene() {
        std::filesystem::create_directories(machine.path("/sys/kernel/livepatch"));
        patience.timeout = 10s;
        patience.now = [this] { return time; };
        patience.pause = [this](std::chrono::milliseconds duration) {
            time += duration;
            ++pauses;
            kernel.pass_time();
        };
        patience.is_interrupted = [this] { return interrupt_after >= 0 && pauses >= interrupt_after; };
        patience.tell = [this](const livepatch::Progress& progress) { told.push_back(progress); };
    }
};

std::string code_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const report::Refusal& refusal) {
        return refusal.findings().front().code;
    }
    return {};
}

using Calls = std::vector<std::string>;

} // namespace

TEST_CASE("a load ends when the transition does") {
    Scene scene;
    scene.kernel.pauses_to_enable = 70; // of 50 ms
    CHECK(scene.work.load("lp_a", {}) == Outcome::done);
    CHECK(scene.kernel.calls == Calls{"insert"});
    REQUIRE(scene.told.size() == 3);
    CHECK(scene.told[2].elapsed == 3s);
    CHECK(scene.told[2].patch == "lp_a");
}

TEST_CASE("a load that does not end is taken back, and the module removed") {
    Scene scene;
    scene.kernel.pauses_to_enable = -1;
    scene.kernel.removals_refused = 3;
    CHECK(scene.work.load("lp_a", {}) == Outcome::taken_back);
    CHECK(scene.kernel.calls ==
          Calls{"insert", "enabled=0", "remove lp_a", "remove lp_a", "remove lp_a", "remove lp_a"});
    CHECK_FALSE(livepatch::find_patch(scene.system, "lp_a"));
}

TEST_CASE("so is one that is interrupted, which does not interrupt the way back") {
    Scene scene;
    scene.kernel.pauses_to_enable = -1;
    scene.kernel.pauses_to_disable = 50;
    scene.interrupt_after = 5;
    CHECK(scene.work.load("lp_a", {}) == Outcome::taken_back);
    CHECK(scene.pauses == 55);
}

TEST_CASE("what cannot even be taken back is left under way, its module in place") {
    Scene scene;
    scene.kernel.pauses_to_enable = scene.kernel.pauses_to_disable = -1;
    CHECK(scene.work.load("lp_a", {}) == Outcome::under_way);
    CHECK(scene.kernel.calls == Calls{"insert", "enabled=0"});
}

TEST_CASE("the kernel is asked to signal once, if it does not by itself") {
    Scene scene;
    scene.patience.signal_after = 2s;
    scene.kernel.pauses_to_enable = 100;
    SUBCASE("it has the file") {
        scene.machine.write("/sys/kernel/livepatch/lp_a/signal", "");
        CHECK(scene.work.load("lp_a", {}) == Outcome::done);
        CHECK(scene.kernel.calls == Calls{"insert", "signal=1"});
    }
    SUBCASE("it has not") {
        CHECK(scene.work.load("lp_a", {}) == Outcome::done);
        CHECK(scene.kernel.calls == Calls{"insert"});
    }
}

TEST_CASE("what the kernel does not take is refused") {
    Scene scene;
    scene.kernel.insert_error = EBUSY;
    CHECK(code_of([&] { scene.work.load("lp_a", {}); }) == "livepatch.load-failed");
}

TEST_CASE("disable and enable do what is needed, and nothing where it is so already") {
    Scene scene;
    scene.machine.patch("lp_a", true, false, {"f,1"});
    CHECK(scene.work.enable("lp_a") == Outcome::done);
    CHECK(scene.kernel.calls.empty());
    CHECK(scene.work.disable("lp_a") == Outcome::done);
    CHECK(scene.kernel.calls == Calls{"enabled=0"});
    CHECK(scene.work.disable("lp_a") == Outcome::done);
    CHECK(scene.kernel.calls == Calls{"enabled=0"});
    scene.work.remove("lp_a");
    CHECK(code_of([&] { scene.work.disable("lp_a"); }) == "livepatch.not-loaded");
}

TEST_CASE("a disable that does not end leaves the patch in effect") {
    Scene scene;
    scene.machine.patch("lp_a", true, false, {"f,1"});
    scene.kernel.pauses_to_disable = -1;
    CHECK(scene.work.disable("lp_a") == Outcome::taken_back);
    CHECK(scene.kernel.calls == Calls{"enabled=0", "enabled=1"});
    CHECK(livepatch::find_patch(scene.system, "lp_a")->state == livepatch::State::enabled);
}

TEST_CASE("one that is being disabled is enabled by turning that round") {
    Scene scene;
    scene.kernel.pauses_to_disable = -1;
    scene.kernel.begin(false);
    CHECK(scene.work.enable("lp_a") == Outcome::done);
    CHECK(scene.kernel.calls == Calls{"enabled=1"});
}

TEST_CASE("there is one transition at a time") {
    Scene scene;
    scene.machine.patch("lp_b", true, true, {"g,1"});
    scene.machine.patch("lp_a", true, false, {"f,1"});
    CHECK(code_of([&] { scene.work.disable("lp_a"); }) == "livepatch.busy");
    CHECK(scene.kernel.calls.empty());
}

TEST_CASE("only what is in transition is forced or signalled") {
    Scene scene;
    scene.machine.patch("lp_a", true, false, {"f,1"});
    CHECK(code_of([&] { scene.work.force("lp_a"); }) == "livepatch.not-in-transition");
    CHECK(code_of([&] { scene.work.signal("lp_a"); }) == "livepatch.not-in-transition");
    scene.machine.patch("lp_a", true, true, {"f,1"});
    scene.work.force("lp_a");
    CHECK(scene.kernel.calls == Calls{"force=1"});
}

namespace {

livepatch::ModuleFacts facts_for(const std::string& build_id) {
    livepatch::ModuleFacts facts;
    facts.name = "lp_a";
    facts.release = "6.1.0-test";
    facts.kernel_build_id = build_id;
    facts.build_id = "0102";
    return facts;
}

std::vector<std::string> codes(const test::FakeMachine& machine, const livepatch::ModuleFacts& facts) {
    std::vector<std::string> found;
    for (const report::Finding& finding : livepatch::why_not_loadable(machine.system(), facts))
        found.push_back(finding.code);
    return found;
}

} // namespace

TEST_CASE("for which machines a module is") {
    const test::FakeMachine machine;
    machine.kernel("6.1.0-test");
    std::filesystem::create_directories(machine.path("/sys/kernel/livepatch"));
    livepatch::ModuleFacts facts = facts_for(test::FakeMachine::kernel_build_id());
    CHECK(codes(machine, facts).empty());
    SUBCASE("another build of the same release") {
        CHECK(codes(machine, facts_for("00")) == Calls{"livepatch.other-kernel"});
    }
    SUBCASE("one that names no build goes by the release") {
        facts.kernel_build_id.clear();
        CHECK(codes(machine, facts).empty());
        facts.release = "6.1.1-test";
        CHECK(codes(machine, facts) == Calls{"livepatch.other-kernel"});
    }
    SUBCASE("another build of a module, which counts only while that is loaded") {
        facts.module_ids["ext4"] = "77";
        CHECK(codes(machine, facts).empty());
        machine.module("ext4");
        CHECK(codes(machine, facts) == Calls{"livepatch.other-module"});
    }
    SUBCASE("another module of its name") {
        machine.module("lp_a", '\x09');
        CHECK(codes(machine, facts) == Calls{"livepatch.name-taken"});
    }
    SUBCASE("one for the other livepatch core") {
        facts.runtime = elf::Runtime::core;
        CHECK(codes(machine, facts) == Calls{"livepatch.no-core"});
        machine.module("klp_core");
        CHECK(codes(machine, facts).empty());
        facts.runtime = elf::Runtime::kernel;
        CHECK(codes(machine, facts) == Calls{"livepatch.no-core"});
    }
    SUBCASE("one for klp-build's core on a kernel that has none yet") {
        machine.remove("/sys/kernel/livepatch");
        facts.runtime = elf::Runtime::core;
        CHECK(codes(machine, facts).empty());
        CHECK(livepatch::needs_core(machine.system(), facts));
        facts.runtime = elf::Runtime::kernel;
        CHECK(codes(machine, facts) == Calls{"livepatch.no-core"});
    }
}
