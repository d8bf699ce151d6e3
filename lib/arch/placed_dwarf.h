// A relocatable object's debug data, and which of its sections an address there is in. Private to this room.
#pragma once

#include "arch/dwarf_file.h"

#include <llvm/DebugInfo/DWARF/DWARFDie.h>
#include <llvm/DebugInfo/DWARF/DWARFExpression.h>

#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

namespace klp::arch {

class PlacedDwarf {
public:
    using Place = std::pair<uint32_t, uint64_t>; // section and offset

    // `object` outlives it.
    explicit PlacedDwarf(const elf::Object& object)
        : is_little_endian_(object.is_little_endian()), layout_(object), file_(open_relocated_dwarf(object, &layout_)) {
        for (const elf::Section& section : object.sections())
            if (section.is_allocated())
                sections_.emplace(layout_.address_of(section.index), section.index);
    }
    PlacedDwarf(const PlacedDwarf&) = delete;
    PlacedDwarf& operator=(const PlacedDwarf&) = delete;

    std::optional<Place> place(uint64_t address) const {
        const auto above = sections_.upper_bound(address);
        if (above == sections_.begin())
            return std::nullopt;
        const auto& [base, section] = *std::prev(above);
        return Place{section, address - base};
    }

    // Where an operation of a location leads that names an address (DWARF 5, 2.5.1.1); nothing for any other one.
    std::optional<Place> place(llvm::DWARFUnit& unit, const llvm::DWARFExpression::Operation& operation) const {
        if (operation.getCode() == llvm::dwarf::DW_OP_addr)
            return place(operation.getRawOperand(0));
        if (operation.getCode() != llvm::dwarf::DW_OP_addrx)
            return std::nullopt;
        const auto address = unit.getAddrOffsetSectionItem(static_cast<uint32_t>(operation.getRawOperand(0)));
        return address ? place(address->Address) : std::nullopt;
    }

    // The operations that say where a variable is; nothing where a list does, or nobody.
    std::optional<llvm::DWARFExpression> location(llvm::DWARFUnit& unit, llvm::DWARFDie variable) const {
        const auto attribute = variable.find(llvm::dwarf::DW_AT_location);
        const auto block = attribute ? attribute->getAsBlock() : std::nullopt;
        if (!block)
            return std::nullopt;
        const llvm::DataExtractor data(*block, is_little_endian_, unit.getAddressByteSize());
        return llvm::DWARFExpression(data, unit.getAddressByteSize(), unit.getFormParams().Format);
    }

    // Calls visit(unit, entry) for each entry of that tag; for none where there is no debug data.
    template <typename Visit>
    void visit(llvm::dwarf::Tag tag, Visit visit) const {
        if (!file_.dwarf)
            return;
        for (const std::unique_ptr<llvm::DWARFUnit>& unit : file_.dwarf->compile_units()) {
            unit->getUnitDIE(false);
            for (const llvm::DWARFDebugInfoEntry& entry : unit->dies())
                if (entry.getTag() == tag)
                    visit(*unit, llvm::DWARFDie(unit.get(), &entry));
        }
    }

private:
    bool is_little_endian_;
    SectionLayout layout_;
    DwarfFile file_;
    std::map<uint64_t, uint32_t> sections_; // by the address that the layout gives them
};

} // namespace klp::arch
