// What SYSCALL_DEFINE() says of a system call to those who trace it (SYSCALL_METADATA(), include/linux/syscalls.h): the
// names and types of its arguments, as tracefs shows them. Nothing else reads it.
#pragma once

#include "diff/unit.h"

#include <string>
#include <string_view>

namespace klp::diff {

// "umask" if the piece is a part of that system call's metadata; empty for all else.
std::string described_syscall(const Unit& unit, const Piece& piece);

} // namespace klp::diff
