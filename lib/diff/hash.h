// Hashing for comparison: two 64-bit lanes, so that equal means equal for as many pieces as a kernel has.
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <cstring>
#include <string_view>

namespace klp::diff {

struct Hash {
    uint64_t low = 0;
    uint64_t high = 0;
    auto operator<=>(const Hash&) const = default;
};

// Takes values one after the other; the order matters.
class Hasher {
public:
    void add(uint64_t value) {
        low_ = mix(low_ ^ value, 0x9e3779b97f4a7c15ULL);
        high_ = mix(high_ + value, 0xc2b2ae3d27d4eb4fULL);
    }
    void add(const Hash& hash) {
        add(hash.low);
        add(hash.high);
    }
    void add(elf::Bytes bytes) {
        add(bytes.size());
        while (bytes.size() >= 8) {
            uint64_t word;
            std::memcpy(&word, bytes.data(), 8);
            add(word);
            bytes = bytes.subspan(8);
        }
        if (!bytes.empty()) {
            uint64_t word = 0;
            std::memcpy(&word, bytes.data(), bytes.size());
            add(word);
        }
    }
    void add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }
    Hash result() const { return {low_, high_}; }

private:
    static uint64_t mix(uint64_t value, uint64_t factor) {
        value *= factor;
        value ^= value >> 29;
        value *= 0xbf58476d1ce4e5b9ULL;
        return value ^ (value >> 32);
    }
    uint64_t low_ = 0x243f6a8885a308d3ULL;
    uint64_t high_ = 0x13198a2e03707344ULL;
};

} // namespace klp::diff
