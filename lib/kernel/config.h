// A kernel's .config, and what it means for live patching.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace klp::kernel {

class Config {
public:
    Config() = default;
    // Parses the text of a .config ("CONFIG_X=y", "# CONFIG_X is not set"); other lines are passed over.
    explicit Config(std::string_view text);

    // The value without quotes; names come without "CONFIG_". "" if not set.
    const std::string& value(std::string_view name) const;
    bool is_set(std::string_view name) const; // "y" or "m"
    size_t size() const { return values_.size(); }
    const std::map<std::string, std::string, std::less<>>& values() const { return values_; }

    // From the comment at the top, "# Linux/x86 6.1.192 Kernel Configuration": "x86" and "6.1.192"; "" where missing.
    const std::string& arch() const { return arch_; }
    const std::string& version() const { return version_; }

private:
    std::map<std::string, std::string, std::less<>> values_;
    std::string arch_;
    std::string version_;
};

// What of a configuration the rest of the house asks for.
struct Capabilities {
    bool livepatch = false;
    bool modules = false;
    bool modversions = false;
    bool objtool = false;
    bool late_objtool =
        false; // objtool sees linked objects only, not units (IBT, LTO: scripts/Makefile.lib, delay-objtool)
    bool ibt = false;
    bool call_padding = false;
    bool latent_entropy = false; // random constants in the code: no two compilations agree
    bool randstruct = false;     // structure layouts depend on a seed that only the build has
    bool lto = false;
    bool unforced_signatures = false; // modules are checked but unsigned ones load
    bool forced_signatures = false;
    bool printk_index = false;
    bool is_clang = false;
};
Capabilities read_capabilities(const Config& config);

// Throws report::Refusal "config.no-modules", "config.latent-entropy" or "config.randstruct" if no live patch can be
// made for a kernel of this configuration, whatever the livepatch core; `where` names it.
void refuse_unsupported(const Config& config, const std::string& where);

} // namespace klp::kernel
