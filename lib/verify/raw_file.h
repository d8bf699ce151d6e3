// The headers and symbols of a module as they stand in the file, for rules about fields that elf::Object has no use
// for. Private to this room.
#pragma once

#include "elf/object.h"

#include <elf.h>
#include <vector>

namespace klp::verify {

struct RawFile {
    Elf64_Ehdr header = {};           // in this machine's byte order, like all that follows
    std::vector<Elf64_Shdr> sections; // as many as elf::Object counts
    std::vector<Elf64_Sym> symbols;
    uint64_t length = 0;    // of what the loader reads as ELF: without a signature at the end
    uint64_t signature = 0; // bytes from there to the end of the file, the marker included; 0: not signed
};

// kernel/module/signing.c, module_sig_check(): the end of the file that says it is signed.
inline constexpr std::string_view signature_marker = "~Module signature appended~\n";

RawFile read_raw(const elf::Object& module);

} // namespace klp::verify
