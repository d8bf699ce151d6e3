// The one table of sections that are not simply code or data: what each is, how its entries are sized, which field
// ties an entry to a function, what becomes of it, and what the kernel's module loader does with it. A section that is
// not in it and has no ordinary name is unknown.
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace klp::arch {

enum class Role : uint8_t {
    code,      // functions
    fragments, // nameless pieces of code that special sections point to (.fixup, .altinstr_replacement)
    data,      // variables, writable or not, and .bss
    strings,   // mergeable, NUL-terminated
    constants, // mergeable, of one size
    special,   // a table whose entries belong to functions; see SpecialSection
    registry,  // tables that the kernel or module loader walks at start: a live patch cannot add to them
    ignored,   // debug data, notes, exports and such: no part of the comparison
    macros,    // written by a patch author through our header or kpatch's
    unknown
};

// What becomes of the entries that belong to functions that are taken along.
enum class Policy : uint8_t {
    keep,    // copied
    derived, // copied, but not compared: it follows from the code, or no running kernel goes by it. Not where the
             // kernel changes the code at the places that are listed: of two that are the same to the byte one may be
             // listed (LOCK_PREFIX of asm/alternative.h, and a plain `lock`)
    drop,    // never copied, never compared
    constant // compared; the copied code reads the variable that the section is named after (see find_special())
};

// What stands where an entry's pointer leads. Machine::is_site() knows the bytes.
enum class Site : uint8_t {
    anything,       // code or data, of this module or another
    code,           // code of this module
    profiling_call, // ftrace's: a call to __fentry__, or what the build put in its place
    jump_label,     // a jump, or a no-op of its length
    static_call,    // a call or jump that a static call replaces
    retpoline,      // a call or jump to a retpoline
    return_thunk,   // a jump to the return thunk
    call,           // a direct call
    landing_pad,    // of indirect branches
    trap,           // the instruction of BUG() and WARN()
    lock_prefix
};

// The pointers in an entry of one size; each is relocated in every entry.
struct EntryLayout {
    unsigned size = 0;
    struct Pointer {
        unsigned at;
        Site site;
    };
    std::vector<Pointer> pointers = {};
};

struct SpecialSection {
    std::string_view name; // with is_prefix the beginning of the name; for Policy::constant a variable's name follows
    bool is_prefix = false;
    Role role = Role::special; // those of another role are in the table for what the loader does with them
    Policy policy = Policy::keep;
    std::vector<unsigned> sizes = {}; // that an entry may have; the section's relocations say which
    std::string_view variable = {};   // the environment variable that says the size, in kpatch's build scripts
    std::string_view structure = {};  // the kernel's name for an entry's type, in its debug data
    unsigned tie = 0;                 // offset of the field that points into the function
    // A field that holds a distance counts from the beginning of its entry, where others count from their own place:
    // the addend of its relocation has the field's offset in it.
    bool counts_from_entry = false;
    // Fields that hold where one thing begins and where it ends: the end is not the beginning of what follows there.
    struct Extent {
        unsigned from, to;
    };
    std::vector<Extent> extents = {};
    // Bytes that hold a line number or a counter: not compared. [from, to) of an entry of that size.
    struct Blind {
        unsigned size, from, to;
    };
    std::vector<Blind> blind = {};
    std::string_view key_field = {}; // "jump_table", "static_call": the key's rules apply to the last pointer
    std::string_view parallel = {};  // a second section with one entry for each of this one's (.orc_unwind)
    std::string_view parallel_variable = {};
    std::string_view parallel_structure = {};

    // What is known of it in a finished module. Empty: nothing but what `sizes` says.
    std::vector<EntryLayout> layouts = {};
    // It says of functions what the kernel may do with them. Which functions it names is compared, though it is
    // dropped.
    bool lists_functions = false;
    bool is_written = false; // by the kernel, after it has made read-only data read-only
    // Its content is made when the kernel or module is linked (tools/bpf/resolve_btfids): what the compiler gives is a
    // form with names, which nobody fills in for a live patch.
    bool is_filled_by_link = false;
    // Who reads it while the module loads, for people, and where in the kernel's source. A livepatch relocation for a
    // module's symbol, applied when that module is there, would come too late (kernel/livepatch/core.c, comment at
    // klp_write_section_relocs()). Empty: nobody.
    std::string_view reader = {};
    std::string_view source = {};
    // Read before klp-build's own core hears of the module, which is after module_finalize(): too early for the
    // relocations for vmlinux that it applies.
    bool precedes_core = false;
};

// What is said about the sizes of entries, by section name.
struct EntrySizes {
    std::map<std::string, unsigned> given;  // by the user: overrides all else
    std::map<std::string, unsigned> kernel; // by the target's debug data: overrides the table
};

// All rows of the table.
std::span<const SpecialSection> special_sections();
// The row of `section`, or nullptr.
const SpecialSection* find_row(std::string_view section);
// The ends of the paths of the kernel's sources that read these tables, and so know what an entry is.
std::span<const std::string_view> table_readers();
// The entry of `section` if it is a table whose entries belong to functions, or nullptr. Runtime constants
// (include/asm-generic/runtime-const.h) have a section for each variable: it lists the instructions into which the
// kernel writes the variable's value at boot, in vmlinux only.
const SpecialSection* find_special(std::string_view section);
// The row of a section that the kernel reads while the module loads, or nullptr.
const SpecialSection* find_read_while_loading(std::string_view section);
// The same if that is before klp-build's own core hears of the module.
const SpecialSection* find_read_before_core(std::string_view section);
Role role_of(const elf::Section& section);
// Every processor has its own copy, and addresses count from its beginning (include/linux/percpu-defs.h).
bool is_per_cpu(std::string_view section);
// Written only while the kernel or module starts (include/linux/cache.h, __ro_after_init).
bool is_ro_after_init(std::string_view section);
// Not writable when the kernel or module has started: the kernel makes .data.rel.ro read-only as it does .rodata.
bool is_read_only(const elf::Section& section);
// The name that a section of vmlinux has to have in a module for its content to be what it was. A module's loader knows
// one section of per-cpu variables (find_pcpusec() of kernel/module/main.c); those that only place a variable among
// others (DEFINE_PER_CPU_ALIGNED and its like of linux/percpu-defs.h) are sections of vmlinux's linker script.
std::string_view name_in_module(std::string_view section);
// The content of the section is made when the kernel or module is linked.
bool is_filled_by_link(std::string_view section);
// Memory that the kernel shares with its hypervisor as plain text (__bss_decrypted, DEFINE_PER_CPU_DECRYPTED): set up
// when it starts, and for vmlinux only.
bool is_decrypted(std::string_view section);
// Discarded when the kernel or module has started: nothing of it can be patched or taken along.
bool is_init(std::string_view section);
// .exit.text and its data
bool is_exit(std::string_view section);

} // namespace klp::arch
