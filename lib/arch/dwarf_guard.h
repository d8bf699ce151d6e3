// Debug data may be damaged in ways at which LLVM's reader ends the process (llvm::report_fatal_error()) or reads where
// nothing is. Private to those rooms that read it.
#pragma once

#include <llvm/ADT/STLFunctionalExtras.h>

#include <string_view>

namespace klp::arch {

// Calls `read`. Throws what it throws, and report::Refusal "elf.damaged-debug-data" where a call would end the process;
// `file` is what it reads. What `read` allocated by then is lost. May be called by several threads.
void read_debug_data(std::string_view file, llvm::function_ref<void()> read);

} // namespace klp::arch
