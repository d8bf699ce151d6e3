// Private to this room: the model of an object -> the bytes of its file.
#pragma once

#include "elf/builder.h"

namespace klp::elf {

// What Builder::bytes() promises.
std::vector<std::byte> write_object(const Builder& builder);

} // namespace klp::elf
