#include "arch/kept_forms.h"

#include "arch/dwarf_guard.h"
#include "arch/placed_dwarf.h"

#include <fmt/format.h>
#include <llvm/DebugInfo/DWARF/DWARFDie.h>
#include <llvm/DebugInfo/DWARF/DWARFExpression.h>

#include <algorithm>
#include <optional>
#include <string_view>

namespace klp::arch {

bool is_made_by_clang(const elf::Object& object) {
    const elf::Section* comment = object.find_section(".comment");
    return comment &&
           std::string_view(reinterpret_cast<const char*>(comment->data.data()), comment->data.size()).find("clang") !=
               std::string_view::npos;
}

namespace {

using Place = PlacedDwarf::Place;

class Forms {
public:
    explicit Forms(const elf::Object& object) : dwarf_(object) {}

    std::map<Place, std::string> read() {
        dwarf_.visit(llvm::dwarf::DW_TAG_variable,
                     [&](llvm::DWARFUnit& unit, llvm::DWARFDie variable) { read(unit, variable); });
        std::erase_if(forms_, [](const auto& form) { return form.second.empty(); });
        return std::move(forms_);
    }

private:
    void read(llvm::DWARFUnit& unit, llvm::DWARFDie variable) {
        const std::optional<llvm::DWARFExpression> location = dwarf_.location(unit, variable);
        if (!location)
            return;
        std::optional<Place> place;
        std::string form;
        uint64_t size = 0; // of the parts before
        for (const llvm::DWARFExpression::Operation& operation : *location) {
            if (operation.isError())
                return;
            const uint8_t code = operation.getCode();
            if (code == llvm::dwarf::DW_OP_addr || code == llvm::dwarf::DW_OP_addrx) {
                put(place, form);
                place = dwarf_.place(unit, operation);
                form = size == 0 ? "" : fmt::format("member at {}", size);
            } else {
                form += fmt::format(" {:x}", code);
                // The operand of DW_OP_convert is where a type is described, which says nothing.
                for (unsigned at = 0; at < operation.getNumOperands() && code != llvm::dwarf::DW_OP_convert; ++at)
                    form += fmt::format(":{:x}", operation.getRawOperand(at));
            }
            if (code == llvm::dwarf::DW_OP_piece)
                size += operation.getRawOperand(0);
        }
        put(place, form);
    }
    void put(const std::optional<Place>& place, const std::string& form) {
        if (place)
            forms_[*place] += form;
    }

    PlacedDwarf dwarf_;
    std::map<Place, std::string> forms_;
};

} // namespace

std::map<Place, std::string> kept_forms(const elf::Object& object) {
    if (!is_made_by_clang(object))
        return {};
    std::map<Place, std::string> forms;
    read_debug_data(object.name(), [&] { forms = Forms(object).read(); });
    return forms;
}

} // namespace klp::arch
