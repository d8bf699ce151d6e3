// What an instruction does with its operands, as far as LLVM's tables and a machine's way to write them tell. Private
// to this room, as are LLVM's headers.
#pragma once

#include "arch/instruction.h"

#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstrDesc.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/TargetParser/Triple.h>

#include <string_view>
#include <vector>

namespace klp::arch {

class OperandReader {
public:
    // `registers` outlives it.
    OperandReader(const llvm::MCRegisterInfo& registers, llvm::Triple::ArchType machine);

    // Fills what Instruction says of operands; its mnemonic and the flow of control must be there.
    void read(const llvm::MCInst& inst, const llvm::MCInstrDesc& desc, Instruction& result) const;

private:
    bool is_load_store() const;
    unsigned address_begin(const llvm::MCInst& inst, const llvm::MCInstrDesc& desc, std::string_view mnemonic) const;
    bool is_address(const llvm::MCInstrDesc& desc, std::string_view mnemonic, unsigned begin, unsigned at) const;
    bool compares(const llvm::MCInstrDesc& desc, unsigned registers_read, const Instruction& result) const;
    bool is_part_of_address(unsigned number, const Instruction& result) const;
    void add_register(Few<unsigned>& list, unsigned number) const;

    const llvm::MCRegisterInfo& registers_;
    llvm::Triple::ArchType machine_;
    std::vector<unsigned> widest_; // by register: 0 for one that is always zero, and for the program counter
};

} // namespace klp::arch
