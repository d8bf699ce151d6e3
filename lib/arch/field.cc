#include "arch/field.h"

#include "arch/machines.h"

#include <algorithm>
#include <elf.h>

namespace klp::arch {

namespace {

constexpr uint64_t call_size = 5;       // e8 rel32
constexpr uint64_t jump_size = 5;       // e9 rel32
constexpr uint64_t short_jump_size = 2; // eb rel8
constexpr std::byte short_jump_opcode{0xeb};
constexpr uint64_t jump_entry_size = 16; // struct jump_entry: s32 code, s32 target, long key (linux/jump_label.h)

void add_profiling_calls(const elf::Object& unit, std::vector<CodeRange>& ranges) {
    for (const elf::RelocationTable& table : unit.relocation_tables())
        if (unit.section(table.target).is_code())
            for (const elf::Relocation& relocation : table.entries)
                if (relocation.offset > 0 && unit.symbol(relocation.symbol).name == "__fentry__")
                    ranges.push_back({table.target, relocation.offset - 1, call_size});
}

void add_jump_labels(const elf::Object& unit, std::vector<CodeRange>& ranges) {
    const elf::Section* table = unit.find_section("__jump_table");
    if (!table)
        return;
    for (const elf::Relocation& relocation : unit.relocations(table->index)) {
        const elf::Symbol& symbol = unit.symbol(relocation.symbol);
        const elf::Section* code = unit.section_of(symbol);
        uint64_t site = symbol.value + static_cast<uint64_t>(relocation.addend);
        if (relocation.offset % jump_entry_size != 0 || !code || site >= code->data.size())
            continue;
        ranges.push_back({code->index, site, code->data[site] == short_jump_opcode ? short_jump_size : jump_size});
    }
}

// struct alt_instr (arch/x86/include/asm/alternative.h): s32 instr_offset, s32 repl_offset, then the feature, in two
// bytes up to 6.2 and four since, then u8 instrlen and u8 replacementlen. Both offsets are relocated.
void add_alternatives(const elf::Object& module, std::vector<CodeRange>& ranges) {
    const elf::Section* table = module.find_section(".altinstructions");
    if (!table)
        return;
    std::span<const elf::Relocation> relocations = module.relocations(table->index);
    const uint64_t entries = relocations.size() / 2;
    const uint64_t entry_size = entries ? table->data.size() / entries : 0;
    if (entry_size < 12)
        return;
    for (const elf::Relocation& relocation : relocations) {
        const elf::Symbol& symbol = module.symbol(relocation.symbol);
        const bool is_whole =
            relocation.offset < table->data.size() && table->data.size() - relocation.offset >= entry_size;
        if (relocation.offset % entry_size != 0 || !is_whole || !module.section_of(symbol))
            continue;
        const uint64_t length = module.read_integer(table->data, relocation.offset + entry_size - 2, 1);
        ranges.push_back({symbol.section, symbol.value + static_cast<uint64_t>(relocation.addend), length});
    }
}

// A table of the places of direct calls, 4 bytes an entry.
void add_tracked_calls(const elf::Object& module, std::vector<CodeRange>& ranges) {
    const elf::Section* table = module.find_section(".call_sites");
    if (!table)
        return;
    for (const elf::Relocation& relocation : module.relocations(table->index)) {
        const elf::Symbol& symbol = module.symbol(relocation.symbol);
        if (module.section_of(symbol))
            ranges.push_back({symbol.section, symbol.value + static_cast<uint64_t>(relocation.addend), call_size});
    }
}

} // namespace

bool has_relocated_fields(uint16_t machine) {
    return machine == EM_X86_64;
}

std::optional<Field> relocated_field(uint16_t machine, uint32_t type) {
    if (!has_relocated_fields(machine))
        return std::nullopt;
    const RelocationKind kind = x86_64().relocation(type);
    const bool is_distance = kind.form == Form::pc_relative;
    if (kind.width < 4 || (kind.form != Form::absolute && !is_distance))
        return std::nullopt;
    return Field{kind.width, is_distance, kind.width == 4 && (is_distance || type == R_X86_64_32S)};
}

std::vector<CodeRange> rewritten_code(const elf::Object& unit) {
    std::vector<CodeRange> ranges;
    if (unit.machine() != EM_X86_64)
        return ranges;
    add_profiling_calls(unit, ranges);
    add_jump_labels(unit, ranges);
    std::ranges::sort(ranges);
    return ranges;
}

std::vector<CodeRange> code_read_by_loader(const elf::Object& module) {
    std::vector<CodeRange> ranges;
    if (module.machine() != EM_X86_64)
        return ranges;
    add_alternatives(module, ranges);
    add_tracked_calls(module, ranges);
    std::ranges::sort(ranges);
    return ranges;
}

} // namespace klp::arch
