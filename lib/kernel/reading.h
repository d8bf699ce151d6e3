// What a source says once its headers are read: whether a patch changes what the assembler, the linker or a program of
// the build gets, where no object is there to be compared.
#pragma once

#include "kernel/target.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace klp::kernel {

// kbuild's command for one source, run in the build directory.
struct Reading {
    std::string source; // absolute
    std::vector<std::string> argv;
    std::string goal; // what kbuild makes of it, relative to the build directory: brings generated headers with it
};

// For each reading, the first line (of the patched side, or of the original one) in which its result differs with the
// patch; nothing where it does not. The result is the preprocessed text, or, where the command asks for assembly (-S,
// as for asm-offsets.s), the assembly without what is only said about it. A source that cannot be read, with or without
// the patch, counts as different, and the compiler's message is the line. Runs up to `jobs` at a time (0: one per
// processor).
std::vector<std::optional<std::string>> differences(const Target& target, const std::filesystem::path& patched_source,
                                                    const std::vector<Reading>& readings, unsigned jobs);

} // namespace klp::kernel
