// Which symbol of the target kernel does a unit's symbol mean? The question the differ asks for everything that a live
// patch refers to and does not bring along.
#pragma once

#include "elf/object.h"

#include <string>
#include <vector>

namespace klp::symbols {

struct Resolution {
    enum class Kind {
        imported,  // exported by vmlinux, or by a module that the live patch has to depend on: a normal module import
        livepatch, // must be a livepatch symbol: object, sympos
        absent,    // the target has no such symbol
        ambiguous  // it has several and nothing tells which; `candidates` lists them
    };
    Kind kind = Kind::absent;
    std::string object;                  // "vmlinux" or a module's name
    unsigned sympos = 0;                 // 0: unique in its object (Documentation/livepatch/livepatch.rst)
    bool is_global = false;              // of vmlinux, and global there: may keep its plain name (elf/livepatch_abi.h)
    std::string name_space;              // of an imported symbol, empty if none
    bool is_proven = false;              // by the image's content, or an export; false: by name alone
    // For people. Of an ambiguous one: "OBJECT NAME,POS at ADDRESS (FILE)"; of an absent one the modules that have one
    // which code of this object does not get at.
    std::vector<std::string> candidates;
    bool is_overridden = false;     // of a weak one: the target has another unit's, which is not weak, in its place
    bool has_other_content = false; // read-only data that is not what the unit's source makes it
    bool is_for_some = false;       // exported for certain modules only: modpost refuses its plain name
};

class Resolver {
public:
    virtual ~Resolver() = default;
    // A symbol that the original unit defines itself: a static or global function or variable of the owner. An imported
    // one has its object and sympos as well: it may be a function that is to be patched.
    virtual Resolution resolve_defined(const elf::Symbol& original) const = 0;
    // A symbol that a unit refers to and some other unit of the kernel defines.
    virtual Resolution resolve_undefined(std::string_view name) const = 0;
};

} // namespace klp::symbols
