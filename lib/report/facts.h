// All that a run of klp-build found, as plain values. The JSON report and the page are both made of it, and nothing
// else.
#pragma once

#include "report/finding.h"
#include "report/layout_table.h"
#include "report/line_diff.h"
#include "report/progress.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace klp::report {

// A file that the result depends on.
struct Input {
    std::string role; // "patch", "vmlinux", "module", "configuration", "Module.symvers"
    std::string path;
    uint64_t size = 0;
    std::string sha256;
};

struct Kernel {
    std::string name;     // as it was given
    std::string release;  // uname -r
    std::string version;  // of the source
    std::string arch;     // as kbuild has it
    std::string compiler; // and its version
    std::string runtime;  // the livepatch core that the module is for: "kernel" or "core"
    std::string build_id; // of its image; empty if it has none
    // Of the system where compilers and kbuild ran, "gcc-14 14.2.0-19"; none if that was the one klp-build ran in.
    std::vector<std::string> packages;
};

struct File {
    std::string path;
    std::string kind;            // "C source", "header", ...
    std::vector<DiffBlock> diff; // of its text
};

// A piece of the module.
struct Piece {
    std::string name;
    std::string kind;   // "function", "variable", "string", "constant", "table"
    std::string change; // "changed", "new", "included"
    uint64_t size = 0;
    std::optional<unsigned> sympos;   // of what is changed
    std::vector<std::string> because; // the pieces that need it, the nearest first
    std::string cause;                // why it counts as changed
    std::string original_instruction; // its first difference
    std::string patched_instruction;
    std::string place;              // FILE:LINE of that
    std::vector<std::string> users; // unchanged functions of the unit that call it, tables that name it
    bool is_global = false;         // other units may call it
    std::vector<DiffBlock> source;  // the parts of the patch that are in its code
    std::vector<DiffBlock> code;    // what differs in its instructions
};

// What the kernel's image says of a unit's original object.
struct Proof {
    size_t functions = 0; // that were looked for
    size_t proven = 0;
    size_t overridden = 0;
    std::vector<std::string> unproven;
    std::map<std::string, size_t> not_looked_for; // functions by section
    size_t data = 0;
    std::vector<std::string> different_data;
    size_t references = 0;
    std::vector<std::string> unproven_references;
};

struct HarmlessDifference {
    std::string function;
    std::string what;
};

struct UnitFacts {
    std::string source;
    std::string object; // that it is part of
    bool is_changed = false;
    Proof proof;
    std::vector<Piece> pieces;
    std::vector<HarmlessDifference> harmless;
    std::vector<Finding> findings;
};

// A symbol of the running kernel that the livepatch core finds for the module.
struct KernelSymbol {
    std::string name;
    std::string object; // that defines it
    unsigned sympos = 0;
    std::string address;               // in vmlinux, hexadecimal; empty for a module's
    std::string used_by;               // the object whose code refers to it
    size_t relocations = 0;            // that lead to it
    std::vector<std::string> sections; // of the module, where these are
};

struct SectionSize {
    std::string name;
    uint64_t size = 0;
};

// Who signed, by the certificate.
struct Signature {
    std::string signer; // its subject
    std::string key_id; // its subject key identifier, hexadecimal; may be empty
    std::string serial; // hexadecimal: the kernel's "sig_key"
    std::string key;    // "RSA 4096"
    std::string hash;   // "sha256"
    bool is_valid_now = true;
};

struct ModuleFacts {
    std::string path;
    uint64_t size = 0;
    std::string sha256;          // of the file
    std::string unsigned_sha256; // of what was signed; the same where it is not signed
    bool is_replacing = true;    // all other patches
    size_t livepatch_relocations = 0;
    std::vector<KernelSymbol> symbols;
    std::vector<SectionSize> sections; // that are in memory
    std::optional<Signature> signature = {};
};

// The klp_core.ko beside the module.
struct CoreFacts {
    std::string path;
    uint64_t size = 0;
};

struct TestStep {
    std::string name;
    bool passed = false;
    double seconds = 0;
    std::string text;               // what was said in it
    std::optional<int> status = {}; // of the author's script
};

// One boot of a kernel.
struct TestRun {
    std::string name;
    std::vector<TestStep> steps;
    std::vector<std::string> transcript; // lines
};

struct TestedFunction {
    std::string object;
    std::string name;
    std::string called;                 // "yes", "no", "unknown": while the patch was in effect
    std::optional<uint64_t> calls = {}; // if it is known
};

// What became of the module in the kernel that it is for (--test).
struct BootTest {
    bool passed = false;
    std::string accelerator; // of the virtual machine: "kvm", "tcg"
    std::string script;      // the author's, if there was one
    std::vector<TestRun> runs;
    std::vector<TestedFunction> functions;
};

struct Facts {
    std::string tool;                 // and its version
    std::string status;               // "done", "refused", "nothing-changed"
    std::vector<std::string> patches; // in the order in which they were applied
    std::optional<Kernel> kernel;     // if it was found
    std::vector<Input> inputs;
    std::vector<File> files;
    std::vector<UnitFacts> units;
    std::vector<LayoutTable> layouts;
    std::optional<ModuleFacts> module;
    std::optional<CoreFacts> core;
    std::vector<Finding> findings;
    std::optional<BootTest> test;
    std::vector<StageTime> stages; // with the test's times, the only part that two runs do not have in common
};

} // namespace klp::report
