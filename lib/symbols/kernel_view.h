// What can be asked of a target kernel without booting it. klp-convert and klp-verify ask; where the answers come from
// (files of a package, a boot image, a test) is the implementation's business.
#pragma once

#include "symbols/kernel_symbols.h"
#include "symbols/symvers.h"

#include <string>
#include <string_view>

namespace klp::symbols {

class KernelView {
public:
    virtual ~KernelView() = default;
    // The symbols of "vmlinux" or of a module (by the kernel's name), or nullptr if there is no such object.
    virtual const SymbolTable* table(std::string_view object) const = 0;
    // The same object's file, or nullptr. That of vmlinux may lack a symbol table (boot image).
    virtual const elf::Object* image(std::string_view object) const = 0;
    // What the kernel exports, or nullptr where that is not known.
    virtual const Exports* exports() const = 0;
    // The vermagic string its modules carry, empty where that is not known.
    virtual std::string_view vermagic() const = 0;
    // Can modules be looked up? False if nothing is known of them, so that a missing one says nothing.
    virtual bool knows_modules() const = 0;
};

} // namespace klp::symbols
