// Where objects of a structure are allocated and freed.
#pragma once

#include "rewrite/edits.h"
#include "rewrite/parsed_unit.h"

#include <clang/AST/Decl.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace klp::rewrite {

// A statement that allocates or frees an object.
struct LifetimeSite {
    const clang::FunctionDecl* function = nullptr;
    const clang::VarDecl* variable = nullptr; // that holds the object's address, if it is one
    std::string object;                       // its address as text: "ctx", "&zram->stats"
    Place begin;                              // of the statement
    Place end;                                // behind its semicolon
    std::string indent;
    std::optional<Place> opening; // where a brace has to come if there shall be a second statement
};

struct Lifetimes {
    std::vector<LifetimeSite> allocations; // `p = kzalloc(...);`
    std::vector<LifetimeSite> frees;       // `kfree(p);`, also of an object that has the structure inside
    std::vector<LifetimeSite> resets;      // `memset(p, ...);`, the same
    // Structures with an object inside (holders_in()) of which some are allocated, or freed, with what is in them.
    std::set<std::string> made, ended;
    std::vector<std::string> problems; // sites that were seen and cannot be extended, as sentences
};

// In functions of the unit's own file that stay after boot. What frees says so (freeing.h), or is
// kfree_rcu(); a callback of call_rcu() or kref_put() is found by what it calls.
Lifetimes find_lifetimes(const ParsedUnit& unit, const clang::RecordDecl& record);

// Puts a statement, without indentation and newline, before or behind the one of the site.
void add_before(const LifetimeSite& site, const std::string& statement, FileEdits& edits);
void add_behind(const LifetimeSite& site, const std::string& statement, FileEdits& edits);

} // namespace klp::rewrite
