// A translation unit as kbuild compiles it, read from kbuild's own command lines.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace klp::kernel {

struct BuildUnit {
    std::string object;        // "net/ipv4/tcp_input.o", relative to the build directory
    std::string source;        // "net/ipv4/tcp_input.c", relative to the source tree, or to the build directory
    bool is_generated = false; // ... the latter
    bool is_assembly = false;  // a .S file
    // kbuild puts it into a built-in.a, of which the kernel's image is linked: what else has "vmlinux" for an owner is
    // a part of a binary of its own (vDSO, boot code).
    bool is_built_in = false;
    std::string owner;                // "vmlinux" or the module's name, with '_' for '-'
    std::vector<std::string> compile; // the compiler's arguments, run in the build directory
    std::vector<std::string> objtool; // objtool's arguments where kbuild runs it on the unit itself, else empty
};

// One recipe line of kbuild, as `make -n` prints it and .cmd files hold it, is a list of commands between ';', '|',
// '&&'. The words of each, without quotes; redirections end a command. Never fails: unbalanced quotes end with the
// text.
std::vector<std::vector<std::string>> split_recipe(std::string_view recipe);

// The unit that a recipe line makes; nothing if it compiles no kernel object from a .c or .S file (host programs,
// links, preprocessing). `source_root` is the absolute source tree that its paths start with. The owner is read from
// -DMODULE, -DKBUILD_MODFILE and -DKBUILD_MODNAME (scripts/Makefile.lib). An objtool run with --link belongs to linking
// (scripts/Makefile.lib, delay-objtool) and is left out.
std::optional<BuildUnit> parse_recipe(std::string_view recipe, const std::filesystem::path& source_root);

// Does the unit run as part of the kernel or a module?
inline bool is_of_kernel(const BuildUnit& unit) {
    return unit.is_built_in || unit.owner != "vmlinux";
}

// All units of a dry run's output, sorted by object.
std::vector<BuildUnit> parse_dry_run(std::string_view output, const std::filesystem::path& source_root);

// The units as text for the cache, and back. read_units throws report::Refusal "kernel.cache-corrupt" on anything else.
std::string write_units(const std::vector<BuildUnit>& units);
std::vector<BuildUnit> read_units(std::string_view text, const std::string& path);

} // namespace klp::kernel
