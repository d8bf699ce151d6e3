#include "arch/function_results.h"

#include "arch/dwarf_guard.h"
#include "arch/placed_dwarf.h"

namespace klp::arch {

namespace {

namespace dwarf = llvm::dwarf;

FunctionResult result_of(llvm::DWARFDie function) {
    llvm::DWARFDie type = function.getAttributeValueAsReferencedDie(dwarf::DW_AT_type);
    if (const llvm::DWARFDie origin = function.getAttributeValueAsReferencedDie(dwarf::DW_AT_abstract_origin);
        origin && !type)
        type = origin.getAttributeValueAsReferencedDie(dwarf::DW_AT_type);
    while (type && (type.getTag() == dwarf::DW_TAG_typedef || type.getTag() == dwarf::DW_TAG_const_type ||
                    type.getTag() == dwarf::DW_TAG_volatile_type))
        type = type.getAttributeValueAsReferencedDie(dwarf::DW_AT_type);
    if (!type)
        return FunctionResult::nothing;
    switch (type.getTag()) {
    case dwarf::DW_TAG_base_type:
    case dwarf::DW_TAG_enumeration_type:
        return FunctionResult::number;
    case dwarf::DW_TAG_pointer_type:
        return FunctionResult::pointer;
    default:
        return FunctionResult::other;
    }
}

} // namespace

std::map<PlacedDwarf::Place, FunctionResult> function_results(const elf::Object& object) {
    std::map<PlacedDwarf::Place, FunctionResult> results;
    read_debug_data(object.name(), [&] {
        const PlacedDwarf debug(object);
        debug.visit(dwarf::DW_TAG_subprogram, [&](llvm::DWARFUnit&, llvm::DWARFDie function) {
            const std::optional<uint64_t> address = dwarf::toAddress(function.find(dwarf::DW_AT_low_pc));
            const auto place = address ? debug.place(*address) : std::nullopt;
            if (place)
                results.emplace(*place, result_of(function));
        });
    });
    return results;
}

} // namespace klp::arch
