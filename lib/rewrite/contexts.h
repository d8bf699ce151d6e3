// Where the functions of a unit may sleep: by their own words, or because all that call them may.
#pragma once

#include "rewrite/parsed_unit.h"
#include "rewrite/sleeping.h"

#include <clang/AST/Decl.h>

#include <map>
#include <set>
#include <vector>

namespace klp::rewrite {

class Contexts {
public:
    explicit Contexts(const ParsedUnit& unit);

    // A call that asks for memory with flags that may sleep says so, whatever macro has the flags (kzalloc_obj() of 7.x
    // has GFP_KERNEL if the author wrote none). A static function that nobody takes the address of is called only by
    // what the unit shows. Anything else that does not sleep by itself counts as atomic.
    Context at(const clang::FunctionDecl& function, const Place& place) const;

private:
    friend class CallFinder;
    struct Call {
        const clang::FunctionDecl* caller;
        Place place;
    };
    bool sleeps_by_calls(const clang::FunctionDecl& function, std::string_view body, const Place& begin) const;
    Context at(const clang::FunctionDecl& function, const Place& place,
               std::set<const clang::FunctionDecl*>& under_way) const;

    const ParsedUnit& unit_;
    std::map<const clang::FunctionDecl*, std::vector<Call>> calls_;     // by what is called
    std::map<const clang::FunctionDecl*, std::vector<Place>> reclaims_; // calls that wait for memory, by the caller
    std::set<const clang::FunctionDecl*> pointed_to_;
};

} // namespace klp::rewrite
