// A file's debug data for LLVM's reader. Private to this room.
#pragma once

#include "elf/object.h"

#include <llvm/DebugInfo/DWARF/DWARFContext.h>
#include <llvm/Object/ObjectFile.h>
#include <memory>
#include <vector>

namespace klp::arch {

struct DwarfFile {
    std::unique_ptr<llvm::object::ObjectFile> object;
    llvm::StringMap<std::unique_ptr<llvm::MemoryBuffer>> sections; // instead of the object, as open_relocated_dwarf()
    std::unique_ptr<llvm::DWARFContext> dwarf; // none if the file has no debug data, or none that can be read
};

// Every section of a relocatable object is at address 0, and LLVM looks up by address alone. Here each that has memory
// gets a place of its own. Those of debug data stay at 0: the references between them are offsets.
class SectionLayout : public llvm::LoadedObjectInfoHelper<SectionLayout> {
public:
    explicit SectionLayout(const elf::Object& file) {
        constexpr uint64_t gap = 4096; // 0 means "not placed" to LLVM
        uint64_t next = gap;
        for (const elf::Section& section : file.sections()) {
            addresses_.push_back(section.is_allocated() ? next : 0);
            if (section.is_allocated() && section.size < (uint64_t{1} << 40))
                next = (next + section.size + 2 * gap) / gap * gap;
        }
    }
    uint64_t address_of(uint64_t section) const { return section < addresses_.size() ? addresses_[section] : 0; }
    uint64_t getSectionLoadAddress(const llvm::object::SectionRef& section) const override {
        return address_of(section.getIndex());
    }

private:
    std::vector<uint64_t> addresses_; // by section
};

// `file` and `layout` outlive what is returned. Without a layout addresses are those of the file.
inline DwarfFile open_dwarf(const elf::Object& file, const SectionLayout* layout = nullptr) {
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
                                              layout, "", ignore, ignore);
    return result;
}

// The same of a relocatable object whose debug data is relocated before LLVM sees it: LLVM's own way
// is to keep each relocation and to look one up for each value, which takes most of the time and memory of reading
// types. Compressed data is read as by open_dwarf().
DwarfFile open_relocated_dwarf(const elf::Object& file, const SectionLayout* layout = nullptr);

} // namespace klp::arch
