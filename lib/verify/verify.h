// Will this livepatch module load on that kernel, and do what it says? Answered without booting it.
#pragma once

#include "elf/object.h"
#include "report/finding.h"
#include "symbols/kernel_view.h"

#include <vector>

namespace klp::verify {

struct Options {
    const symbols::KernelView* kernel = nullptr; // the target; without it only the rules that need none are checked
    const elf::Object* previous = nullptr;       // the patch that is loaded when this one comes
};

// Every breach of the rules (rule.h), by group and in file order; empty for a sound module.
std::vector<report::Finding> check(const elf::Object& module, const Options& options);

// What the kernel will put in the place of each livepatch relocation's symbol.
struct Prediction {
    std::string symbol; // ".klp.sym.OBJ.NAME,POS"
    std::string object;
    std::string name;
    unsigned sympos = 0;
    uint64_t address = 0; // as linked (vmlinux), or the offset in its section (a module)
    std::string section;  // of a module's symbol
};

// One entry per livepatch symbol that `kernel` resolves, in symbol order.
std::vector<Prediction> predict(const elf::Object& module, const symbols::KernelView& kernel);

} // namespace klp::verify
