#include "arch/dwarf_file.h"
#include "arch/dwarf_guard.h"
#include "sense/types.h"

#include <llvm/BinaryFormat/Dwarf.h>
#include <llvm/DebugInfo/DWARF/DWARFDie.h>
#include <llvm/DebugInfo/DWARF/DWARFUnit.h>
#include <unordered_map>

namespace klp::sense {

namespace dwarf = llvm::dwarf;

namespace {

constexpr uint32_t none = UINT32_MAX;

std::optional<Kind> kind_of(dwarf::Tag tag) {
    switch (tag) {
    case dwarf::DW_TAG_base_type:
        return Kind::base;
    case dwarf::DW_TAG_pointer_type:
        return Kind::pointer;
    case dwarf::DW_TAG_structure_type:
        return Kind::structure;
    case dwarf::DW_TAG_union_type:
        return Kind::union_type;
    case dwarf::DW_TAG_enumeration_type:
        return Kind::enumeration;
    case dwarf::DW_TAG_array_type:
        return Kind::array;
    case dwarf::DW_TAG_typedef:
        return Kind::alias;
    case dwarf::DW_TAG_const_type:
    case dwarf::DW_TAG_volatile_type:
    case dwarf::DW_TAG_restrict_type:
    case dwarf::DW_TAG_atomic_type:
        return Kind::qualifier;
    case dwarf::DW_TAG_subroutine_type:
        return Kind::function;
    default:
        return std::nullopt;
    }
}

// The offset in the debug data that a reference leads to.
uint64_t reference_of(const llvm::DWARFFormValue& value) {
    if (std::optional<uint64_t> offset = value.getAsRelativeReference(); offset && value.getUnit())
        return value.getUnit()->getOffset() + *offset;
    return value.getAsDebugInfoReference().value_or(UINT64_MAX);
}

// What one entry says, read in one go.
struct Entry {
    std::string_view name;
    uint64_t type = UINT64_MAX; // an offset in the debug data
    uint64_t origin = UINT64_MAX;
    std::optional<uint64_t> size, bit_size, location, data_bit_offset, old_bit_offset, upper_bound, count;
    std::optional<int64_t> value;
    uint64_t encoding = 0, file = 0, line = 0;
    bool is_declaration = false, is_external = false, has_code = false, is_static = false;
};

int64_t constant_of(const llvm::DWARFFormValue& value) {
    // data1 to data8 have no sign of their own; enumerators that have one use sdata.
    if (value.getForm() == dwarf::DW_FORM_sdata || value.getForm() == dwarf::DW_FORM_implicit_const)
        return value.getAsSignedConstant().value_or(0);
    return static_cast<int64_t>(value.getAsUnsignedConstant().value_or(0));
}

// DW_OP_addr, or DW_OP_addrx: at a fixed address.
bool is_fixed_place(const llvm::DWARFFormValue& value) {
    auto block = value.getAsBlock();
    return block && !block->empty() && ((*block)[0] == dwarf::DW_OP_addr || (*block)[0] == dwarf::DW_OP_addrx);
}

Entry read_entry(const llvm::DWARFDie& die) {
    Entry entry;
    for (const llvm::DWARFAttribute& attribute : die.attributes()) {
        const llvm::DWARFFormValue& value = attribute.Value;
        switch (attribute.Attr) {
        case dwarf::DW_AT_name:
            entry.name = dwarf::toString(value, "");
            break;
        case dwarf::DW_AT_type:
            entry.type = reference_of(value);
            break;
        case dwarf::DW_AT_abstract_origin:
        case dwarf::DW_AT_specification:
            entry.origin = reference_of(value);
            break;
        case dwarf::DW_AT_byte_size:
            entry.size = value.getAsUnsignedConstant();
            break;
        case dwarf::DW_AT_bit_size:
            entry.bit_size = value.getAsUnsignedConstant();
            break;
        case dwarf::DW_AT_data_member_location:
            entry.location = value.getAsUnsignedConstant();
            break;
        case dwarf::DW_AT_data_bit_offset:
            entry.data_bit_offset = value.getAsUnsignedConstant();
            break;
        case dwarf::DW_AT_bit_offset:
            entry.old_bit_offset = value.getAsUnsignedConstant();
            break;
        case dwarf::DW_AT_upper_bound:
            entry.upper_bound = value.getAsUnsignedConstant();
            break;
        case dwarf::DW_AT_count:
            entry.count = value.getAsUnsignedConstant();
            break;
        case dwarf::DW_AT_const_value:
            entry.value = constant_of(value);
            break;
        case dwarf::DW_AT_encoding:
            entry.encoding = value.getAsUnsignedConstant().value_or(0);
            break;
        case dwarf::DW_AT_decl_file:
            entry.file = value.getAsUnsignedConstant().value_or(0);
            break;
        case dwarf::DW_AT_decl_line:
            entry.line = value.getAsUnsignedConstant().value_or(0);
            break;
        case dwarf::DW_AT_declaration:
            entry.is_declaration = true;
            break;
        case dwarf::DW_AT_external:
            entry.is_external = true;
            break;
        case dwarf::DW_AT_low_pc:
        case dwarf::DW_AT_ranges:
            entry.has_code = true;
            break;
        case dwarf::DW_AT_location:
            entry.is_static = is_fixed_place(value);
            break;
        default:
            break;
        }
    }
    return entry;
}

// What an entry's children belong to.
struct Context {
    uint32_t function = none; // the enclosing function
    TypeId type = 0;          // the enclosing type; a subprogram's prototype for its direct children
};

class Reader {
public:
    Reader(llvm::DWARFUnit& unit, bool is_little_endian, Types& result)
        : unit_(unit), is_little_endian_(is_little_endian), result_(result), first_(result.types.size()) {}

    void read() {
        unit_.getUnitDIE(false);
        const unsigned count = unit_.getNumDIEs();
        for (unsigned at = 0; at < count; ++at)
            number(unit_.getDIEAtIndex(at));
        contexts_.resize(count);
        for (unsigned at = 1; at < count; ++at)
            read(at);
        name_anonymous_types();
    }

private:
    void number(const llvm::DWARFDie& die) {
        if (std::optional<Kind> kind = kind_of(die.getTag())) {
            ids_[die.getOffset()] = static_cast<TypeId>(result_.types.size());
            result_.types.emplace_back().kind = *kind;
        }
    }

    TypeId id_of(uint64_t offset) const {
        auto found = ids_.find(offset);
        return found == ids_.end() ? 0 : found->second;
    }

    std::string file_name(uint64_t number) {
        auto [place, is_new] = files_.try_emplace(number);
        if (is_new) {
            std::string name;
            const llvm::DWARFDebugLine::LineTable* table = unit_.getContext().getLineTableForUnit(&unit_);
            if (table && table->getFileNameByIndex(number, {},
                                                   llvm::DILineInfoSpecifier::FileLineInfoKind::RelativeFilePath, name))
                place->second = std::move(name);
        }
        return place->second;
    }

    void read(unsigned at) {
        const llvm::DWARFDie die = unit_.getDIEAtIndex(at);
        Context outer;
        if (std::optional<uint32_t> parent = die.getDebugInfoEntry()->getParentIdx(); parent && *parent < at)
            outer = contexts_[*parent];
        Context& inner = contexts_[at];
        inner.function = outer.function;
        const dwarf::Tag tag = die.getTag();
        if (kind_of(tag)) {
            inner.type = id_of(die.getOffset());
            read_type(result_.types[inner.type], read_entry(die), outer);
            return;
        }
        switch (tag) {
        case dwarf::DW_TAG_subprogram:
            return read_function(die, read_entry(die), inner);
        case dwarf::DW_TAG_inlined_subroutine:
            return read_inlined(read_entry(die), outer);
        case dwarf::DW_TAG_formal_parameter:
        case dwarf::DW_TAG_unspecified_parameters:
            return read_parameter(tag, read_entry(die), outer);
        case dwarf::DW_TAG_variable:
            return read_variable(die, read_entry(die), outer);
        case dwarf::DW_TAG_member:
            return read_member(read_entry(die), outer);
        case dwarf::DW_TAG_enumerator: {
            const Entry entry = read_entry(die);
            result_.types[outer.type].enumerators.push_back({std::string(entry.name), entry.value.value_or(0)});
            return;
        }
        case dwarf::DW_TAG_subrange_type:
            return read_dimension(read_entry(die), outer);
        default:
            return;
        }
    }

    void read_type(Type& type, const Entry& entry, const Context& outer) {
        type.name = entry.name;
        type.size = entry.size.value_or(0);
        type.is_complete = !entry.is_declaration;
        type.encoding = static_cast<unsigned>(entry.encoding);
        type.target = id_of(entry.type);
        if (outer.function != none)
            type.scope = result_.functions[outer.function].name;
        if (type.kind == Kind::structure || type.kind == Kind::union_type || type.kind == Kind::enumeration ||
            type.kind == Kind::alias) {
            type.file = file_name(entry.file);
            type.line = static_cast<unsigned>(entry.line);
        }
        if (type.kind == Kind::pointer && !entry.size)
            type.size = unit_.getAddressByteSize();
    }

    // A function's entries (declared inline, out of line, a part of it) are one function.
    void read_function(const llvm::DWARFDie& die, const Entry& entry, Context& inner) {
        const uint64_t offset = entry.origin != UINT64_MAX ? entry.origin : die.getOffset();
        const uint32_t index = function_at(offset);
        Function& function = result_.functions[index];
        inner.function = index;
        function.has_code |= entry.has_code;
        function.is_external |= entry.is_external;
        if (!entry.name.empty()) {
            function.name = entry.name;
            function.file = file_name(entry.file);
            function.line = static_cast<unsigned>(entry.line);
        }
        if (entry.origin != UINT64_MAX || entry.is_declaration)
            return;
        Type prototype;
        prototype.kind = Kind::function;
        prototype.target = id_of(entry.type);
        function.prototype = inner.type = static_cast<TypeId>(result_.types.size());
        result_.types.push_back(std::move(prototype));
    }

    uint32_t function_at(uint64_t offset) {
        auto [place, is_new] = functions_.try_emplace(offset, static_cast<uint32_t>(result_.functions.size()));
        if (is_new)
            result_.functions.emplace_back();
        return place->second;
    }

    void read_inlined(const Entry& entry, const Context& outer) {
        if (outer.function == none || entry.origin == UINT64_MAX)
            return;
        const uint32_t index = function_at(entry.origin);
        result_.functions[outer.function].inlined.push_back(index);
    }

    void read_parameter(dwarf::Tag tag, const Entry& entry, const Context& outer) {
        Type& owner = result_.types[outer.type];
        if (outer.type != 0 && owner.kind == Kind::function) {
            owner.is_variadic |= tag == dwarf::DW_TAG_unspecified_parameters;
            if (tag == dwarf::DW_TAG_formal_parameter)
                owner.members.push_back({std::string(entry.name), id_of(entry.type), 0, 0});
        }
        if (outer.function != none && entry.type != UINT64_MAX)
            result_.functions[outer.function].parameters.push_back(id_of(entry.type));
    }

    void read_variable(const llvm::DWARFDie& die, const Entry& given, const Context& outer) {
        Entry entry = given;
        if (entry.origin != UINT64_MAX) {
            const Entry origin = read_entry(unit_.getDIEForOffset(entry.origin));
            entry.name = entry.name.empty() ? origin.name : entry.name;
            entry.type = entry.type == UINT64_MAX ? origin.type : entry.type;
            entry.file = entry.file ? entry.file : origin.file;
            entry.line = entry.line ? entry.line : origin.line;
        }
        if (entry.is_static) {
            std::string scope = outer.function == none ? "" : result_.functions[outer.function].name;
            result_.variables.push_back({std::string(entry.name), std::move(scope), id_of(entry.type),
                                         file_name(entry.file), static_cast<unsigned>(entry.line)});
        } else if (outer.function != none && given.type != UINT64_MAX && die.getTag() == dwarf::DW_TAG_variable) {
            result_.functions[outer.function].locals.push_back(id_of(given.type));
        }
    }

    void read_member(const Entry& entry, const Context& outer) {
        if (outer.type == 0)
            return;
        Member member{std::string(entry.name), id_of(entry.type), entry.location.value_or(0) * 8,
                      entry.bit_size.value_or(0)};
        if (entry.data_bit_offset)
            member.bit_offset = *entry.data_bit_offset;
        else if (entry.old_bit_offset && is_little_endian_)
            member.bit_offset += entry.size.value_or(0) * 8 - *entry.old_bit_offset - member.bit_size;
        else if (entry.old_bit_offset)
            member.bit_offset += *entry.old_bit_offset;
        result_.types[outer.type].members.push_back(std::move(member));
    }

    void read_dimension(const Entry& entry, const Context& outer) {
        uint64_t count = entry.count.value_or(0);
        // A bound of -1, in any width, is how an array of no elements is written.
        if (entry.upper_bound && *entry.upper_bound < UINT32_MAX)
            count = *entry.upper_bound + 1;
        result_.types[outer.type].counts.push_back(count);
    }

    void name_anonymous_types() {
        for (size_t id = first_; id < result_.types.size(); ++id) {
            const Type& alias = result_.types[id];
            if (alias.kind != Kind::alias)
                continue;
            Type& named = result_.types[alias.target];
            if ((is_aggregate(named) || named.kind == Kind::enumeration) && named.name.empty()) {
                named.name = alias.name;
                named.is_named_by_alias = true;
            }
        }
    }

    llvm::DWARFUnit& unit_;
    bool is_little_endian_;
    Types& result_;
    size_t first_; // of this unit's types
    std::unordered_map<uint64_t, TypeId> ids_;
    std::unordered_map<uint64_t, uint32_t> functions_;
    std::unordered_map<uint64_t, std::string> files_;
    std::vector<Context> contexts_; // by the entry's index
};

} // namespace

bool is_aggregate(const Type& type) {
    return type.kind == Kind::structure || type.kind == Kind::union_type;
}

std::optional<Types> read_types(const elf::Object& unit) {
    Types result;
    result.types.emplace_back();
    arch::read_debug_data(unit.name(), [&] {
        const arch::DwarfFile file = arch::open_relocated_dwarf(unit);
        if (!file.dwarf)
            return;
        for (const std::unique_ptr<llvm::DWARFUnit>& compiled : file.dwarf->compile_units()) {
            Reader(*compiled, unit.is_little_endian(), result).read();
            compiled->clear();
        }
    });
    if (result.types.size() == 1)
        return std::nullopt;
    return result;
}

} // namespace klp::sense
