// The names of source files in objects, as people know them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace klp::kernel {

// The tree that a unit is compiled from, with a '/' behind it: as its command spells the path of its `source`, and as
// headers are named. None where the command names the source without a tree.
//
//     "/src/mm/slub.c", "mm/slub.c"                                "/src/"
//     "/src/arch/x86/kvm/../../../virt/kvm/vfio.c", "virt/kvm/vfio.c"
//         "/src/arch/x86/kvm/../../../", "/src/"                   the Makefile of another folder names it
std::vector<std::string> trees_named_by(const std::string& path, std::string_view source);

// Takes `tree`, an absolute path that ends in '/', off the beginning of every string constant of the object file. GCC
// gives the places of UBSAN's checks the path of the source as it opens it, whatever -fmacro-prefix-map says of
// __FILE__ (gcc/ubsan.cc, ubsan_source_location()): the same code would differ from one tree to its mirror, and a
// module from one machine to another. Strings keep their places; what one is shorter is zeros behind it.
// Throws as elf::Object::open() and files::write().
void take_off_tree(const std::filesystem::path& object, std::string_view tree);

} // namespace klp::kernel
