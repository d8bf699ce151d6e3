// What the bytes of two objects of one unit tell, without the differ's understanding of them.
#pragma once

#include "elf/object.h"

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace klp::sense {

// "foo" of a compiler's "foo.part.0", "foo.cold", "foo.isra.0".
std::string_view source_name(std::string_view symbol);

// Whether anything that is loaded differs. Never false where the differ would find a change.
bool has_difference(const elf::Object& original, const elf::Object& patched);

// The functions, by their names in the source, whose code surely differs: other bytes, or references to other names.
std::set<std::string, std::less<>> changed_functions(const elf::Object& original, const elf::Object& patched);

// What the unit exports. Source: include/linux/export-internal.h and include/linux/export.h (__ksymtab_NAME, and
// __export_symbol_NAME since 6.4).
std::set<std::string, std::less<>> exports_of(const elf::Object& unit);

// Who may use what the unit exports, by name: license and namespace, in words that can be compared ("GPL", "GPL
// DMA_BUF"; "" for everybody). Source: as above; sections ___ksymtab_gpl+NAME and symbols __kstrtabns_NAME before 6.4.
std::map<std::string, std::string, std::less<>> export_terms_of(const elf::Object& unit);

// The functions that BPF programs may call or attach to, as the unit's sets of BTF ids name them. Source:
// include/linux/btf_ids.h (__BTF_ID__func__NAME__NUMBER).
std::set<std::string, std::less<>> functions_of_bpf(const elf::Object& unit);

// The functions whose address is in the unit's variables: callbacks and operations.
std::set<std::string, std::less<>> functions_in_data(const elf::Object& unit);

// The functions whose address the unit's code takes other than to call them: it may be given to timers, work items,
// interrupts and the like.
std::set<std::string, std::less<>> functions_handed_out(const elf::Object& unit);

} // namespace klp::sense
