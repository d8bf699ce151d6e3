#include "arch/machine.h"

#include "arch/machines.h"
#include "report/finding.h"

#include <fmt/format.h>

#include <elf.h>
#include <map>

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

namespace klp::arch {

const Machine& Machine::of(const elf::Object& object) {
    switch (object.machine()) {
    case EM_X86_64:
        return x86_64();
    case EM_AARCH64:
        if (object.is_little_endian())
            return aarch64();
        break;
    case EM_PPC64:
        if (object.is_little_endian())
            return ppc64le();
        break;
    case EM_S390:
        if (!object.is_little_endian())
            return s390x();
        break;
    case EM_LOONGARCH:
        return loongarch64();
    default:
        break;
    }
    throw report::Refusal("arch.unsupported", object.name(),
                          fmt::format("this is an object for machine {} ({}-endian)", object.machine(),
                                      object.is_little_endian() ? "little" : "big"),
                          "supported are x86_64, aarch64, ppc64le, s390x and loongarch64");
}

int64_t Machine::addend_bias(const std::optional<Code>&, const elf::Relocation&) const {
    return 0;
}

int64_t Machine::usual_bias(uint32_t) const {
    return 0;
}

bool Machine::is_profiling_call(std::string_view symbol) const {
    return symbol == "_mcount" || symbol == "mcount";
}

bool Machine::is_mark(const elf::Symbol& symbol) const {
    return symbol.name.empty() || symbol.name.starts_with(".L") || symbol.name.starts_with("L0\001");
}

std::vector<ResolvedBranch> Machine::resolved_branches(const Code& code) const {
    std::vector<ResolvedBranch> branches;
    for (const Instruction& instruction : disassemble(code, false)) {
        if (!instruction.branch_target)
            continue;
        const uint64_t target = *instruction.branch_target;
        if (target >= code.start && target < code.end)
            continue;
        const BranchField field = branch_field(code.section, instruction);
        branches.push_back({{field.offset, field.type, 0, 0}, target, field.can_move});
    }
    return branches;
}

std::optional<uint64_t> Machine::loaded_constant(const Instruction& instruction) const {
    if (!instruction.is_move_immediate || instruction.immediates.size() != 1)
        return std::nullopt;
    return static_cast<uint64_t>(instruction.immediates[0]);
}

Disassembler& Machine::disassembler() const {
    thread_local std::map<const Machine*, std::unique_ptr<Disassembler>> disassemblers;
    std::unique_ptr<Disassembler>& found = disassemblers[this];
    if (!found)
        found = std::make_unique<Disassembler>(triple(), processor(), features());
    return *found;
}

std::optional<uint64_t> Machine::near_target(elf::Bytes section, const Instruction& instruction) const {
    return disassembler().near_target(section, instruction);
}

std::string_view Machine::register_name(unsigned number) const {
    return disassembler().register_name(number);
}

std::vector<Instruction> Machine::disassemble(const Code& code, bool with_text) const {
    Disassembler& reader = disassembler();
    std::vector<Instruction> instructions;
    uint64_t end = std::min<uint64_t>(code.end, code.section.size());
    instructions.reserve(end > code.start ? (end - code.start) / 4 + 1 : 0);
    for (uint64_t at = code.start; at < end; at += instructions.back().size)
        instructions.push_back(reader.decode(code.section, at, end, with_text));
    return instructions;
}

} // namespace klp::arch
