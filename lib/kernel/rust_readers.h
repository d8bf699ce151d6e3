// What the kernel's Rust code has of C's headers: it was compiled with that, and nothing here compiles it anew.
#pragma once

#include "kernel/target.h"
#include "kernel/unit.h"
#include "source/patch.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace klp::kernel {

// Where the kernel has parts in Rust (CONFIG_RUST): throws report::Refusal "plan.rust-sees-header" if the patch gives a
// type, a constant or a prototype that Rust code names another meaning, or that cannot be told. bindgen makes these of
// two headers (rust/Makefile); inline functions Rust code calls by rust/helpers/, whose C is a unit as any other.
// `files` are the changed ones, `patched_source` is the patched tree.
void refuse_rust_readers(const Target& target, const std::vector<BuildUnit>& units,
                         const std::map<std::string, source::FileChange>& files,
                         const std::filesystem::path& patched_source);

} // namespace klp::kernel
