// What is known of the patches that were loaded since the machine started: from which file, when, and what became of
// them. The kernel does not tell. The records are in /run, which does not outlive the kernel.
#pragma once

#include "livepatch/module_facts.h"
#include "livepatch/system.h"

#include <optional>
#include <string>
#include <vector>

namespace klp::store {

inline constexpr std::string_view records_folder = "/run/klp/loaded";

struct Record {
    std::string name;
    std::string build_id; // of the module: another one of that name is another patch
    std::string file;     // absolute
    std::string sha256;
    std::string package;     // empty if it came from none
    std::string loaded_at;   // "2026-11-29T03:44:03Z"
    std::string replaced_by; // empty if it is not replaced
    std::vector<std::string> patch_files;
    std::vector<std::string> cves;
};

Record make_record(const livepatch::ModuleFacts& facts, const std::filesystem::path& file, const std::string& package);

// The record of a module that is loaded; nothing if there is none, or one of another module of that name.
std::optional<Record> find_record(const livepatch::System& system, std::string_view name);

// Both throw report::Refusal "file.unwritable" or "file.disk-full".
void write_record(const livepatch::System& system, const Record& record);
void drop_record(const livepatch::System& system, std::string_view name);

} // namespace klp::store
