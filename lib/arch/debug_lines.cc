#include "arch/debug_lines.h"

#include "arch/dwarf_file.h"

#include <llvm/DebugInfo/DIContext.h>

namespace klp::arch {

struct DebugLines::State {
    DwarfFile file;
};

DebugLines::DebugLines(const elf::Object& object) : object_(object) {}

DebugLines::~DebugLines() = default;

std::vector<Frame> DebugLines::frames(uint32_t section, uint64_t offset) {
    if (!has_looked_) {
        has_looked_ = true;
        state_ = std::make_unique<State>(open_dwarf(object_));
    }
    std::vector<Frame> result;
    if (!state_->file.dwarf)
        return result;
    llvm::DILineInfoSpecifier wanted(llvm::DILineInfoSpecifier::FileLineInfoKind::RawValue,
                                     llvm::DILineInfoSpecifier::FunctionNameKind::ShortName);
    llvm::DIInliningInfo info = state_->file.dwarf->getInliningInfoForAddress({offset, section}, wanted);
    for (unsigned at = 0; at < info.getNumberOfFrames(); ++at) {
        const llvm::DILineInfo& line = info.getFrame(at);
        if (line.FunctionName != llvm::DILineInfo::BadString)
            result.push_back({line.FunctionName, line.FileName, line.Line});
    }
    return result;
}

} // namespace klp::arch
