#include "arch/debug_lines.h"

#include <llvm/DebugInfo/DIContext.h>
#include <llvm/DebugInfo/DWARF/DWARFContext.h>
#include <llvm/Object/ObjectFile.h>

namespace klp::arch {

struct DebugLines::State {
    llvm::object::OwningBinary<llvm::object::ObjectFile> file;
    std::unique_ptr<llvm::DWARFContext> dwarf;
};

DebugLines::DebugLines(const elf::Object& object) {
    if (object.find_section(".debug_info"))
        path_ = object.name();
}

DebugLines::~DebugLines() = default;

std::vector<Frame> DebugLines::frames(uint32_t section, uint64_t offset) {
    if (!has_looked_ && !path_.empty()) {
        has_looked_ = true;
        auto file = llvm::object::ObjectFile::createObjectFile(path_);
        if (!file) {
            llvm::consumeError(file.takeError());
        } else {
            state_ = std::make_unique<State>();
            state_->file = std::move(*file);
            auto ignore = [](llvm::Error error) { llvm::consumeError(std::move(error)); };
            state_->dwarf = llvm::DWARFContext::create(*state_->file.getBinary(),
                                                       llvm::DWARFContext::ProcessDebugRelocations::Process, nullptr,
                                                       "", ignore, ignore);
        }
    }
    std::vector<Frame> result;
    if (!state_)
        return result;
    llvm::DILineInfoSpecifier wanted(llvm::DILineInfoSpecifier::FileLineInfoKind::RawValue,
                                     llvm::DILineInfoSpecifier::FunctionNameKind::ShortName);
    llvm::DIInliningInfo info = state_->dwarf->getInliningInfoForAddress({offset, section}, wanted);
    for (unsigned at = 0; at < info.getNumberOfFrames(); ++at) {
        const llvm::DILineInfo& line = info.getFrame(at);
        if (line.FunctionName != llvm::DILineInfo::BadString)
            result.push_back({line.FunctionName, line.FileName, line.Line});
    }
    return result;
}

} // namespace klp::arch
