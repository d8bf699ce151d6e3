#include "diff/check_pair.h"

#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::diff {

void check_pair(const elf::Object& original, const elf::Object& patched) {
    if (original.machine() != patched.machine() || original.is_little_endian() != patched.is_little_endian())
        throw report::Refusal("diff.machines-differ", patched.name(),
                              fmt::format("it is for another machine than {}", original.name()),
                              "compile both with the same compiler and flags");
    for (const elf::Object* object : {&original, &patched})
        if (object->type() != 1 /* ET_REL */)
            throw report::Refusal("diff.not-relocatable", object->name(), "this is not a relocatable object",
                                  "give the .o file that the compiler wrote");
    // Instead of code, such an object of GCC's has what the link makes code of (lto-streamer.h); so has Clang's, as
    // bitcode, where -fembed-bitcode asked for nothing else.
    for (const elf::Object* object : {&original, &patched}) {
        const bool is_slim = std::ranges::any_of(
            object->symbols(), [](const elf::Symbol& symbol) { return symbol.name == "__gnu_lto_slim"; });
        const bool has_code = std::ranges::any_of(
            object->sections(), [](const elf::Section& section) { return section.is_code() && section.size != 0; });
        const bool has_bitcode = object->find_section(".llvmbc") || object->find_section(".llvm.lto");
        if (is_slim || (has_bitcode && !has_code))
            throw report::Refusal("diff.no-code", object->name(),
                                  fmt::format("it holds {} for link-time optimisation and no machine code",
                                              is_slim ? "GCC's intermediate code" : "LLVM bitcode"),
                                  "give the object that the link makes of it, or compile the unit without -flto");
    }
}

} // namespace klp::diff
