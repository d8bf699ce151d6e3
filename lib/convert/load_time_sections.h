// The sections that the kernel reads once, while it loads the module. A livepatch relocation for a module's symbol is
// applied when that module is there, which may be later (or never): in such a section it would come too late.
// Relocations for vmlinux's symbols are applied with the module's own (kernel/module/main.c, apply_relocations()) by a
// kernel with a livepatch core. Our own core is told of a module only after module_finalize(), too late for some.
#pragma once

#include <string_view>
#include <vector>

namespace klp::convert {

struct LoadTimeSection {
    std::string_view name;      // a trailing '*' stands for any ending
    std::string_view reader;    // who reads it, for people
    std::string_view source;    // of the kernel
    bool precedes_core = false; // read before our own core hears of the module
};

const std::vector<LoadTimeSection>& load_time_sections();

// The entry for a section of this name, or nullptr if relocations for a module, which may come late, do no harm there.
const LoadTimeSection* find_load_time_section(std::string_view name);

// The same for relocations for vmlinux that our own core applies.
const LoadTimeSection* find_section_before_core(std::string_view name);

} // namespace klp::convert
