#include "arch/variable_scopes.h"

#include "arch/dwarf_guard.h"
#include "arch/placed_dwarf.h"

#include <optional>

namespace klp::arch {

namespace {

namespace dwarf = llvm::dwarf;
using Place = PlacedDwarf::Place;

class Scopes {
public:
    explicit Scopes(const elf::Object& object) : object_(object), dwarf_(object) {}

    std::map<Place, std::string> read() {
        dwarf_.visit(dwarf::DW_TAG_variable,
                     [&](llvm::DWARFUnit& unit, llvm::DWARFDie variable) { read(unit, variable); });
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
            if (const auto place = dwarf_.place(unit, operation))
                return place;
        }
        return std::nullopt;
    }

    const elf::Object& object_;
    PlacedDwarf dwarf_;
    std::map<Place, std::string> scopes_;
};

} // namespace

std::map<Place, std::string> variable_scopes(const elf::Object& object) {
    std::map<Place, std::string> scopes;
    read_debug_data(object.name(), [&] { scopes = Scopes(object).read(); });
    return scopes;
}

} // namespace klp::arch
