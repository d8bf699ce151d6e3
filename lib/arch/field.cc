#include "arch/field.h"

#include <elf.h>

namespace klp::arch {

namespace {

std::optional<Field> x86_64_field(uint32_t type)
{
    switch (type) {
    case R_X86_64_64:
        return Field{8, false, false};
    case R_X86_64_32:
        return Field{4, false, false};
    case R_X86_64_32S:
        return Field{4, false, true};
    case R_X86_64_PC32:
    case R_X86_64_PLT32:
        return Field{4, true, true};
    case R_X86_64_PC64:
        return Field{8, true, false};
    default:
        return std::nullopt;
    }
}

} // namespace

std::optional<Field> relocated_field(uint16_t machine, uint32_t type)
{
    return machine == EM_X86_64 ? x86_64_field(type) : std::nullopt;
}

bool is_profiling_call(uint16_t machine, std::string_view symbol)
{
    return machine == EM_X86_64 && symbol == "__fentry__";
}

} // namespace klp::arch
