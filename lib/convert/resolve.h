// The references of a hand-written module, whose undefined symbols are the kernel's by name only.
#pragma once

#include "convert/reference.h"
#include "report/finding.h"
#include "symbols/kernel_view.h"

namespace klp::convert {

// The author's or user's word on one symbol. `name` as in the module's symbol table.
struct Choice {
    std::string name;
    std::string object;
    unsigned sympos = 0;
};

// "NAME=OBJ,POS" or "NAME=OBJ" (POS 0). Throws report::Refusal "convert.bad-choice".
Choice parse_choice(std::string_view text);

struct Resolved {
    std::vector<LivepatchReference> references; // in symbol order
    std::vector<report::Finding> findings;
};

// Decides for each undefined symbol of `module`: one in the differ's form (read_references()) is taken as it is; a
// choice or an annotation of the source says what it is; else one that vmlinux exports, or a module that the module
// depends on anyway (modinfo "depends"), stays an import; else it is looked up in vmlinux and in `objects` (modules, by
// the kernel's names). Weak symbols that are nowhere stay as they are. Throws report::Refusal with one finding per
// symbol: "convert.unknown-symbol", "convert.ambiguous-symbol" (candidates listed), "convert.wrong-choice" (no such
// symbol at that position), "convert.unknown-object", and what read_annotations() throws.
Resolved resolve_references(const elf::Object& module, const symbols::KernelView& kernel,
                            const std::vector<std::string>& objects, const std::vector<Choice>& choices);

} // namespace klp::convert
