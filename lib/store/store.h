// The live patches that are installed on a machine: a module and a small file beside it that says what it is, below
// /var/lib/klp/KERNEL-BUILD-ID. The small file is written last and in one step, and names the module's: whatever else
// is there is what a killed run left, and counts for nothing.
#pragma once

#include "elf/object.h"
#include "livepatch/module_facts.h"
#include "livepatch/patches.h"
#include "livepatch/system.h"
#include "store/records.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace klp::store {

inline constexpr std::string_view store_folder = "/var/lib/klp";

struct Installed {
    std::string kernel; // build id
    std::string name;
    std::string release;
    std::string file; // name of the module's file
    std::string sha256;
    std::string build_id; // of the module
    std::string package;
    std::string installed_at;
    bool is_replacing = false;
    std::vector<std::string> patch_files;
    std::vector<std::string> cves;

    std::string accepted_at; // empty: it is not loaded when the machine starts
    std::string trial_boot;  // the boot that it was loaded in, until it has been in effect for a minute
    std::string trial_at;
    std::string blocked; // why it is not loaded any more when the machine starts; empty: it is not blocked

    bool is_accepted() const { return !accepted_at.empty(); }
};

class Store {
public:
    explicit Store(const livepatch::System& system) : system_(system) {}

    // All that is installed, by kernel and name; what cannot be read is left out.
    std::vector<Installed> all() const;
    std::vector<Installed> of_kernel(const std::string& build_id) const;
    std::optional<Installed> find(const std::string& kernel, const std::string& name) const;
    std::filesystem::path module_path(const Installed& installed) const;

    // Puts a module there, for the kernel of that build id, and klp_core.ko (its bytes) beside it if it needs that. One
    // that is there already stays as it is; another one of that name is replaced, and has to be accepted anew.
    // Throws report::Refusal "file.unwritable", "file.disk-full"; then all is as before.
    Installed install(const elf::Object& module, const livepatch::ModuleFacts& facts, const std::string& kernel,
                      const std::string& package, elf::Bytes core);
    void uninstall(const Installed& installed);
    // Writes what may change: acceptance, trial, block.
    void update(const Installed& installed);

    // What is known of a module that is loaded: by its record, or, if klpctl did not load it, from the installed module
    // that has its build id. Empty members where nothing is known.
    Record origin_of(const livepatch::LoadedPatch& patch) const;

private:
    // Removes the modules and half-written files that nothing speaks of: a killed run left them.
    void sweep(const std::string& kernel);
    std::filesystem::path folder(const std::string& kernel) const;
    livepatch::System system_;
};

} // namespace klp::store
