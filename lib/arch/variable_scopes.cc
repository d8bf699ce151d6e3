#include "arch/variable_scopes.h"

#include "arch/dwarf_file.h"
#include "arch/dwarf_guard.h"

#include <llvm/DebugInfo/DWARF/DWARFDie.h>
#include <llvm/DebugInfo/DWARF/DWARFExpression.h>

#include <optional>

namespace klp::arch {

namespace {

namespace dwarf = llvm::dwarf;
using Place = std::pair<uint32_t, uint64_t>;

class Scopes {
public:
    explicit Scopes(const elf::Object& object)
        : object_(object), layout_(object), file_(open_relocated_dwarf(object, &layout_)) {
        for (const elf::Section& section : object.sections())
            if (section.is_allocated())
                sections_.emplace(layout_.address_of(section.index), section.index);
    }

    std::map<Place, std::string> read() {
        if (!file_.dwarf)
            return {};
        for (const std::unique_ptr<llvm::DWARFUnit>& unit : file_.dwarf->compile_units()) {
            unit->getUnitDIE(false);
            for (const llvm::DWARFDebugInfoEntry& entry : unit->dies())
                if (entry.getTag() == dwarf::DW_TAG_variable)
                    read(*unit, llvm::DWARFDie(unit.get(), &entry));
        }
        return std::move(scopes_);
    }

private:
    void read(llvm::DWARFUnit& unit, llvm::DWARFDie variable) {
        const std::optional<Place> place = place_of(unit, variable);
        if (!place)
            return;
        // An inlined copy refers to the variable of the function that it is a copy of.
        const llvm::DWARFDie origin = variable.getAttributeValueAsReferencedDie(dwarf::DW_AT_abstract_origin);
        for (llvm::DWARFDie around = (origin ? origin : variable).getParent(); around; around = around.getParent())
            if (around.getTag() == dwarf::DW_TAG_subprogram || around.getTag() == dwarf::DW_TAG_inlined_subroutine) {
                if (const char* name = around.getName(llvm::DINameKind::ShortName))
                    scopes_.emplace(*place, name);
                return;
            }
    }
    std::optional<Place> place_of(llvm::DWARFUnit& unit, llvm::DWARFDie variable) const {
        const auto location = variable.find(dwarf::DW_AT_location);
        const auto block = location ? location->getAsBlock() : std::nullopt;
        if (!block)
            return std::nullopt;
        const llvm::DataExtractor data(*block, object_.is_little_endian(), unit.getAddressByteSize());
        for (const auto& operation :
             llvm::DWARFExpression(data, unit.getAddressByteSize(), unit.getFormParams().Format)) {
            if (operation.isError())
                break;
            if (operation.getCode() == dwarf::DW_OP_addr)
                return section_place(operation.getRawOperand(0));
            if (operation.getCode() == dwarf::DW_OP_addrx)
                if (const auto address =
                        unit.getAddrOffsetSectionItem(static_cast<uint32_t>(operation.getRawOperand(0))))
                    return section_place(address->Address);
        }
        return std::nullopt;
    }
    std::optional<Place> section_place(uint64_t address) const {
        auto above = sections_.upper_bound(address);
        if (above == sections_.begin())
            return std::nullopt;
        const auto& [base, section] = *--above;
        return Place{section, address - base};
    }

    const elf::Object& object_;
    SectionLayout layout_;
    DwarfFile file_;
    std::map<uint64_t, uint32_t> sections_; // by the address that the layout gives them
    std::map<Place, std::string> scopes_;
};

} // namespace

std::map<Place, std::string> variable_scopes(const elf::Object& object) {
    std::map<Place, std::string> scopes;
    read_debug_data(object.name(), [&] { scopes = Scopes(object).read(); });
    return scopes;
}

} // namespace klp::arch
