#include "arch/kept_forms.h"

#include "arch/dwarf_file.h"
#include "arch/dwarf_guard.h"

#include <fmt/format.h>
#include <llvm/DebugInfo/DWARF/DWARFDie.h>
#include <llvm/DebugInfo/DWARF/DWARFExpression.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

namespace klp::arch {

bool is_made_by_clang(const elf::Object& object) {
    const elf::Section* comment = object.find_section(".comment");
    return comment &&
           std::string_view(reinterpret_cast<const char*>(comment->data.data()), comment->data.size()).find("clang") !=
               std::string_view::npos;
}

namespace {

using Place = std::pair<uint32_t, uint64_t>;

class Forms {
public:
    explicit Forms(const elf::Object& object)
        : object_(object), layout_(object), file_(open_dwarf(object, &layout_)),
          info_(object.find_section(".debug_info")) {}

    std::map<Place, std::string> read() {
        if (!file_.dwarf || !info_)
            return {};
        for (elf::RelocationTable& table : object_.read_debug_relocation_tables())
            if (table.target == info_->index)
                addresses_ = std::move(table.entries);
        std::ranges::sort(addresses_, {}, &elf::Relocation::offset);
        for (const std::unique_ptr<llvm::DWARFUnit>& unit : file_.dwarf->compile_units()) {
            unit->getUnitDIE(false);
            for (const llvm::DWARFDebugInfoEntry& entry : unit->dies())
                if (entry.getTag() == llvm::dwarf::DW_TAG_variable)
                    read(*unit, llvm::DWARFDie(unit.get(), &entry));
        }
        std::erase_if(forms_, [](const auto& form) { return form.second.empty(); });
        return std::move(forms_);
    }

private:
    void read(llvm::DWARFUnit& unit, llvm::DWARFDie variable) {
        const auto location = variable.find(llvm::dwarf::DW_AT_location);
        const auto block = location ? location->getAsBlock() : std::nullopt;
        if (!block)
            return;
        const llvm::DataExtractor data(*block, object_.is_little_endian(), unit.getAddressByteSize());
        const llvm::DWARFExpression expression(data, unit.getAddressByteSize(), unit.getFormParams().Format);
        std::optional<Place> place;
        std::string form;
        uint64_t size = 0; // of the parts before
        for (const llvm::DWARFExpression::Operation& operation : expression) {
            if (operation.isError())
                return;
            const uint8_t code = operation.getCode();
            if (code == llvm::dwarf::DW_OP_addr || code == llvm::dwarf::DW_OP_addrx) {
                put(place, form);
                place = code == llvm::dwarf::DW_OP_addr ? address(*block, operation) : indexed(unit, operation);
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
    // The address stands in .debug_info itself, where a relocation makes it.
    std::optional<Place> address(llvm::ArrayRef<uint8_t> block,
                                 const llvm::DWARFExpression::Operation& operation) const {
        const auto* begin = reinterpret_cast<const uint8_t*>(info_->data.data());
        if (block.data() < begin || block.data() >= begin + info_->data.size())
            return std::nullopt; // was compressed
        const uint64_t at = static_cast<uint64_t>(block.data() - begin) + operation.getEndOffset() - 8;
        const auto found = std::ranges::lower_bound(addresses_, at, {}, &elf::Relocation::offset);
        if (found == addresses_.end() || found->offset != at)
            return std::nullopt;
        const elf::Symbol& symbol = object_.symbol(found->symbol);
        if (symbol.place != elf::Place::section)
            return std::nullopt;
        return Place{symbol.section, symbol.value + static_cast<uint64_t>(found->addend)};
    }
    std::optional<Place> indexed(llvm::DWARFUnit& unit, const llvm::DWARFExpression::Operation& operation) const {
        const auto address = unit.getAddrOffsetSectionItem(static_cast<uint32_t>(operation.getRawOperand(0)));
        if (!address || address->SectionIndex >= object_.sections().size())
            return std::nullopt;
        const uint32_t section = static_cast<uint32_t>(address->SectionIndex);
        return Place{section, address->Address - layout_.address_of(section)};
    }

    const elf::Object& object_;
    SectionLayout layout_;
    DwarfFile file_;
    const elf::Section* info_;
    std::vector<elf::Relocation> addresses_; // that stand in .debug_info, by offset
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
