// Functions that do their work while a live patch goes in.
#include "compile.h"
#include "sense/conflicts.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace klp;

namespace {

std::vector<std::string> reasons(const std::string& source, const std::vector<std::string>& changed) {
    const test::ScratchDirectory scratch;
    // NOKPROBE_SYMBOL(), and __kprobes.
    const elf::Object unit = elf::Object::open(test::compile_unit(
        scratch, "unit",
        "int listed(int x) { return x + 1; }\n"
        "static unsigned long __attribute__((used, section(\"_kprobe_blacklist\"))) entry = (unsigned long)listed;\n"
        "__attribute__((section(\".kprobes.text\"))) int marked(int x) { return x + 2; }\n"
        "__attribute__((section(\".sched.text\"))) int waits(int x) { return x + 4; }\n"
        "int free_one(int x) { return x + 3; }\n",
        "-ffunction-sections"));
    std::vector<std::string> messages;
    for (const report::Finding& finding : sense::find_conflicts(source, unit, changed)) {
        CHECK(finding.code == "sense.conflict");
        CHECK(finding.where == source);
        messages.push_back(finding.function + ": " + finding.message);
    }
    return messages;
}

bool says(const std::vector<std::string>& messages, const std::string& what) {
    return messages.size() == 1 && messages.front().find(what) != std::string::npos;
}

} // namespace

TEST_CASE("a part of a function on the kprobe blacklist runs where it does") {
    CHECK(says(reasons("arch/x86/kernel/nmi.c", {"listed.part.0"}), "kprobe blacklist"));
}

TEST_CASE("code that livepatch stands on is told by its place in the tree") {
    CHECK(says(reasons("kernel/livepatch/transition.c", {"free_one"}), "livepatch's own code"));
    CHECK(says(reasons("arch/x86/kernel/unwind_orc.c", {"free_one"}), "unwinder"));
    CHECK(says(reasons("arch/s390/net/bpf_jit_comp.c", {"free_one"}), "BPF compiler"));
    CHECK(reasons("kernel/livepatch/transition.c", {}).empty());
    CHECK(reasons("kernel/fork.c", {"free_one"}).empty());
    CHECK(reasons("drivers/kernel/unwind.c", {"free_one"}).empty());
    CHECK(reasons("fs/bpf/verifier.c", {"free_one"}).empty());
    CHECK(reasons("kernel/bpf/states.c", {"free_one"}).size() == 1);
    CHECK(reasons("kernel/bpf/hashtab.c", {"free_one"}).empty());
}

TEST_CASE("the kprobe blacklist") {
    CHECK(says(reasons("kernel/notifier.c", {"listed", "free_one"}), "listed: it is on the kprobe blacklist"));
    CHECK(says(reasons("kernel/notifier.c", {"marked"}), "marked: it is on the kprobe blacklist"));
}

TEST_CASE("functions that others tell by their addresses") {
    CHECK(says(reasons("kernel/locking/mutex.c", {"waits", "free_one"}), "waits: what a task waits in (wchan)"));
    CHECK(reasons("kernel/locking/mutex.c", {"free_one"}).empty());
}
