// Where in the source an instruction comes from, as the object's debug data says.
#pragma once

#include "elf/object.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace klp::arch {

struct Frame {
    std::string function;
    std::string file;
    unsigned line = 0;
};

// Reads DWARF of one relocatable object, at the first question. Not thread-safe.
class DebugLines {
public:
    // `object` outlives it.
    explicit DebugLines(const elf::Object& object);
    ~DebugLines();
    DebugLines(const DebugLines&) = delete;
    DebugLines& operator=(const DebugLines&) = delete;

    // The source positions of the byte at `offset` of a section: the innermost inlined function first, the function
    // that the code is part of last. Empty where nothing is known. Throws report::Refusal "elf.damaged-debug-data".
    std::vector<Frame> frames(uint32_t section, uint64_t offset);

private:
    struct State;
    std::vector<Frame> read_frames(uint32_t section, uint64_t offset);

    const elf::Object& object_;
    std::unique_ptr<State> state_;
    bool has_looked_ = false;
};

} // namespace klp::arch
