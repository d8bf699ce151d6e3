// Compressed kernel files: modules and the payload of boot images.
#pragma once

#include "elf/object.h"

#include <optional>
#include <string>
#include <string_view>

namespace klp::symbols {

enum class Packing { gzip, xz, zstd, lz4 };

// What the first bytes say; nullopt if they are of none of these.
std::optional<Packing> packing_of(elf::Bytes data);
std::string_view to_string(Packing packing);

// The unpacked bytes of the stream at the start of `data`; what follows the stream is not looked at (boot images append
// the size). `name` is for messages. Throws report::Refusal "unpack.damaged" if the stream is broken or ends early,
// "unpack.too-large" beyond `limit` bytes.
std::vector<std::byte> unpack(elf::Bytes data, Packing packing, const std::string& name,
                              size_t limit = size_t(1) << 30);

} // namespace klp::symbols
