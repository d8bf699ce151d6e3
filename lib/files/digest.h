// What names a file's content and nothing else.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace klp::files {

// SHA-256 (FIPS 180-4) as 64 hexadecimal digits.
std::string sha256(std::span<const std::byte> bytes);
std::string sha256(std::string_view text);

// SHA-1 as 40 hexadecimal digits, for formats that ask for it; it proves nothing.
std::string sha1(std::string_view text);

// Of a file's content, however large it is. Throws report::Refusal "file.unreadable".
std::string sha256_of(const std::filesystem::path& path);
std::string sha1_of(const std::filesystem::path& path);

} // namespace klp::files
