// What a live patch says about itself, read from its file. Nothing is loaded.
#pragma once

#include "elf/livepatch_abi.h"
#include "elf/object.h"
#include "livepatch/patches.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace klp::livepatch {

struct PatchFile {
    std::string name;
    std::string sha256; // of its text
};

struct ModuleFacts {
    std::string name; // by which the kernel will know it
    elf::Runtime runtime = elf::Runtime::kernel;
    std::string release;                           // of the kernel that it was linked for
    std::string kernel_build_id;                   // of the vmlinux that it is for; empty if it does not say
    std::map<std::string, std::string> module_ids; // the same of modules
    bool knows_functions = false;                  // false: it makes its list of functions only when it is loaded
    bool is_replacing = false;                     // takes the place of all patches that are loaded
    std::vector<Object> objects;                   // nothing of them is patched yet
    std::vector<PatchFile> patch_files;
    std::vector<std::string> cves;
    std::string made_by; // tool and version; empty if it does not say
    bool is_signed = false;
    std::string build_id; // its own
    std::string sha256;   // of the file, unpacked
};

// Throws report::Refusal "livepatch.not-a-livepatch" if it is an object or a module of another kind.
ModuleFacts read_module_facts(const elf::Object& module);

} // namespace klp::livepatch
