// A file's debug data for LLVM's reader. Private to this room.
#pragma once

#include "elf/object.h"

#include <llvm/DebugInfo/DWARF/DWARFContext.h>
#include <llvm/Object/ObjectFile.h>
#include <memory>

namespace klp::arch {

struct DwarfFile {
    std::unique_ptr<llvm::object::ObjectFile> object;
    std::unique_ptr<llvm::DWARFContext> dwarf; // none if the file has no debug data, or none that can be read
};

// `file` outlives what is returned.
inline DwarfFile open_dwarf(const elf::Object& file) {
    DwarfFile result;
    if (!file.find_section(".debug_info"))
        return result;
    const elf::Bytes bytes = file.file();
    llvm::MemoryBufferRef buffer(llvm::StringRef(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
                                 file.name());
    auto object = llvm::object::ObjectFile::createObjectFile(buffer);
    if (!object) {
        llvm::consumeError(object.takeError());
        return result;
    }
    result.object = std::move(*object);
    auto ignore = [](llvm::Error error) { llvm::consumeError(std::move(error)); };
    result.dwarf = llvm::DWARFContext::create(*result.object, llvm::DWARFContext::ProcessDebugRelocations::Process,
                                              nullptr, "", ignore, ignore);
    return result;
}

} // namespace klp::arch
