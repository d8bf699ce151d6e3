// A kernel to patch: everything the pipeline asks about it, as one value. Three makers give the same value; each
// prepares, once per kernel, a private build directory in the cache. Nothing outside of the cache is ever written.
#pragma once

#include "elf/livepatch_abi.h"
#include "host/cache.h"
#include "kernel/compiler.h"
#include "kernel/config.h"
#include "kernel/kbuild.h"
#include "kernel/launcher.h"
#include "kernel/patched_tree.h"
#include "kernel/progress.h"
#include "kernel/steps.h"
#include "kernel/unit.h"
#include "report/finding.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace klp::kernel {

struct Target {
    std::string name;                    // as the user said it: "debian:6.1.0-56-cloud-amd64" or a folder
    std::string release;                 // what `uname -r` says: "6.1.0-56-cloud-amd64"
    std::string version;                 // what the source says: "6.1.192"
    std::string arch;                    // as kbuild has it: "x86"
    std::filesystem::path source;        // the tree that patches are for; never written
    std::filesystem::path kernel_source; // the kernel's: the same, but for a module built outside of the tree
    std::filesystem::path build;         // the prepared O= directory, private to the cache; unit commands run in it
    std::filesystem::path vmlinux;       // with symbols
    std::filesystem::path symvers;       // Module.symvers
    std::filesystem::path vmlinuz;       // bootable image; empty where unknown
    std::filesystem::path boot_modules;  // folder lib/modules/RELEASE that goes with it; empty where unknown
    std::filesystem::path system_map;    // empty where unknown
    std::map<std::string, std::filesystem::path> modules; // name ('_' for '-') -> .ko with symbols
    bool has_fixed_source = false; // the source never changes (a package), as a tree that people work on does
    Config config;
    Capabilities capabilities;
    Compiler compiler;
    Launcher launcher;                           // of units
    elf::Runtime runtime = elf::Runtime::kernel; // the livepatch core that patch modules are for
    std::filesystem::path entry;                 // folder of the cache that holds what belongs to this target
    std::filesystem::path state;                 // what runs add to it: the same folder, unless others share that
    std::vector<report::Finding> findings;       // what people should know about it
};

struct TargetOptions {
    bool skip_compiler_check = false;
    std::optional<elf::Runtime> runtime = {};          // refuse the kernel if its patches are for the other core
    unsigned jobs = 0;                                 // 0: as many as there are processors
    std::string toolchain = {};                        // kernel/toolchain.h, ToolchainRequest::choice
    std::string launcher = {};                         // kernel/launcher.h
    std::vector<std::filesystem::path> resources = {}; // what units read beside the kernel's source
    Progress progress = {};                            // told what takes long before it starts
};

// --kernel (kernel/named_kernel.h), with `source` in place of the packages' own if that is not empty. Throws
// report::Refusal "target.debian-name", "target.no-source", and what fetch_named_kernel() does.
Target named_target(const std::string& spec, const std::filesystem::path& source, const host::Cache& cache,
                    const TargetOptions& options);

// --sourcedir and, for an O= build, --builddir (empty: the same). A built tree is used as it is; one with only a
// .config is built once, into the cache. Throws "target.no-source", "target.not-configured", "target.half-built".
Target tree_target(const std::filesystem::path& sourcedir, const std::filesystem::path& builddir,
                   const host::Cache& cache, const TargetOptions& options);

// The single parts of a kernel.
struct Parts {
    std::string name;
    std::filesystem::path source;
    std::filesystem::path config;
    std::filesystem::path vmlinux;
    std::filesystem::path modules; // folder searched for .ko files; empty: none
    std::filesystem::path symvers;
    std::filesystem::path vmlinuz = {};
    std::filesystem::path boot_modules = {};
    std::filesystem::path system_map = {};
    bool has_clean_source = false; // the tree is known to hold nothing but sources, and never to change
};

// Throws "target.missing-part", "target.system-map" (a System.map given as vmlinux), "target.stripped",
// "target.wrong-release" (the parts are of different kernels), "config.*", "compiler.*", "target.prepare".
Target parts_target(const Parts& parts, const host::Cache& cache, const TargetOptions& options);

// A module that was built outside of the kernel's tree (--oot-module, --oot-module-src): `kernel` with the module's own
// source tree, units and .ko in place of the kernel's. Throws "target.wrong-release" if the module is for another
// kernel, "target.no-units" if kbuild finds nothing to compile in the folder, "target.missing-part".
Target oot_target(const Target& kernel, const std::filesystem::path& module, const std::filesystem::path& source,
                  const host::Cache& cache, const TargetOptions& options);

// The units that kbuild would compile for this target, by object name. Reads the list that preparation left.
std::vector<BuildUnit> units_of(const Target& target);

// What kbuild makes besides. Reads the list that preparation left.
std::vector<Step> steps_of(const Target& target);

// The compiler and its system for a kernel (by its name) of this configuration, which is read from the file `where`.
// Throws as find_tools() (kernel/toolchain.h).
Compiler tools_of(const Config& config, const std::filesystem::path& where, const std::string& kernel,
                  const host::Cache& cache, const TargetOptions& options);

// How make is called for this target.
Kbuild kbuild_of(const Target& target);

// A patched tree of the target, nothing replaced in it yet; this run's alone.
PatchedTree patched_tree_of(const Target& target);

// Is it a module outside of the kernel's tree?
bool is_out_of_tree(const Target& target);

// The .ko of a module, by its name with '_' or '-'; nullptr if the target has none.
const std::filesystem::path* find_module(const Target& target, std::string name);

} // namespace klp::kernel
