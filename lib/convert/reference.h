// What a module refers to that it cannot import: the one value that both ways into klp-convert (the differ's output and
// hand-written modules) are turned into before anything is rewritten.
#pragma once

#include "elf/object.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace klp::convert {

struct LivepatchReference {
    uint32_t symbol = 0; // index in the module's symbol table
    std::string owner;   // the object whose code refers: the relocations go to .klp.rela.OWNER.*
    std::string object;  // the object that defines the symbol, "vmlinux" or a module
    std::string name;
    unsigned sympos = 0;
};

// A livepatch symbol's name taken apart: ".klp.sym.OBJ.NAME,POS". nullopt where klp_resolve_symbols() would not take it
// (kernel/livepatch/core.c: "%55[^.].%511[^,],%lu").
struct LivepatchName {
    std::string_view object;
    std::string_view name;
    unsigned sympos = 0;
};
std::optional<LivepatchName> parse_livepatch_symbol(std::string_view text);

// The object of ".klp.rela.OBJ.SECTION", and what follows it. nullopt where the kernel would not take it.
struct LivepatchSectionName {
    std::string_view object;
    std::string_view section;
};
std::optional<LivepatchSectionName> parse_livepatch_section(std::string_view text);

// The references in the form that the differ emits (elf/livepatch_abi.h), in symbol order. Throws report::Refusal
// "convert.bad-reference" for a malformed one.
std::vector<LivepatchReference> read_references(const elf::Object& module);

} // namespace klp::convert
