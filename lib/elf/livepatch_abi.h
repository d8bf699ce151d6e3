// Names and layouts that livepatch objects are made of: the kernel's own, and ours between the differ and klp-convert.
#pragma once

#include <cstdint>
#include <string_view>

namespace klp::elf {

// ---- The kernel's: Documentation/livepatch/module-elf-format.rst, include/uapi/linux/elf.h, include/linux/livepatch.h
// ----

inline constexpr std::string_view klp_symbol_prefix = ".klp.sym.";   // .klp.sym.OBJ.NAME,POS; SHN_LIVEPATCH
inline constexpr std::string_view klp_section_prefix = ".klp.rela."; // .klp.rela.OBJ.SECTION
inline constexpr uint64_t shf_rela_livepatch = 0x00100000;
inline constexpr uint16_t shn_livepatch = 0xff20;
// kernel/livepatch/core.c, klp_resolve_symbols(): sscanf() with "%55[^.].%511[^,],%lu".
inline constexpr unsigned max_object_name = 55;
inline constexpr unsigned max_symbol_name = 511;

// ---- That of klp-build's own runtime core (template/core/README.md), for kernels without one ----

// Which livepatch core a module is for.
enum class Runtime : uint8_t { kernel, core };

// The tag of .modinfo that says so: a kernel without CONFIG_LIVEPATCH refuses modules with the tag that its own core
// wants (kernel/module/main.c, check_modinfo_livepatch()).
inline constexpr std::string_view livepatch_tag = "livepatch";
inline constexpr std::string_view core_livepatch_tag = "livepatch:";

inline constexpr std::string_view core_module = "klp_core";
// In .modinfo of the core and of what klp-build makes: the build id of the vmlinux that it is for, or OBJECT:ID for
// each module that a patch changes.
inline constexpr std::string_view build_id_tag = "klp_build_id";
// What klp-build says in .modinfo of where a live patch came from, for klpctl and people: once for each patch file
// "SHA256 NAME", once for each CVE that their descriptions name, and the tool with its version.
inline constexpr std::string_view patch_tag = "klp_patch";
inline constexpr std::string_view cve_tag = "klp_cve";
inline constexpr std::string_view made_by_tag = "klp_made_by";
inline constexpr std::string_view core_exports[] = {
    "klp_enable_patch",    "klp_shadow_get", "klp_shadow_alloc",   "klp_shadow_get_or_alloc", "klp_shadow_free",
    "klp_shadow_free_all", "klp_get_state",  "klp_get_prev_state", "klp_check_relocs"};

// struct klp_core_reloc (template/core/include/linux/livepatch.h), 48 bytes an entry, ended by one of zeros; the first
// four fields are pointers and relocated: u64 place, u64 object, u64 symbol_object, u64 symbol, s64 addend, u32 sympos,
// u32 type. The core finds them by the symbol.
inline constexpr std::string_view core_relocs_section = ".klp.core.relocs";
inline constexpr std::string_view core_strings_section = ".klp.core.strings";
inline constexpr std::string_view core_relocs_symbol = "klp_core_relocs";
inline constexpr unsigned core_reloc_size = 48;
inline constexpr unsigned core_reloc_alignment = 8;

// ---- Ours: what the differ emits, and `ld -r`, modpost and objtool carry through to klp-convert ----
//
// Every reference to a symbol that a module cannot import is an undefined *weak* symbol (modpost passes over those):
//  - a unique global symbol of vmlinux keeps its plain name (objtool knows noreturn functions, static-call keys and
//    trampolines by name) and is listed in `.klp.build.symbols`;
//  - any other is named ".klp.ref.OWNER.OBJ.NAME,POS": OWNER is the object whose code makes the reference, which
//  decides
//    the .klp.rela.OWNER.* section it ends in; OBJ, NAME and POS become the symbol's final form. A symbol of vmlinux
//    (OBJ "vmlinux") always has OWNER "vmlinux": the kernel refuses vmlinux symbols elsewhere.
inline constexpr std::string_view reference_prefix = ".klp.ref.";

// 8 bytes an entry: an absolute 64-bit relocation against the plain-named weak symbol. Allocated, so that nobody
// strips it; klp-convert removes the section.
inline constexpr std::string_view build_symbols_section = ".klp.build.symbols";

// The patched functions, read by the module's init code (template/module/klp_build.h), 32 bytes an entry:
//   u64 new_func (relocated), u64 old_name (relocated, a string), u64 object name (relocated, a string), u64 sympos
inline constexpr std::string_view build_functions_section = ".klp.build.funcs";
// The callbacks, likewise, 24 bytes an entry: u64 function, u64 object name, u64 kind (CallbackKind).
inline constexpr std::string_view build_callbacks_section = ".klp.build.callbacks";
// The strings the two above point to.
inline constexpr std::string_view build_strings_section = ".klp.build.strings";

// What a hand-written module says about its references (template/module/include/klp_relocs.h): sections
// ".klp.annotations.OWNER", 72 bytes an entry: u64 symbol (an absolute relocation against it), u64 sympos, and the name
// of the object that defines it (empty: OWNER), NUL-terminated in 56 bytes. klp-convert removes them.
inline constexpr std::string_view annotation_prefix = ".klp.annotations.";
inline constexpr unsigned annotation_size = 72;

enum class CallbackKind : uint64_t { pre_patch = 0, post_patch = 1, pre_unpatch = 2, post_unpatch = 3 };

} // namespace klp::elf
