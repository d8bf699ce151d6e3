#include "arch/function_types.h"

#include "arch/dwarf_guard.h"
#include "arch/placed_dwarf.h"

#include <optional>
#include <set>

namespace klp::arch {

namespace {

namespace dwarf = llvm::dwarf;

constexpr uint64_t address_size = 8; // of every machine

FunctionResult kind_of(llvm::DWARFDie type) {
    while (type && (type.getTag() == dwarf::DW_TAG_typedef || type.getTag() == dwarf::DW_TAG_const_type ||
                    type.getTag() == dwarf::DW_TAG_volatile_type))
        type = type.getAttributeValueAsReferencedDie(dwarf::DW_AT_type);
    if (!type)
        return FunctionResult::nothing;
    switch (type.getTag()) {
    case dwarf::DW_TAG_base_type:
    case dwarf::DW_TAG_enumeration_type:
        return dwarf::toUnsigned(type.find(dwarf::DW_AT_byte_size), address_size) < address_size
                   ? FunctionResult::number
                   : FunctionResult::word;
    case dwarf::DW_TAG_pointer_type:
        return FunctionResult::word;
    default:
        return FunctionResult::other;
    }
}

// Of the function itself, or of what it is a copy of.
llvm::DWARFDie type_of(llvm::DWARFDie entry) {
    llvm::DWARFDie type = entry.getAttributeValueAsReferencedDie(dwarf::DW_AT_type);
    if (const llvm::DWARFDie origin = entry.getAttributeValueAsReferencedDie(dwarf::DW_AT_abstract_origin);
        origin && !type)
        type = origin.getAttributeValueAsReferencedDie(dwarf::DW_AT_type);
    return type;
}

bool is_prototype(llvm::DWARFDie function) {
    const llvm::DWARFDie origin = function.getAttributeValueAsReferencedDie(dwarf::DW_AT_abstract_origin);
    return dwarf::toUnsigned((origin ? origin : function).find(dwarf::DW_AT_prototyped), 0) != 0;
}

// Those that are named. Nothing where one may take several registers, or none of those that count (`double`,
// `__int128`), or where a structure is returned: a place for it comes before the first one.
std::optional<unsigned> count_parameters(llvm::DWARFDie function) {
    unsigned count = 0;
    if (!is_prototype(function) || kind_of(type_of(function)) == FunctionResult::other)
        return std::nullopt;
    for (const llvm::DWARFDie child : function) {
        if (child.getTag() != dwarf::DW_TAG_formal_parameter)
            continue;
        llvm::DWARFDie type = type_of(child);
        const FunctionResult kind = kind_of(type);
        if (kind != FunctionResult::number && kind != FunctionResult::word)
            return std::nullopt;
        if (const std::optional<uint64_t> size = type.getTypeSize(address_size); !size || *size > address_size)
            return std::nullopt;
        ++count;
    }
    return count;
}

class Reading {
public:
    explicit Reading(const elf::Object& object) : debug_(object) {}

    FunctionTypes run() {
        debug_.visit(dwarf::DW_TAG_subprogram, [&](llvm::DWARFUnit&, llvm::DWARFDie function) { add(function); });
        for (const std::string& name : doubtful_)
            types_.parameters.erase(name);
        return std::move(types_);
    }

private:
    void add(llvm::DWARFDie function) {
        const std::optional<uint64_t> address = dwarf::toAddress(function.find(dwarf::DW_AT_low_pc));
        const llvm::DWARFDie type = type_of(function);
        // GCC's -g1 leaves all types out.
        if (const auto place = address ? debug_.place(*address) : std::nullopt;
            place && (type || is_prototype(function)))
            types_.results.emplace(*place, kind_of(type));
        if (const char* name = dwarf::toString(function.find(dwarf::DW_AT_name), nullptr))
            add_parameters(name, count_parameters(function));
    }
    // Objects that were linked of several may have static functions of one name.
    void add_parameters(const char* name, std::optional<unsigned> count) {
        if (!count || types_.parameters.emplace(name, *count).first->second != *count)
            doubtful_.insert(name);
    }

    PlacedDwarf debug_;
    FunctionTypes types_;
    std::set<std::string> doubtful_;
};

} // namespace

FunctionTypes function_types(const elf::Object& object) {
    FunctionTypes types;
    read_debug_data(object.name(), [&] { types = Reading(object).run(); });
    return types;
}

} // namespace klp::arch
