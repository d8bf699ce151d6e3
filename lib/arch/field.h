// The bytes that a relocation fills in: how wide they are and how to get back from them to the address they stand for.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace klp::arch {

struct Field {
    unsigned width = 0;       // bytes
    bool pc_relative = false; // the value is a distance from the field's own place
    bool is_signed = false;   // narrower than an address and sign-extended to one
};

// The field that relocation `type` of ELF machine `machine` fills, where it is a plain integer at the relocation's
// offset. nullopt for relocations that spread over an instruction's bits or fill nothing.
// Source: System V ABI, AMD64 supplement, table 4.10.
std::optional<Field> relocated_field(uint16_t machine, uint32_t type);

// Whether a call to `symbol` is one that the kernel's build or boot code replaces with a no-op: the profiling call at a
// function's start. `opcode_bytes` before the field are rewritten too.
bool is_profiling_call(uint16_t machine, std::string_view symbol);
inline constexpr unsigned profiling_call_opcode_bytes = 1;

} // namespace klp::arch
