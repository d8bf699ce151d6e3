// --test: the finished module in the kernel that it is for. The machine is boottest/'s, which comes with klp-build.
#pragma once

#include "pipeline.h"

#include "report/facts.h"

namespace klp::build {

// Is all there that a test needs? Nothing is looked at unless one is wanted. Throws report::Refusal
// "test.missing-tool", "test.script", "kernel.missing-tool" (there is no Python), "install.incomplete".
void check_boot_test(const Options& options);
// The same of the kernel: "test.no-image", "test.other-machine".
void check_bootable(const Options& options, const kernel::Target& target);

struct BootTested {
    report::BootTest facts;
    std::vector<report::Finding> findings; // an error among them: the module did not pass, or could not be tried
};

// Boots the kernel with the module, two or three times: loads it, waits for the transition, counts who is called, takes
// it out and loads it again, with the objects that it patches loaded before it and after it, and reads the kernel's
// log. Works below `folder`, which is private to the run. Throws "test.broken" if the machinery itself fails.
BootTested boot_test(const Options& options, const kernel::Target& target, const std::vector<UnitDiff>& units,
                     const FinishedModules& modules, const std::filesystem::path& folder);

// What there is to say of it in a few words.
std::string outcome_of(const report::BootTest& test);

} // namespace klp::build
