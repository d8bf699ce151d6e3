// Hashing for comparison. Equality of code rests on it, so the function is a well-studied one: XXH3, 128 bits.
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace klp::diff {

struct Hash {
    uint64_t low = 0;
    uint64_t high = 0;
    auto operator<=>(const Hash&) const = default;
};

// Takes values one after the other; the order matters, and each counts with its length.
class Hasher {
public:
    void add(uint64_t value) { buffer_.append(reinterpret_cast<const char*>(&value), sizeof(value)); }
    void add(const Hash& hash) {
        add(hash.low);
        add(hash.high);
    }
    void add(elf::Bytes bytes) { add(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())); }
    void add(std::string_view text) {
        add(static_cast<uint64_t>(text.size()));
        buffer_.append(text);
    }
    Hash result() const;

private:
    std::string buffer_;
};

} // namespace klp::diff
