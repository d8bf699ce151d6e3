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
};

// The kind of the first row that has `type`; an unknown one if none has.
inline RelocationKind kind_in(std::span<const RelocationRow> rows, uint32_t type) {
    for (const RelocationRow& row : rows)
        if (type >= row.first && type <= row.last)
            return {row.form, true, row.width};
    return {};
}

} // namespace klp::arch
