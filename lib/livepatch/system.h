// A running machine as its pseudo-files show it (/sys, /proc). All paths begin at a root that the caller gives: "/" is
// this machine, tests make one of their own.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace klp::livepatch {

class System {
public:
    explicit System(std::filesystem::path root = "/") : root_(std::move(root)) {}

    // The place of "/sys/..." below the root.
    std::filesystem::path path(std::string_view absolute) const;
    // The file's text without newlines at its end; nothing if it is not there or may not be read.
    std::optional<std::string> text(std::string_view absolute) const;
    bool exists(std::string_view absolute) const;
    // The names in a folder, sorted; empty if it is not there.
    std::vector<std::string> names(std::string_view folder) const;
    // The same, of its folders only.
    std::vector<std::string> folders(std::string_view folder) const;

private:
    std::filesystem::path root_;
};

// What one has to know of the kernel that runs.
struct RunningKernel {
    std::string release;  // empty where the root is no running machine's
    std::string build_id; // empty where /sys/kernel/notes has none
    std::string boot_id;  // differs from boot to boot
};

RunningKernel running_kernel(const System& system);

// The build id of a module that is loaded; empty if it has none.
std::string module_build_id(const System& system, std::string_view module);

bool is_module_loaded(const System& system, std::string_view module);

// The value of NAME= on the kernel's command line, the last one if it is there several times.
std::optional<std::string> boot_parameter(const System& system, std::string_view name);

} // namespace klp::livepatch
