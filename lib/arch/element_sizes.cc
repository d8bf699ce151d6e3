#include "arch/element_sizes.h"

#include "arch/dwarf_guard.h"
#include "arch/placed_dwarf.h"

#include <optional>

namespace klp::arch {

namespace {

namespace dwarf = llvm::dwarf;
using Place = PlacedDwarf::Place;
using Sizes = std::map<Place, uint64_t>;

// Of the array that an entry's type is, under other names or not.
std::optional<uint64_t> element_size(llvm::DWARFDie variable, uint64_t address_size) {
    llvm::DWARFDie type = variable.getAttributeValueAsReferencedDie(dwarf::DW_AT_type);
    while (type && (type.getTag() == dwarf::DW_TAG_typedef || type.getTag() == dwarf::DW_TAG_const_type ||
                    type.getTag() == dwarf::DW_TAG_volatile_type))
        type = type.getAttributeValueAsReferencedDie(dwarf::DW_AT_type);
    if (!type || type.getTag() != dwarf::DW_TAG_array_type)
        return std::nullopt;
    llvm::DWARFDie element = type.getAttributeValueAsReferencedDie(dwarf::DW_AT_type);
    return element ? element.getTypeSize(address_size) : std::nullopt;
}

} // namespace

Sizes element_sizes(const elf::Object& object) {
    Sizes sizes;
    read_debug_data(object.name(), [&] {
        const PlacedDwarf debug(object);
        debug.visit(dwarf::DW_TAG_variable, [&](llvm::DWARFUnit& unit, llvm::DWARFDie variable) {
            const llvm::DWARFDie described = variable.getAttributeValueAsReferencedDie(dwarf::DW_AT_specification);
            const auto size = element_size(described ? described : variable, unit.getAddressByteSize());
            const auto location = size ? debug.location(unit, variable) : std::nullopt;
            if (!location)
                return;
            const auto first = location->begin(); // an array is in one place, and whole
            if (first == location->end() || first->isError())
                return;
            if (const auto place = debug.place(unit, *first))
                sizes.emplace(*place, *size);
        });
    });
    return sizes;
}

} // namespace klp::arch
