// What the target's image says of the places of one object's symbols: which are code, which are gone after boot, which
// functions ftrace can take hold of. Private to this room.
#pragma once

#include "elf/object.h"
#include "symbols/kernel_symbols.h"

#include <vector>

namespace klp::verify {

class FunctionPlaces {
public:
    // `image` may be nullptr or hold less than everything; what is not known counts as right.
    FunctionPlaces(const symbols::SymbolTable& table, const elf::Object* image);

    // In memory that the kernel frees when it (or the module) has initialised.
    bool is_freed(const symbols::KernelSymbol& symbol) const;
    // Is it a name that the linker script gives to a place, such as _sinittext? Its address may be asked for, to
    // compare, when what was there is gone. It is global and has neither type nor size, which only an ELF image says; a
    // global label of an assembler's code passes for one.
    bool is_boundary(const symbols::KernelSymbol& symbol) const;
    bool is_code(const symbols::KernelSymbol& symbol) const;
    // Is there an ftrace location from the symbol's start to its end (kernel/trace/ftrace.c, ftrace_location())?
    bool may_be_traced(const symbols::KernelSymbol& symbol) const;

private:
    struct Site {
        uint32_t section; // 0 for vmlinux
        uint64_t address;
        auto operator<=>(const Site&) const = default;
    };
    void read_vmlinux_sites();
    void read_module_sites();
    uint64_t address_of(std::string_view symbol) const;
    uint64_t end_of(const symbols::KernelSymbol& symbol) const;

    const symbols::SymbolTable& table_;
    const elf::Object* image_;
    bool is_vmlinux_;
    bool knows_sites_ = false;
    std::vector<Site> sites_; // sorted
};

} // namespace klp::verify
