#include "verify/match_places.h"

#include <algorithm>
#include <elf.h>

namespace klp::verify {

namespace {

// The section of a linked image that holds [address, address + size), or nullptr.
const elf::Section* section_at(const elf::Object& image, uint64_t address, uint64_t size) {
    for (const elf::Section& section : image.sections())
        if (section.is_allocated() && !section.data.empty() && section.address != 0 && address >= section.address &&
            address - section.address <= section.data.size() &&
            size <= section.data.size() - (address - section.address))
            return &section;
    return nullptr;
}

} // namespace

FunctionPlaces::FunctionPlaces(const symbols::SymbolTable& table, const elf::Object* image)
    : table_(table), image_(image), is_vmlinux_(table.object() == "vmlinux") {
    if (!image_)
        return;
    if (is_vmlinux_)
        read_vmlinux_sites();
    else
        read_module_sites();
    std::ranges::sort(sites_);
}

uint64_t FunctionPlaces::address_of(std::string_view symbol) const {
    std::span<const uint32_t> found = table_.find(symbol);
    return found.empty() ? 0 : table_.symbols()[found.front()].address;
}

// include/asm-generic/vmlinux.lds.h, MCOUNT_REC(). Sites that a boot time relocation fills in are 0 in the file: then
// nothing is known.
void FunctionPlaces::read_vmlinux_sites() {
    uint64_t start = address_of("__start_mcount_loc");
    uint64_t stop = address_of("__stop_mcount_loc");
    if (start == 0 || stop <= start)
        return;
    const elf::Section* section = section_at(*image_, start, stop - start);
    if (!section)
        return;
    uint64_t first = start - section->address;
    for (uint64_t at = first; at + 8 <= first + (stop - start); at += 8)
        if (uint64_t site = image_->read_integer(section->data, at, 8))
            sites_.push_back({0, site});
    knows_sites_ = !sites_.empty();
}

void FunctionPlaces::read_module_sites() {
    for (const char* name : {"__mcount_loc", "__patchable_function_entries"}) {
        for (const elf::Section& section : image_->sections()) {
            if (section.name != name)
                continue;
            for (const elf::Relocation& relocation : image_->relocations(section.index)) {
                const elf::Symbol& symbol = image_->symbol(relocation.symbol);
                if (const elf::Section* code = image_->section_of(symbol))
                    sites_.push_back({code->index, symbol.value + static_cast<uint64_t>(relocation.addend)});
            }
        }
    }
    knows_sites_ = true;
}

bool FunctionPlaces::is_freed(const symbols::KernelSymbol& symbol) const {
    if (!is_vmlinux_)
        return symbol.init;
    auto is_between = [&](const char* begin, const char* end) {
        const uint64_t first = address_of(begin);
        return first != 0 && symbol.address >= first && symbol.address < address_of(end);
    };
    // What is freed of per-cpu variables is the copy that each processor's own was made from (PERCPU_SECTION() of
    // include/asm-generic/vmlinux.lds.h); x86 links it at 0 before Linux 6.15.
    return is_between("__init_begin", "__init_end") && !is_between("__per_cpu_start", "__per_cpu_end");
}

bool FunctionPlaces::is_boundary(const symbols::KernelSymbol& symbol) const {
    return is_vmlinux_ && symbol.section != 0 && symbol.global && symbol.type == STT_NOTYPE && symbol.size == 0;
}

bool FunctionPlaces::is_code(const symbols::KernelSymbol& symbol) const {
    if (image_ && symbol.section != 0 && symbol.section < image_->sections().size())
        return image_->section(symbol.section).is_code();
    uint64_t begin = address_of("_stext");
    uint64_t end = address_of("_etext");
    return !is_vmlinux_ || begin == 0 || end <= begin || (symbol.address >= begin && symbol.address < end);
}

uint64_t FunctionPlaces::end_of(const symbols::KernelSymbol& symbol) const {
    if (symbol.size != 0)
        return symbol.address + symbol.size;
    if (!is_vmlinux_)
        return symbol.address + 1;
    auto next = std::ranges::upper_bound(table_.symbols(), symbol.address, {}, &symbols::KernelSymbol::address);
    return next == table_.symbols().end() ? symbol.address + 1 : next->address;
}

bool FunctionPlaces::may_be_traced(const symbols::KernelSymbol& symbol) const {
    if (!knows_sites_)
        return true;
    uint32_t section = is_vmlinux_ ? 0 : symbol.section;
    auto first = std::ranges::lower_bound(sites_, Site{section, symbol.address});
    return first != sites_.end() && first->section == section && first->address < end_of(symbol);
}

} // namespace klp::verify
