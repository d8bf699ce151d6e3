// Private to this room: small JSON files that a crash or a full disk never leaves half-written.
#pragma once

#include <nlohmann/json.hpp>

#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace klp::store {

// Nothing if the file is not there, cannot be read or holds no JSON object.
std::optional<nlohmann::json> read_json(const std::filesystem::path& path);

// Both make the folder too, and are on the disk when they return. Throw report::Refusal "file.unwritable" or
// "file.disk-full"; what was there then stays.
void write_bytes(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& json);

// Members that are absent or of another type read as empty.
std::string text_of(const nlohmann::json& json, const char* name);
bool flag_of(const nlohmann::json& json, const char* name);
std::vector<std::string> texts_of(const nlohmann::json& json, const char* name);

// "2026-11-29T03:44:03Z", now.
std::string timestamp();

} // namespace klp::store
