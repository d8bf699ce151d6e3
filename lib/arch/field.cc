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

// struct alt_instr (arch/x86/include/asm/alternative.h): s32 instr_offset, s32 repl_offset, then the feature, in two
// bytes (the uppermost bit turns it round) up to 6.2 and four since (the upper two are flags), then u8 instrlen and u8
// replacementlen. Both offsets are relocated.
std::vector<Alternative> alternatives(const elf::Object& module) {
    std::vector<Alternative> result;
    const elf::Section* table = module.machine() == EM_X86_64 ? module.find_section(".altinstructions") : nullptr;
    if (!table)
        return result;
    std::span<const elf::Relocation> relocations = module.relocations(table->index);
    const uint64_t entries = relocations.size() / 2;
    const uint64_t entry_size = entries ? table->data.size() / entries : 0;
    if (entry_size < 12)
        return result;
    auto range_of = [&](const elf::Relocation& relocation, uint64_t size) {
        const elf::Symbol& symbol = module.symbol(relocation.symbol);
        return CodeRange{module.section_of(symbol) ? symbol.section : 0,
                         symbol.value + static_cast<uint64_t>(relocation.addend), size};
    };
    auto byte_at = [&](uint64_t offset) { return module.read_integer(table->data, offset, 1); };
    for (const elf::Relocation& relocation : relocations) {
        const bool is_whole =
            relocation.offset < table->data.size() && table->data.size() - relocation.offset >= entry_size;
        if (relocation.offset % entry_size != 0 || !is_whole || !module.section_of(module.symbol(relocation.symbol)))
            continue;
        const uint64_t end = relocation.offset + entry_size;
        Alternative entry{relocation.offset, range_of(relocation, byte_at(end - 2)), {}, 0};
        auto second = std::ranges::lower_bound(relocations, relocation.offset + 4, {}, &elf::Relocation::offset);
        if (second != relocations.end() && second->offset == relocation.offset + 4)
            entry.replacement = range_of(*second, byte_at(end - 1));
        entry.feature = static_cast<unsigned>(module.read_integer(table->data, relocation.offset + 8, 2)) &
                        (entry_size == 12 ? 0x7fff : 0xffff);
        result.push_back(entry);
    }
    return result;
}

std::vector<CodeRange> code_read_by_loader(const elf::Object& module) {
    std::vector<CodeRange> ranges;
    if (module.machine() != EM_X86_64)
        return ranges;
    for (const Alternative& entry : alternatives(module))
        ranges.push_back(entry.original);
    std::ranges::sort(ranges);
    return ranges;
}

} // namespace klp::arch
