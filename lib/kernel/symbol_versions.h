// The versions (CRCs) that the kernel's build gives to what a unit exports: they change with the prototype and with
// every type that it leads to.
#pragma once

#include "kernel/target.h"
#include "kernel/unit.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace klp::kernel {

// By the kernel's own scripts/genksyms, from the preprocessed unit; `folder` is for that text. Empty for a kernel
// without CONFIG_MODVERSIONS, one that uses gendwarfksyms, and a unit that cannot be preprocessed.
// Source: cmd_gensymtypes_c in scripts/Makefile.build.
std::map<std::string, uint32_t> symbol_versions(const Target& target, const BuildUnit& unit,
                                                const std::filesystem::path& folder);

} // namespace klp::kernel
