// What compilers do to names, undone.
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace klp::diff {

// How far a variable's identity goes.
enum class Identity : uint8_t {
    kept,       // it is somebody's state or somebody's address: the patched one must be the original one
    by_content, // only its bytes matter (a compiler's table, __func__): equal bytes are the same, a copy may travel
                // along
    left_alone  // marks of messages that are printed once (.data..once) and descriptors of debug messages: never
               // correlated, each copy of the code brings its own
};

// `name` without what the compiler numbers: digit-only parts ("count.12" and "count.3" are "count"), ThinLTO's
// ".llvm.HASH", the counter at the end of a __UNIQUE_ID_ or a __BTF_ID_, and counter and line in the names around an
// initcall
// ("__initstub__kmod_timer__866_322_init6", linux/init.h). Clone kinds (.isra .part .constprop .cold) stay.
std::string stem(std::string_view name);

// `name` without ThinLTO's ".llvm.HASH", which it adds to what it makes global for another unit.
std::string_view without_llvm_hash(std::string_view name);

// "__BTF_ID__func__foo__12": an entry of a list of BTF ids; what it is of stands between, and a counter at the end
// (linux/btf_ids.h).
bool is_btf_id_name(std::string_view name);

// A name of an initcall's that has a counter and the line in it.
bool is_initcall_name(std::string_view name);

// GCC numbers every static local: "count.12"; so does __UNIQUE_ID() (linux/compiler.h) what it names.
bool is_numbered(std::string_view name);

// GCC's "count.12" or Clang's "function.count": a variable that lives in one function. Also Clang's ".compoundliteral":
// the first one that has no name in the source, before ".compoundliteral.1".
bool is_static_local_name(std::string_view name);

// The name of the function that NAME.cold, NAME.cold.N is the unlikely part of; empty if it is none.
std::string_view cold_parent(std::string_view name);

// The function's name in the source: "foo" of "foo.constprop.0", "foo.isra.0.cold".
std::string_view source_name(std::string_view name);

// "isra", "constprop", "part": made by the compiler out of another function.
bool is_clone(std::string_view name);

// Functions that sanitizers and gcov register the unit's data with, run when the kernel or module starts: GCC's
// _sub_I_65535_1 and _sub_D_65535_0, Clang's asan.module_ctor. They follow from the data; no patch changes them.
bool is_made_constructor(std::string_view name);

// The name of a file of source, as __FILE__ says it.
bool is_source_name(std::string_view text);

// `section` holds the variable. What may be written to is state, whatever its name; of what may not, compilers and
// macros make copies as they like, under names of their own.
Identity identity_of(std::string_view name, const elf::Section& section);

// __pfx_NAME and __cfi_NAME: the padding before NAME, not a function.
bool is_prefix_name(std::string_view name);

} // namespace klp::diff
