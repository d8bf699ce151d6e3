#include "fake_machine.h"

#include "livepatch/attached.h"
#include "livepatch/in_use.h"
#include "livepatch/running_view.h"

#include <doctest/doctest.h>

using namespace klp;

namespace {

livepatch::ModuleFacts patch_of(const std::vector<std::string>& functions, bool is_replacing = true) {
    livepatch::ModuleFacts facts;
    facts.name = "lp_new";
    facts.is_replacing = is_replacing;
    facts.objects = {{"vmlinux", false, {}}};
    for (const std::string& function : functions)
        facts.objects[0].functions.push_back({function, 1});
    return facts;
}

// "CODE FUNCTION" of each finding.
std::vector<std::string> met(const test::FakeMachine& machine, const livepatch::ModuleFacts& facts) {
    std::vector<std::string> found;
    for (const report::Finding& finding : livepatch::what_it_meets(machine.system(), facts))
        found.push_back(finding.code + (finding.function.empty() ? "" : " " + finding.function));
    return found;
}

struct Quiet : test::FakeMachine {
    Quiet() {
        write("/sys/kernel/tracing/enabled_functions", "other (1) R I   \ttramp: 0xffffffffc0 (x+0x0/0x10)\n");
        write("/sys/kernel/debug/kprobes/list", "");
    }
};

using Codes = std::vector<std::string>;

} // namespace

TEST_CASE("a quiet machine") {
    const Quiet machine;
    CHECK(met(machine, patch_of({"show"})).empty());
}

TEST_CASE("lists that cannot be read are told of") {
    const test::FakeMachine machine;
    CHECK(met(machine, patch_of({"show"})) == Codes{"livepatch.not-looked-at", "livepatch.not-looked-at"});
}

TEST_CASE("kprobes at the start, inside, and of other functions") {
    const Quiet machine;
    machine.write("/sys/kernel/debug/kprobes/list", "ffffffff81000004  k  show+0x4    [FTRACE]\n"
                                                    "ffffffff81000010  k  show+0x10    [DISABLED]\n"
                                                    "ffffffff81000020  r  showy+0x0    [FTRACE]\n"
                                                    "nonsense\n");
    machine.write("/sys/kernel/tracing/enabled_functions", "show (1)           \ttramp: x (kprobe+0x0/0x10)\n");
    const std::vector<report::Finding> findings = livepatch::what_it_meets(machine.system(), patch_of({"show"}));
    REQUIRE(findings.size() == 2); // and nothing of ftrace, whose one user is the first probe
    CHECK(findings[0].code == "livepatch.probed");
    CHECK(findings[0].message.find("at its start") != std::string::npos);
    CHECK(findings[1].message.find("+0x10") != std::string::npos);
}

TEST_CASE("tracers, and a live patch that is no tracer") {
    const Quiet machine;
    machine.write("/sys/kernel/tracing/enabled_functions",
                  "show [ext4] (2) R I   \ttramp: 0xffffffffc0 (klp_ftrace_handler+0x0/0x10)\n"
                  "showy (3)       \n");
    CHECK(met(machine, patch_of({"show"})) == Codes{"livepatch.traced show"});
    machine.patch("lp_old", true, false, {"show,1"});
    CHECK(met(machine, patch_of({"show"})) == Codes{"livepatch.replaces", "livepatch.traced show"});
    machine.write("/sys/kernel/tracing/enabled_functions", "show (1) R I   \ttramp: x (klp_ftrace_handler+0x0/0x10)\n");
    CHECK(met(machine, patch_of({"show"})) == Codes{"livepatch.replaces"});
    CHECK(met(machine, patch_of({"show"}, false)) == Codes{"livepatch.patched-already show"});
}

TEST_CASE("BPF programs by their trampolines") {
    const Quiet machine;
    machine.write("/sys/kernel/tracing/enabled_functions", "show (1) R   D   \ttramp: ftrace_regs_caller+0x0/0x65 "
                                                           "(call_direct_funcs+0x0/0x20)\n"
                                                           "\tdirect-->bpf_trampoline_6442500000+0x0/0x1000\n");
    const std::vector<report::Finding> findings = livepatch::what_it_meets(machine.system(), patch_of({"show"}));
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].code == "livepatch.bpf-attached");
    CHECK(findings[0].message.find("bpf_trampoline_6442500000") != std::string::npos);
}

TEST_CASE("tasks that sleep in its functions, and another patch's transition") {
    const Quiet machine;
    machine.task(20, 20, "cat", "-1", {"schedule", "pipe_read"});
    machine.patch("lp_old", true, true, {"g,1"});
    CHECK(met(machine, patch_of({"pipe_read"})) ==
          Codes{"livepatch.busy", "livepatch.replaces", "livepatch.asleep pipe_read"});
}

TEST_CASE("/proc/kallsyms as symbol tables") {
    const auto tables = livepatch::read_proc_kallsyms("ffffffff81000000 T _stext\n"
                                                      "ffffffff81000010 t show\n"
                                                      "ffffffff81000020 t show\n"
                                                      "ffffffff82000000 D counter\n"
                                                      "ffffffffc0000000 t show\t[ext4]\n"
                                                      "ffffffffc0001000 r __ksymtab_help\t[ext4]\n"
                                                      "ffffffffc0002000 t bpf_prog_1\t[bpf]\n"
                                                      "ffffffffc0003000 t ftrace_trampoline\t[__builtin__ftrace]\n"
                                                      "garbage\n");
    CHECK(tables.size() == 2);
    const symbols::SymbolTable& vmlinux = tables.at("vmlinux");
    REQUIRE(vmlinux.find("show").size() == 2);
    const symbols::KernelSymbol& second = vmlinux.symbols()[vmlinux.find("show")[1]];
    CHECK(second.address == 0xffffffff81000020);
    CHECK(vmlinux.sympos(second) == 2);
    CHECK_FALSE(second.global);
    CHECK(vmlinux.symbols()[vmlinux.find("_stext")[0]].global);
    CHECK(tables.at("ext4").find("show").size() == 1);
}

TEST_CASE("the running kernel answers by what is loaded, and hidden symbols are no answer") {
    const test::FakeMachine machine;
    machine.kernel("6.1.0-test");
    machine.patch("lp_old", true, false, {"show,1"});
    machine.write("/proc/kallsyms", "ffffffff81000000 T _stext\n"
                                    "ffffffff81000010 r __ksymtab_printk\n"
                                    "ffffffffc0000000 t f\t[lp_old]\n"
                                    "ffffffffc0000000 t g\t[ext4]\n");
    const livepatch::RunningView view(machine.system());
    CHECK(view.boot_image().empty());
    CHECK(view.table("vmlinux") != nullptr);
    CHECK(view.table("ext4") != nullptr);
    CHECK(view.table("lp_old") == nullptr); // a patch may take the place of one of its name
    CHECK_FALSE(view.knows_modules());
    REQUIRE(view.exports() != nullptr);
    CHECK(view.exports()->find("printk")->module == "vmlinux");
    machine.write("/proc/kallsyms", "0000000000000000 T _stext\n");
    CHECK_THROWS_AS(livepatch::RunningView(machine.system()), report::Refusal);
}
