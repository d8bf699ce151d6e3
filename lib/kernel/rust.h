// Kernels with parts in Rust (CONFIG_RUST), of which C alone is compiled here.
#pragma once

#include "kernel/config.h"

#include <filesystem>
#include <string>
#include <vector>

namespace klp::kernel {

// Kconfig keeps CONFIG_RUST only where a Rust compiler and bindgen answer what scripts/rust_is_available.sh asks them,
// and C code asks for CONFIG_RUST. To compile C takes neither: this writes programs into `folder` that give the answers
// of those that the kernel was built with, as its configuration notes them, and that compile nothing.
void write_rust_answers(const Config& config, const std::filesystem::path& folder);

// The variables of make by which kbuild asks the programs in `folder`, and makes nothing in Rust, of which it would
// have some made even by what only completes the build directory. make's variables go before what .config says, and
// compilers are told of CONFIG_RUST by headers.
std::vector<std::string> rust_variables(const std::filesystem::path& folder);

} // namespace klp::kernel
