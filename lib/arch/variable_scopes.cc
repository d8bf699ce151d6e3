#include "arch/variable_scopes.h"

#include "arch/dwarf_guard.h"
#include "arch/placed_dwarf.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

namespace klp::arch {

namespace {

namespace dwarf = llvm::dwarf;
using Place = PlacedDwarf::Place;

class Scopes {
public:
    explicit Scopes(const elf::Object& object) : dwarf_(object) {}

    std::map<Place, std::string> read() {
        dwarf_.visit(dwarf::DW_TAG_variable,
                     [&](llvm::DWARFUnit& unit, llvm::DWARFDie variable) { read(unit, variable); });
        return std::move(scopes_);
    }

private:
    void read(llvm::DWARFUnit& unit, llvm::DWARFDie variable) {
        const std::vector<Part> parts = parts_of(unit, variable);
        if (parts.empty())
            return;
        // An inlined copy refers to the variable of the function that it is a copy of.
        const llvm::DWARFDie origin = variable.getAttributeValueAsReferencedDie(dwarf::DW_AT_abstract_origin);
        const llvm::DWARFDie own = origin ? origin : variable;
        const std::string function = function_around(own);
        for (const Part& part : parts) {
            const std::string member = part.at ? fmt::format("{}+{}", name_of(own), *part.at) : "";
            if (!function.empty() || !member.empty())
                scopes_.emplace(part.place, fmt::format("{} {}", function, member));
        }
    }
    static const char* name_of(llvm::DWARFDie entry) {
        const char* name = entry.getName(llvm::DINameKind::ShortName);
        return name ? name : "";
    }
    static std::string function_around(llvm::DWARFDie variable) {
        for (llvm::DWARFDie around = variable.getParent(); around; around = around.getParent())
            if (around.getTag() == dwarf::DW_TAG_subprogram || around.getTag() == dwarf::DW_TAG_inlined_subroutine)
                return name_of(around);
        return "";
    }
    // Each place that has the variable, or some of it, and the offset of that in it (DWARF 5, 2.6.1.2).
    struct Part {
        Place place;
        std::optional<uint64_t> at;
    };
    std::vector<Part> parts_of(llvm::DWARFUnit& unit, llvm::DWARFDie variable) const {
        const std::optional<llvm::DWARFExpression> location = dwarf_.location(unit, variable);
        if (!location)
            return {};
        std::vector<Part> parts;
        uint64_t size = 0; // of the pieces before
        for (const auto& operation : *location) {
            if (operation.isError())
                break;
            if (const auto place = dwarf_.place(unit, operation))
                parts.push_back({*place, std::nullopt});
            if (operation.getCode() != dwarf::DW_OP_piece)
                continue;
            if (!parts.empty() && !parts.back().at)
                parts.back().at = size;
            size += operation.getRawOperand(0);
        }
        return parts;
    }

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
