// The C code of a shadow variable: the structure of what is new, and accessors
// (Documentation/livepatch/shadow-vars.rst).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace klp::rewrite {

struct Shadow {
    std::string name;                          // "timerfd_ctx"
    std::string record;                        // "struct timerfd_ctx"
    std::string declarations;                  // of the new members, as lines of a structure
    std::string origin;                        // what the id is made of: file, structure and members
    std::map<std::string, std::string> values; // by designator, constants that members begin with
    std::vector<std::string> initialisers;     // statements on `new`: "mutex_init(&new->lock);"
    std::set<std::string> object_names;        // variables of the object that these use
    std::vector<std::string> prototypes;       // of functions that these use
    std::vector<std::string> cancels;          // statements on `each` that keep it from running later
    std::vector<std::string> waits;            // statements behind which nothing runs that was under way
    std::set<std::string> owned;               // statements on `old` that free what it points to
    bool knows_object = false;                 // has a member `object`
    bool has_loop = false;                     // over a list of such members: each_macro()
    bool has_safe_loop = false;
    bool must_exist = false; // a lock, list, work or link: without memory, objects share one that stays
    bool is_read = false;    // which accessors are needed
    bool is_written = false;
    bool is_freed = false;
};

// The names that the rewritten code uses: of a structure, and functions on a pointer to the object.
std::string structure_name(const Shadow& shadow); // "klp_timerfd_ctx"
std::string getter(const Shadow& shadow);         // (object): what the object has, or the defaults; never NULL
std::string allocator(const Shadow& shadow);      // (object, gfp): what it has, made if need be; never NULL
std::string releaser(const Shadow& shadow);       // (object)

// Another id for another `origin`, and the same whenever it is made again: a patch that replaces this one finds the
// variables. 32 bits, as unlikely to meet another patch's id as any hash.
uint32_t id_of(const Shadow& shadow);

// The parts of the code, each without include directives. Who uses it sees the structure and, of code in another file,
// the prototypes; `storage` of the functions is "static " or nothing.
std::string shadow_structure(const Shadow& shadow);
std::string shadow_prototypes(const Shadow& shadow);
std::string shadow_functions(const Shadow& shadow, std::string_view storage);
std::string release_prototype(const Shadow& shadow, std::string_view storage); // without semicolon

// The statements that free all of them, once nothing uses them any more.
std::string release_all(const Shadow& shadow);

} // namespace klp::rewrite
