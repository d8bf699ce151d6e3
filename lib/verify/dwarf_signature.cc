#include "verify/dwarf_signature.h"

#include "arch/field.h"

#include <algorithm>
#include <llvm/ADT/StringMap.h>
#include <llvm/DebugInfo/DWARF/DWARFContext.h>
#include <llvm/DebugInfo/DWARF/DWARFDie.h>
#include <llvm/Support/MemoryBuffer.h>

namespace klp::verify {

namespace {

constexpr unsigned deepest = 16; // as in symbols/btf.cc

// A debug section with its relocations applied: in a module that is not linked, references between debug sections are
// relocations against section symbols, whose address is 0.
std::string relocated(const elf::Object& module, const elf::Section& section, const elf::RelocationTable* table) {
    std::string data(reinterpret_cast<const char*>(section.data.data()), section.data.size());
    if (!table)
        return data;
    for (const elf::Relocation& relocation : table->entries) {
        std::optional<arch::Field> field = arch::relocated_field(module.machine(), relocation.type);
        if (!field || relocation.offset > data.size() || data.size() - relocation.offset < field->width)
            continue;
        uint64_t value = module.symbol(relocation.symbol).value + static_cast<uint64_t>(relocation.addend);
        for (unsigned at = 0; at < field->width; ++at) {
            unsigned shift = 8 * (module.is_little_endian() ? at : field->width - 1 - at);
            data[relocation.offset + at] = static_cast<char>(value >> shift);
        }
    }
    return data;
}

std::string type_name(llvm::DWARFDie type, unsigned depth) {
    if (!type.isValid())
        return "void";
    if (depth > deepest)
        return "?";
    auto target = [&] { return type_name(type.getAttributeValueAsReferencedDie(llvm::dwarf::DW_AT_type), depth + 1); };
    const char* given = type.getShortName();
    std::string name = given ? given : "";
    switch (type.getTag()) {
    case llvm::dwarf::DW_TAG_pointer_type:
    case llvm::dwarf::DW_TAG_array_type:
        return target() + " *";
    case llvm::dwarf::DW_TAG_const_type:
    case llvm::dwarf::DW_TAG_volatile_type:
    case llvm::dwarf::DW_TAG_restrict_type:
        return target();
    case llvm::dwarf::DW_TAG_structure_type:
        return "struct " + name;
    case llvm::dwarf::DW_TAG_union_type:
        return "union " + name;
    case llvm::dwarf::DW_TAG_enumeration_type:
        return "enum " + name;
    case llvm::dwarf::DW_TAG_subroutine_type:
        return "function";
    default:
        return name;
    }
}

symbols::Signature signature_of(llvm::DWARFDie function) {
    symbols::Signature signature{type_name(function.getAttributeValueAsReferencedDie(llvm::dwarf::DW_AT_type), 0)};
    for (llvm::DWARFDie child : function.children()) {
        if (child.getTag() == llvm::dwarf::DW_TAG_formal_parameter)
            signature.push_back(type_name(child.getAttributeValueAsReferencedDie(llvm::dwarf::DW_AT_type), 0));
        else if (child.getTag() == llvm::dwarf::DW_TAG_unspecified_parameters)
            signature.emplace_back("...");
    }
    return signature;
}

} // namespace

std::unordered_map<std::string, symbols::Signature> read_dwarf_signatures(const elf::Object& module) {
    llvm::StringMap<std::unique_ptr<llvm::MemoryBuffer>> sections;
    std::vector<elf::RelocationTable> tables = module.read_debug_relocation_tables();
    for (const elf::Section& section : module.sections()) {
        if (!section.name.starts_with(".debug_") || section.data.empty())
            continue;
        auto table = std::ranges::find(tables, section.index, &elf::RelocationTable::target);
        sections[llvm::StringRef(section.name.data() + 1, section.name.size() - 1)] =
            llvm::MemoryBuffer::getMemBufferCopy(relocated(module, section, table == tables.end() ? nullptr : &*table));
    }
    std::unordered_map<std::string, symbols::Signature> signatures;
    if (!sections.count("debug_info"))
        return signatures;
    auto silent = [](llvm::Error error) { llvm::consumeError(std::move(error)); };
    std::unique_ptr<llvm::DWARFContext> context =
        llvm::DWARFContext::create(sections, 8, module.is_little_endian(), silent, silent);
    for (const std::unique_ptr<llvm::DWARFUnit>& unit : context->compile_units()) {
        for (llvm::DWARFDie die : unit->getUnitDIE(false).children()) {
            const char* name = die.getTag() == llvm::dwarf::DW_TAG_subprogram ? die.getShortName() : nullptr;
            if (!name || die.find(llvm::dwarf::DW_AT_declaration))
                continue;
            symbols::Signature signature = signature_of(die);
            auto [place, is_new] = signatures.try_emplace(name, signature);
            if (!is_new && place->second != signature)
                place->second.clear();
        }
    }
    std::erase_if(signatures, [](const auto& entry) { return entry.second.empty(); });
    return signatures;
}

} // namespace klp::verify
