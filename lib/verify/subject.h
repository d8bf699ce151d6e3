// A livepatch module taken apart, once, for all rules.
#pragma once

#include "convert/core_table.h"
#include "convert/reference.h"
#include "elf/livepatch_abi.h"
#include "elf/modinfo.h"
#include "elf/modversions.h"
#include "elf/object.h"
#include "verify/raw_file.h"

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace klp::verify {

struct Location {
    const elf::Section* section = nullptr;
    uint64_t offset = 0;
};

struct PatchedFunction {
    std::string_view object; // "vmlinux" or a module
    std::string_view name;
    uint64_t sympos = 0;
    Location replacement; // section nullptr: none
};

// Object, name and number: 0 and 1 name the same function (kernel/livepatch/core.c, klp_init_func() and
// klp_find_func()).
using FunctionIdentity = std::tuple<std::string_view, std::string_view, uint64_t>;
FunctionIdentity identity(const PatchedFunction& function);
// "OBJECT:NAME,NUMBER" for people.
std::string full_name(const PatchedFunction& function);

struct PatchCallback {
    std::string_view object; // "vmlinux" or a module
    elf::CallbackKind kind = elf::CallbackKind::pre_patch;
    Location function;
};

struct State {
    uint64_t id = 0;
    uint32_t version = 0;
};

// What the module tells klp_enable_patch(), as far as it can be read from the file: klp-build's tables, or a struct
// klp_patch that the compiler initialised. Modules that make theirs at run time some other way say nothing here.
struct Patch {
    bool is_known = false;
    bool is_replacing = false;
    std::vector<PatchedFunction> functions;
    std::vector<PatchCallback> callbacks;
    std::vector<State> states;
};

struct Subject {
    explicit Subject(const elf::Object& module);

    const elf::Object& module;
    RawFile raw;
    elf::Modinfo modinfo;
    elf::Modversions versions;           // of imports
    std::optional<elf::Runtime> runtime; // the livepatch core it is for; nullopt: it is no live patch
    convert::CoreTable core_table;       // with klp-build's own
    std::vector<const elf::RelocationTable*> livepatch_tables; // SHF_RELA_LIVEPATCH
    std::vector<const elf::RelocationTable*> normal_tables;    // of sections that are loaded
    Patch patch;
};

// Where the pointer at `offset` of `section` leads, by its relocation; nullopt if there is none or it leads nowhere
// within this module.
std::optional<Location> pointer_at(const elf::Object& module, const elf::Section& section, uint64_t offset);

// Reads the Patch; see there.
Patch read_patch(const elf::Object& module);

} // namespace klp::verify
