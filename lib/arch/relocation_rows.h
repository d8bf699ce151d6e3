// What a machine's relocations do, as rows of a table: each machine's file has one.
#pragma once

#include "arch/machine.h"

#include <span>

namespace klp::arch {

struct RelocationRow {
    uint32_t first;
    uint32_t last; // inclusive
    Form form;
    uint8_t width = 0; // bytes of the field; 0 where it is part of an instruction word
    // Bytes that the kernel's module loader changes at its place, 0 for a mark; `refused` where it does not know the
    // type. Source: arch/{x86,arm64,powerpc,s390,loongarch}/kernel/module*.c of Linux 6.1 and 6.12,
    // apply_relocate_add().
    int8_t loaded = refused;
    bool in_units = true; // false: only the loader knows it, the compilers of a kernel make none

    static constexpr int8_t refused = -1;
};

// The kind of the first row that has `type`; an unknown one if none has.
inline RelocationKind kind_in(std::span<const RelocationRow> rows, uint32_t type) {
    for (const RelocationRow& row : rows)
        if (row.in_units && type >= row.first && type <= row.last)
            return {row.form, true, row.width};
    return {};
}

// What the loader changes; see RelocationRow::loaded.
inline std::optional<unsigned> loaded_width_in(std::span<const RelocationRow> rows, uint32_t type) {
    for (const RelocationRow& row : rows)
        if (type >= row.first && type <= row.last)
            return row.loaded == RelocationRow::refused ? std::nullopt
                                                        : std::optional(static_cast<unsigned>(row.loaded));
    return std::nullopt;
}

} // namespace klp::arch
