#include "arch/debug_lines.h"

#include "arch/dwarf_file.h"
#include "arch/dwarf_guard.h"

#include <llvm/DebugInfo/DIContext.h>

namespace klp::arch {

struct DebugLines::State {
    explicit State(const elf::Object& object) : layout(object), file(open_relocated_dwarf(object, &layout)) {}
    std::vector<Frame> frames_of(llvm::DWARFUnit& unit, llvm::ArrayRef<llvm::DWARFDie> chain,
                                 llvm::object::SectionedAddress address);

    SectionLayout layout;
    DwarfFile file;
};

// `chain`: the innermost inlined function first. Where it was inlined is the position in the next one.
std::vector<Frame> DebugLines::State::frames_of(llvm::DWARFUnit& unit, llvm::ArrayRef<llvm::DWARFDie> chain,
                                                llvm::object::SectionedAddress address) {
    using Kind = llvm::DILineInfoSpecifier::FileLineInfoKind;
    std::vector<Frame> frames;
    const llvm::DWARFDebugLine::LineTable* table = file.dwarf->getLineTableForUnit(&unit);
    if (!table)
        return frames;
    llvm::DILineInfo position;
    table->getFileLineInfoForAddress(address, unit.getCompilationDir(), Kind::RawValue, position);
    for (const llvm::DWARFDie& function : chain) {
        if (const char* name = function.getSubroutineName(llvm::DINameKind::ShortName))
            frames.push_back({name, position.FileName, position.Line});
        uint32_t call_file = 0, call_line = 0, column = 0, discriminator = 0;
        function.getCallerFrame(call_file, call_line, column, discriminator);
        position = {};
        table->getFileNameByIndex(call_file, unit.getCompilationDir(), Kind::RawValue, position.FileName);
        position.Line = call_line;
    }
    return frames;
}

DebugLines::DebugLines(const elf::Object& object) : object_(object) {}

DebugLines::~DebugLines() = default;

std::vector<Frame> DebugLines::frames(uint32_t section, uint64_t offset) {
    std::vector<Frame> found;
    read_debug_data(object_.name(), [&] { found = read_frames(section, offset); });
    return found;
}

std::vector<Frame> DebugLines::read_frames(uint32_t section, uint64_t offset) {
    if (!has_looked_) {
        has_looked_ = true;
        state_ = std::make_unique<State>(object_);
    }
    const uint64_t base = state_->layout.address_of(section);
    if (!state_->file.dwarf || base == 0)
        return {};
    // Not by .debug_aranges, which LLVM reads as it is in the file.
    for (const std::unique_ptr<llvm::DWARFUnit>& unit : state_->file.dwarf->compile_units()) {
        llvm::SmallVector<llvm::DWARFDie, 4> chain;
        unit->getInlinedChainForAddress(base + offset, chain);
        if (!chain.empty())
            return state_->frames_of(*unit, chain, {base + offset, section});
    }
    return {};
}

} // namespace klp::arch
