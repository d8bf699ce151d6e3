// The command line of klp-build as a value.
#pragma once

#include "elf/livepatch_abi.h"
#include "host/cache.h"
#include "package/livepatch_package.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace klp::build {

// As other tools have it, in place of a patch file.
inline constexpr const char* standard_input = "-";

struct Options {
    std::vector<std::filesystem::path> patches;

    // The kernel to patch: one of three ways to name it (klp-build(1), section KERNELS).
    std::string kernel; // "debian:NAME"
    std::filesystem::path source;
    std::filesystem::path build;
    std::filesystem::path config;
    std::filesystem::path vmlinux;
    std::filesystem::path vmlinuz;
    std::filesystem::path modules;
    std::filesystem::path symvers;
    std::string release; // of the running kernel, where the tree's own differs

    std::filesystem::path oot_module;
    std::filesystem::path oot_source;
    std::vector<std::string> targets;

    std::string name;
    std::filesystem::path output; // a directory, or a file that ends in .ko
    bool stack = false;           // on the patches that are active; otherwise it replaces them (klp_patch.replace)
    std::optional<elf::Runtime> runtime; // the livepatch core it is for; otherwise what the kernel has
    std::string sign_key;                // a file, or a PKCS#11 URI
    std::string sign_command;
    std::filesystem::path sign_certificate;
    std::string sign_hash; // otherwise CONFIG_MODULE_SIG_HASH

    std::filesystem::path over; // the livepatch that is loaded when this one comes
    bool require_proof = false;
    bool skip_compiler_check = false;
    std::string toolchain; // "host", "kernel" or a folder; otherwise whichever has the kernel's compiler

    std::string launcher; // put before the compiler of each unit

    unsigned jobs = 0; // never 0 after parsing
    bool verbose = false;
    bool debug = false;
    bool explain = false;
    bool is_tested = false;            // in a virtual machine
    std::filesystem::path test_script; // of the author's own
    bool keep_temporary = false;
    bool print_target = false;
    bool prepare = false; // the kernel only, for runs to come
    bool lists_kernels = false;
    std::string listed; // a pattern for their names; empty: all
    bool as_json = false;
    enum class CacheAction { none, list, prune } cache_action = CacheAction::none;
    unsigned cache_days = 30; // what nobody used for so long is pruned
    host::Sharing sharing = host::Sharing::none;
    std::filesystem::path report;
    bool reproducible_report = false;
    std::filesystem::path reproduce; // the report of a module to be made again
    std::optional<package::Format> package;
    std::string package_version = "1";
    std::string package_maintainer = "klp-build <klp-build@example.org>";
    std::filesystem::path fleet; // the file that names kernels and patches, in place of one kernel and one patch
    std::string fleet_engine = "local";
    std::filesystem::path fleet_cell;         // the folder of one cell of a fleet, to be built now
    std::filesystem::path rewrite;            // folder for a source patch that can be live, in place of a module
    std::vector<std::string> rewrite_callers; // FILE or FILE:FUNCTION, of those that call what it puts beside others
};

// Is a module to come of it, rather than a source patch or what is known of the kernel?
bool makes_module(const Options& options);

// Parses the command line. For -h, --help and --version prints what was asked for and returns nothing, with `status` 0;
// for a command line that makes no sense prints one message to standard error and returns nothing, with `status` 2.
std::optional<Options> parse_options(int argc, char** argv, int& status);

} // namespace klp::build
