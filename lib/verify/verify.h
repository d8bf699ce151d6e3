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
    const elf::Object* core = nullptr;           // klp_core.ko, for a module that needs it
};

// Every breach of the rules (rule.h), by group and in file order; empty for a sound module.
std::vector<report::Finding> check(const elf::Object& module, const Options& options);

// Where a livepatch symbol will be.
struct PredictedSymbol {
    std::string symbol; // ".klp.sym.OBJ.NAME,POS", also for a module that has it in the core's table
    std::string object;
    std::string name;
    unsigned sympos = 0;
    uint64_t address = 0; // as linked (vmlinux), or the offset in its section (a module)
    std::string section;  // of a module's symbol
};

// What a livepatch relocation will fill in: `width` bytes at `offset` of `section`, with the symbol's address plus
// `addend`, less their own address if `pc_relative`.
struct PredictedField {
    std::string object; // filled in when this is there: "vmlinux" or a module
    std::string section;
    uint64_t offset = 0;
    unsigned width = 0;
    bool pc_relative = false;
    int64_t addend = 0;
    std::string symbol;
};

struct Prediction {
    std::vector<PredictedSymbol> symbols; // those that the kernel resolves, in symbol order (that of the core's table)
    std::vector<PredictedField> fields;   // in file order; only plain integers, not fields within an instruction's bits
};

// What the kernel, or klp-build's own core, will make of the module's livepatch relocations.
Prediction predict(const elf::Object& module, const symbols::KernelView& kernel);

} // namespace klp::verify
