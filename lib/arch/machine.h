// All that differs from machine to machine, behind one interface: what relocations mean, where a function can be
// patched, how its code is read. Nobody above knows a relocation's number or an opcode.
#pragma once

#include "arch/instruction.h"
#include "arch/special_sections.h"
#include "elf/object.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace klp::arch {

// What a relocation does with S + A.
enum class Form : uint8_t {
    none,        // nothing: a mark left by the compiler, the assembler or objtool
    absolute,    // the address itself, or part of it
    pc_relative, // the distance from the place of the relocation
    difference,  // adds to or subtracts from what is there (loongarch's ADD/SUB pairs)
    table,       // the distance to an entry of the GOT or TOC, made by the linker or the module loader
    toc_base     // the TOC's own address (ppc64)
};

struct RelocationKind {
    Form form = Form::none;
    bool is_known = false;
    uint8_t width = 0; // bytes of the field; 0 where it is part of an instruction word
};

// A reference out of a function that the assembler resolved itself, because its target is in the same section. As soon
// as one of the two moves it needs a relocation.
struct ResolvedBranch {
    elf::Relocation relocation; // `symbol` is 0: the target is `target` in the same section
    uint64_t target = 0;
    bool can_move = true; // false: the field is too short for any other distance
};

// The code of one function, and how to name it in messages.
struct Code {
    elf::Bytes section; // the whole section's bytes
    uint64_t start = 0; // of the first instruction
    uint64_t end = 0;
};

class Machine {
public:
    virtual ~Machine() = default;

    // The machine of `object`. Throws report::Refusal "arch.unsupported".
    static const Machine& of(const elf::Object& object);

    virtual std::string_view name() const = 0; // as the kernel's ARCH= calls it
    virtual const char* triple() const = 0;    // LLVM's name for it
    // What LLVM decodes for it: the instructions of this processor, and these besides. Kernels are built for newer
    // processors than those that LLVM takes for granted.
    virtual const char* processor() const { return ""; }
    virtual const char* features() const { return ""; }

    // Decodes a relocation's number. An unknown one has is_known == false.
    virtual RelocationKind relocation(uint32_t type) const = 0;
    // How many bytes at its offset the kernel's module loader changes for a relocation of this type; 0 for one that
    // only marks a place, nullopt if it refuses the type ("Unknown rela relocation").
    virtual std::optional<unsigned> loaded_width(uint32_t type) const = 0;
    // Does the loader refuse to relocate bytes that are not zero (arch/x86/kernel/module.c, __write_relocate_add())?
    virtual bool loader_wants_zero_place() const { return false; }
    // May several relocations apply to one place, one after the other (LoongArch's additions, subtractions and stack
    // machine)?
    virtual bool relocations_accumulate() const { return false; }
    // Numbers that mean the same have the same canonical number (PC32 and PLT32 on x86).
    virtual uint32_t canonical(uint32_t type) const { return type; }
    // What has to be added to the addend to get the offset, from the symbol, of the byte that is meant: a pc-relative
    // field on x86 counts from the end of its instruction, on s390 from its beginning. `code` is the function around
    // it, or nothing for data.
    virtual int64_t addend_bias(const std::optional<Code>& code, const elf::Relocation& relocation) const;
    // The bias in code that needs no look at the instruction: what addend_bias() says most of the time.
    virtual int64_t usual_bias(uint32_t type) const;
    // The upper part of an address, which the instruction with the lower part completes.
    virtual bool is_high_part(uint32_t) const { return false; }
    // Calls and jumps, as opposed to taking an address. `data` is the relocated section's.
    virtual bool is_branch(elf::Bytes data, const elf::Relocation& relocation) const = 0;
    // A 64-bit absolute address.
    virtual uint32_t absolute64() const = 0;
    // __fentry__, _mcount and their like.
    virtual bool is_profiling_call(std::string_view symbol) const;
    // The compiler left room for ftrace that no relocation tells of (s390's -mhotpatch, -mnop-mcount).
    virtual bool has_profiling_nop(const Code&) const { return false; }
    // ftrace hooks functions at the places listed in __patchable_function_entries. On x86 these are paddings for call
    // depth tracking and CFI (-fpatchable-function-entry=16,16), which notrace functions have as well.
    virtual bool hooks_patchable_entries() const { return true; }
    // How far from a section anchor GCC's instructions reach for data without a name (-fsection-anchors,
    // TARGET_MAX_ANCHOR_OFFSET); 0: it has none on this machine.
    virtual uint64_t anchor_reach() const { return 0; }
    // A local, compiler- or assembler-made mark that is no function and no variable.
    virtual bool is_mark(const elf::Symbol& symbol) const;
    // Branches without relocation that leave `code`.
    std::vector<ResolvedBranch> resolved_branches(const Code& code) const;
    // The immediate operand that an instruction loads, if it is one that could be a line number: the instruction puts a
    // constant into an integer register and does nothing else.
    virtual std::optional<uint64_t> loaded_constant(const Instruction& instruction) const;

    // Which integer argument of a call a register holds (counted from 0), by LLVM's name of the register: the machine's
    // calling convention.
    virtual std::optional<unsigned> argument_number(std::string_view register_name) const = 0;

    // LLVM's name of a register's number.
    std::string_view register_name(unsigned number) const;
    // These go by the name of the widest register.
    virtual bool is_stack_pointer(std::string_view register_name) const = 0;
    // A called function gives the register back as it was.
    virtual bool survives_call(std::string_view register_name) const = 0;
    // It holds what a function returns.
    virtual bool is_result(std::string_view register_name) const = 0;
    // It holds the second half of what takes two registers.
    virtual bool is_second_result(std::string_view register_name) const = 0;
    // Assemblers put constants behind the code that loads them (`ldr x0, =value`; Instruction::is_pool_load).
    virtual bool has_literal_pools() const { return false; }
    // Code names an address in the instruction that uses it (x86), and not in a register first.
    virtual bool has_addresses_in_place() const { return false; }

    // Puts one more argument of the next call onto the stack; the last one put there is number stack_arguments_from().
    virtual bool pushes_argument(const Instruction&) const { return false; }
    virtual unsigned stack_arguments_from() const { return 8; }

    // The field at `offset` of a special section points to code of no length, and so to whatever comes there next (the
    // replacement of an alternative that has none). The offset of the field whose target may stand in for it.
    virtual std::optional<uint64_t> stand_in(const elf::Object&, const elf::Section&, uint64_t) const { return {}; }

    // The same jump, to somewhere: an assembler chooses between short and long forms by the distance. Machines whose
    // jumps have one form need not say.
    virtual bool is_same_jump(const Instruction&, const Instruction&) const { return false; }
    // As Disassembler::near_target(); `section` is the section's data.
    std::optional<uint64_t> near_target(elf::Bytes section, const Instruction& instruction) const;
    // Nobody gets past it: what BUG() and compilers put where code must not get to.
    virtual bool is_trap(const Instruction& instruction) const { return instruction.is_trap; }
    // Does nothing, and stands between instructions to align the next one.
    virtual bool is_padding(const Instruction&) const { return false; }

    // For code that no indirect branch may enter: the relocation type of the 32-bit distance by which the kernel's
    // build is told that none will (objtool --ibt; ANNOTATE_NOENDBR of linux/objtool.h). Nothing for other code, or
    // where no build asks.
    virtual std::optional<uint32_t> missing_landing_pad(const Code&) const { return {}; }

    // Turns the instruction that loads a constant of 64 bits, which stands at `place` of `section`, into one that loads
    // a variable of 64 bits. Returns the relocation that is to name the variable (`symbol` is 0), or nothing where the
    // instruction is another, or the machine has no such pair of instructions of equal size.
    virtual std::optional<elf::Relocation> load_from_memory(std::span<std::byte>, uint64_t) const { return {}; }

    // The relocation that a direct branch would have at another distance, and whether its field is long enough for
    // that.
    struct BranchField {
        uint32_t type = 0;
        uint64_t offset = 0; // in the section
        bool can_move = true;
    };
    virtual BranchField branch_field(elf::Bytes section, const Instruction& branch) const = 0;

    // Do the bytes at `offset` of a finished module's code look like what an entry of a special section may point to?
    // `offset` is within `code`.
    virtual bool is_site(Site, elf::Bytes, uint64_t) const { return true; }
    // e_flags of a module, or nothing where several are right.
    virtual std::optional<uint32_t> module_flags() const { return 0; }

    // Splits `code` into instructions. Bytes that do not decode become one-unit instructions with is_valid == false.
    std::vector<Instruction> disassemble(const Code& code, bool with_text) const;

private:
    Disassembler& disassembler() const; // of this thread
};

} // namespace klp::arch
