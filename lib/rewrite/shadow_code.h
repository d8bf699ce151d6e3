// The C code of a shadow variable: the structure of what is new, and accessors
// (Documentation/livepatch/shadow-vars.rst).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace klp::rewrite {

struct Shadow {
    std::string name;                          // "timerfd_ctx"
    std::string record;                        // "struct timerfd_ctx"
    std::string declarations;                  // of the new members, as lines of a structure
    std::string origin;                        // what the id is made of: file, structure and members
    std::map<std::string, std::string> values; // constants that members have where the object is set up
    std::vector<std::string> initialisers;     // statements on `new`: "mutex_init(&new->lock);"
    bool is_read = false;                      // which accessors are needed
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

// The statement that frees all of them.
std::string release_all(const Shadow& shadow);

} // namespace klp::rewrite
