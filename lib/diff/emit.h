// The selected pieces as a relocatable object that `ld -r`, modpost and objtool take.
#pragma once

#include "diff/select.h"

namespace klp::diff {

struct Emission {
    elf::Builder output;
    std::vector<report::Finding> findings;
    std::vector<std::string> import_namespaces;
    std::vector<KernelReference> references;
    std::vector<Item> literals; // strings and constants that came along
};

// `options.owner` names the object of the changed functions. Throws report::Refusal "diff.unresolved",
// "diff.ambiguous", "diff.module-key".
Emission emit(const Unit& original, const Unit& patched, const Correlation& correlation, const Selection& selection,
              const Selector& selector, const Macros& macros, const Options& options);

} // namespace klp::diff
