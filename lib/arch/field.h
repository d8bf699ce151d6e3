// The bytes that a relocation fills in: how wide they are and how to get back from them to the address they stand for.
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace klp::arch {

struct Field {
    unsigned width = 0;       // bytes
    bool pc_relative = false; // the value is a distance from the field's own place
    bool is_signed = false;   // narrower than an address and sign-extended to one
};

// The field that relocation `type` of ELF machine `machine` fills, where it is a plain integer at the relocation's
// offset. nullopt for relocations that spread over an instruction's bits or fill nothing.
// Source: System V ABI, AMD64 supplement, table 4.10.
std::optional<Field> relocated_field(uint16_t machine, uint32_t type);

// Whether this machine's fields can be read back at all: whether relocated_field() knows any.
bool has_relocated_fields(uint16_t machine);

// Code that the kernel's build rewrites after the compiler: profiling calls at function starts become no-ops, and so do
// jump labels whose branch is off at first (objtool --mnop and --hacks=jump_label; tools/objtool/check.c).
struct CodeRange {
    uint32_t section = 0;
    uint64_t offset = 0;
    uint64_t size = 0;

    auto operator<=>(const CodeRange&) const = default;
};

// Those ranges of a unit, sorted. Empty for a machine whose build rewrites nothing that we know of.
std::vector<CodeRange> rewritten_code(const elf::Object& unit);

// One entry of .altinstructions.
struct Alternative {
    uint64_t at = 0;       // in the table
    CodeRange original;    // what is replaced
    CodeRange replacement; // section 0: code of another object
    unsigned feature = 0;  // of the CPU
};

inline constexpr uint64_t longest_alternative = 254; // arch/x86/kernel/alternative.c, MAX_PATCH_LEN
// More than (NCAPINTS + NBUGINTS) * 32 of any kernel: 768 in 6.1 and 6.12.
inline constexpr unsigned most_cpu_features = 1024;

// Those of a finished x86-64 module whose pointers lead into it; none of another machine's.
std::vector<Alternative> alternatives(const elf::Object& module);

// Code of a finished module that the module loader itself rewrites, after the relocations that it applies and before
// anybody else hears of the module (arch/x86/kernel/module.c, module_finalize()): instructions that alternatives
// replace. Sorted. (The calls of .call_sites, too, but one without a target it leaves alone: see
// convert/tracked_calls.h.)
std::vector<CodeRange> code_read_by_loader(const elf::Object& module);

} // namespace klp::arch
