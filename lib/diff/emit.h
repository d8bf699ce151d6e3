// The selected pieces as a relocatable object that `ld -r`, modpost and objtool take.
#pragma once

#include "diff/select.h"
#include "elf/builder.h"

#include <string>
#include <vector>

namespace klp::diff {

struct Emission {
    elf::Builder output;
    std::vector<report::Finding> findings; // with an error among them the output is not to be used
    std::vector<std::string> import_namespaces;
    std::vector<KernelReference> references;
    std::vector<Item> literals; // strings and constants that came along
};

// Errors are those of kept_entries.h, kernel_references.h, relocate.h and runtime_constants.h.
Emission emit(const Pair& pair, const Selected& selected, const KernelSymbols& kernel);

} // namespace klp::diff
