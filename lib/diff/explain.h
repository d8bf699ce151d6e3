// Why a function counts as changed: its first difference, where that is in the source, and what kind of change made it.
#pragma once

#include "arch/debug_lines.h"
#include "diff/changes.h"
#include "diff/meaning.h"

#include <string>

namespace klp::diff {

struct Explanation {
    std::string cause;
    std::string original_instruction; // empty where one side has ended
    std::string patched_instruction;
    std::string place; // FILE:LINE
};

// Explains one unit's changed functions. Debug data is read at the first question.
class Explainer {
public:
    // Both outlive this.
    Explainer(const Pair& pair, const Changes& changes);

    // `piece` is a changed function of the patched unit.
    Explanation explain(uint32_t piece);

private:
    struct Side {
        const Unit& unit;
        MeaningHasher hasher;
        std::vector<arch::Instruction> code = {};
        uint32_t piece = none;
        Side(const Unit& of, PairNames names, uint32_t side) : unit(of), hasher(of, std::move(names), side) {}
    };
    // What is different at a pair of instructions.
    enum class Kind { same, jump, constant, string, data, callee, other };
    Explanation explain_code(uint32_t before, uint32_t after);
    Kind difference(const arch::Instruction& a, const arch::Instruction& b);
    Kind reference_difference(const arch::Instruction& a, const arch::Instruction& b);
    static bool is_jump(const Side& side, const elf::Relocation& relocation);
    static bool is_nameless(const Side& side, const Reference& reference);
    static uint32_t local_target(const Side& side, size_t at);
    static bool enters_own_part(const Side& side, size_t at);
    std::string outer_cause(uint32_t piece) const;
    std::string cause_of(Kind first, bool is_uniform, size_t at);
    static Reference callee(const Side& side, size_t at);
    std::string callee_cause(size_t at) const;
    static std::string show(const Side& side, size_t at);
    void disassemble(Side& side, uint32_t piece);

    const Pair& pair_;
    const Changes& changes_;
    Side original_;
    Side patched_;
    arch::DebugLines original_lines_;
    arch::DebugLines patched_lines_;
};

} // namespace klp::diff
