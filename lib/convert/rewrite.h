// A module and its references -> the module in its final form. There are two, and .modinfo says which one the module
// was compiled for: that of the kernel's livepatch core (Documentation/livepatch/module-elf-format.rst), and that of
// klp-build's own (core_table.h).
#pragma once

#include "convert/reference.h"
#include "elf/object.h"
#include "report/finding.h"

#include <cstddef>
#include <span>
#include <vector>

namespace klp::convert {

struct Result {
    std::vector<std::byte> bytes;          // of the finished module
    std::vector<report::Finding> findings; // what the caller should know; nothing here stops it
    size_t livepatch_symbols = 0;
    size_t livepatch_relocations = 0;
};

// Turns `references` into livepatch symbols and their relocations into .klp.rela.* sections, or both into entries of
// the runtime core's table, and drops what the kernel must not see: our intermediate sections and .BTF, which no longer
// describes the module. The result depends on nothing but the arguments.
// Throws report::Refusal with "convert.not-a-module", "convert.not-livepatch" (no livepatch= in .modinfo),
// "convert.already-converted", "convert.name-too-long", "convert.foreign-reference" (a vmlinux symbol for a module's
// code, or the reverse: klp_resolve_symbols() refuses or cannot order it), "convert.too-late" (arch/special_sections.h)
// or "convert.before-core" (the same, for what the runtime core writes).
Result rewrite(const elf::Object& module, std::span<const LivepatchReference> references);

} // namespace klp::convert
