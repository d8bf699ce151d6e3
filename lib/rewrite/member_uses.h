// Where the patched code uses members that an object of the running kernel does not have.
#pragma once

#include "rewrite/parsed_unit.h"

#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>

#include <string>
#include <vector>

namespace klp::rewrite {

struct MemberUse {
    const clang::FieldDecl* member = nullptr;
    const clang::FunctionDecl* function = nullptr; // nullptr: outside of functions
    const clang::VarDecl* object = nullptr;        // the variable p of `p->member`, if it is that simple
    Place base;                                    // where `p` begins
    Place access;                                  // of "->" or "."
    Place name;                                    // of the member's name
    bool is_arrow = true;
    bool is_read = false;     // nothing can be written through it
    bool is_assigned = false; // by a plain assignment
    std::string path;         // of it, to what is assigned in the member: "", ".x", "[i]"
    bool is_pointer = false;  // what is assigned is one
    bool is_always = false;   // the statement is under no condition of its function but those of loops
    // What that stores, or what the function that gets the member's address gets next, if it is a constant: its text.
    std::string constant;
    // The macro or function that gets the member's address as its first argument, as INIT_LIST_HEAD(&p->list) does,
    // and the text of its further arguments (", tick, 0").
    std::string callee;
    std::string more_arguments;
    std::string given_to; // the function that gets the member's value, a pointer, as its first argument
    // What queue_work() and its relatives put it on: a global variable's name; "?" for any other.
    std::string queue;
};

// A macro that leads from the member back to its object, such as container_of().
struct MemberEntry {
    const clang::FieldDecl* member = nullptr;
    Place macro; // where its name begins
};

struct MemberUses {
    std::vector<MemberUse> uses; // one for each place in the text
    std::vector<MemberEntry> entries;
    std::vector<std::string> problems; // uses that no accessor can stand for, as sentences with their lines
};

MemberUses find_uses(const ParsedUnit& unit, const std::vector<const clang::FieldDecl*>& members);

} // namespace klp::rewrite
