#include "arch/instruction.h"

#include "arch/operands.h"
#include "report/finding.h"

#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstPrinter.h>
#include <llvm/MC/MCInstrAnalysis.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/MCTargetOptions.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/TargetParser/Triple.h>

#include <mutex>

namespace klp::arch {

namespace {

void initialize_llvm() {
    static std::once_flag once;
    std::call_once(once, [] {
    // Those of machines.h: a command that links LLVM statically has no others.
#define KLP_INITIALIZE(machine)                                                                                        \
    LLVMInitialize##machine##TargetInfo();                                                                             \
    LLVMInitialize##machine##TargetMC();                                                                               \
    LLVMInitialize##machine##Disassembler();
        KLP_INITIALIZE(X86)
        KLP_INITIALIZE(AArch64)
        KLP_INITIALIZE(PowerPC)
        KLP_INITIALIZE(SystemZ)
        KLP_INITIALIZE(LoongArch)
#undef KLP_INITIALIZE
    });
}

} // namespace

struct Disassembler::State {
    llvm::MCTargetOptions options;
    std::unique_ptr<llvm::MCRegisterInfo> registers;
    std::unique_ptr<llvm::MCAsmInfo> assembler;
    std::unique_ptr<llvm::MCSubtargetInfo> subtarget;
    std::unique_ptr<llvm::MCInstrInfo> instructions;
    std::unique_ptr<llvm::MCContext> context;
    std::unique_ptr<llvm::MCDisassembler> disassembler;
    std::unique_ptr<llvm::MCInstrAnalysis> analysis;
    std::unique_ptr<llvm::MCInstPrinter> printer;
    std::unique_ptr<OperandReader> operands;
};

Disassembler::Disassembler(const char* triple, const char* processor, const char* features)
    : state_(std::make_unique<State>()) {
    initialize_llvm();
    std::string reason;
    const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, reason);
    if (!target)
        throw report::Refusal("arch.no-disassembler", triple, reason, "use an LLVM that was built for all targets");
    State& s = *state_;
    s.registers.reset(target->createMCRegInfo(triple));
    s.assembler.reset(target->createMCAsmInfo(*s.registers, triple, s.options));
    s.subtarget.reset(target->createMCSubtargetInfo(triple, processor, features));
    s.instructions.reset(target->createMCInstrInfo());
    s.context = std::make_unique<llvm::MCContext>(llvm::Triple(triple), s.assembler.get(), s.registers.get(),
                                                  s.subtarget.get());
    s.disassembler.reset(target->createMCDisassembler(*s.subtarget, *s.context));
    s.analysis.reset(target->createMCInstrAnalysis(s.instructions.get()));
    s.printer.reset(target->createMCInstPrinter(llvm::Triple(triple), s.assembler->getAssemblerDialect(), *s.assembler,
                                                *s.instructions, *s.registers));
    if (!s.disassembler || !s.printer)
        throw report::Refusal("arch.no-disassembler", triple, "LLVM has no disassembler for this machine",
                              "use an LLVM that was built for all targets");
    s.printer->setPrintImmHex(true);
    s.operands = std::make_unique<OperandReader>(*s.registers, s.subtarget->getTargetTriple().getArch());
}

Disassembler::~Disassembler() = default;

std::string_view Disassembler::register_name(unsigned number) const {
    return state_->registers->getName(number);
}

namespace {

// `br %r14`, which LLVM's table has as a jump (s390x ELF ABI supplement, 1.2.2: r14 is the return address).
bool is_return_of_s390(const llvm::MCInst& inst, const llvm::MCInstrDesc& desc, const llvm::MCRegisterInfo& registers) {
    return desc.isIndirectBranch() && inst.getNumOperands() == 1 && inst.getOperand(0).isReg() &&
           std::string_view(registers.getName(inst.getOperand(0).getReg())) == "R14D";
}

// One instruction of LoongArch calls, jumps and returns, as its operands say.
void read_flow(const llvm::MCInst& inst, const llvm::MCInstrDesc& desc, const llvm::MCInstrAnalysis* analysis,
               const llvm::MCRegisterInfo& registers, Instruction& result) {
    result.is_call = analysis ? analysis->isCall(inst) : desc.isCall();
    result.is_branch = analysis ? analysis->isBranch(inst) : desc.isBranch();
    result.is_return =
        analysis ? analysis->isReturn(inst) : desc.isReturn() || is_return_of_s390(inst, desc, registers);
    const bool is_jump = analysis ? analysis->isUnconditionalBranch(inst) || analysis->isIndirectBranch(inst) : false;
    result.is_trap = desc.isTrap();
    result.ends_flow = desc.isBarrier() || result.is_return || is_jump;
}

// Where a direct branch leads. Where LLVM has nothing that adds up the distance (SystemZ), its decoder did.
std::optional<uint64_t> target_of(const llvm::MCInst& inst, const llvm::MCInstrDesc& desc,
                                  const llvm::MCInstrAnalysis* analysis, uint64_t offset, uint64_t size) {
    uint64_t target = 0;
    if (analysis)
        return analysis->evaluateBranch(inst, offset, size, target) ? std::optional(target) : std::nullopt;
    for (unsigned at = 0; at < std::min<unsigned>(inst.getNumOperands(), desc.getNumOperands()); ++at)
        if (desc.operands()[at].OperandType == llvm::MCOI::OPERAND_PCREL && inst.getOperand(at).isImm())
            return static_cast<uint64_t>(inst.getOperand(at).getImm());
    return std::nullopt;
}

} // namespace

Instruction Disassembler::decode(elf::Bytes section, uint64_t offset, uint64_t end, bool with_text) {
    State& s = *state_;
    Instruction result;
    result.offset = offset;
    llvm::ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t*>(section.data()) + offset, end - offset);
    llvm::MCInst inst;
    uint64_t size = 0;
    auto status = s.disassembler->getInstruction(inst, size, bytes, offset, llvm::nulls());
    if (status != llvm::MCDisassembler::Success || size == 0 || size > end - offset) {
        result.size = static_cast<uint32_t>(std::min<uint64_t>(s.assembler->getMinInstAlignment(), end - offset));
        result.size = std::max(result.size, 1U);
        result.text = with_text ? "(bad)" : "";
        return result;
    }
    const llvm::MCInstrDesc& desc = s.instructions->get(inst.getOpcode());
    result.size = static_cast<uint32_t>(size);
    result.opcode = inst.getOpcode();
    result.is_valid = true;
    result.is_move_immediate = desc.isMoveImmediate();
    read_flow(inst, desc, s.analysis.get(), *s.registers, result);
    bool has_target = false;
    for (const llvm::MCOperand& operand : inst) {
        if (operand.isReg())
            result.registers.push_back(operand.getReg());
        else if (operand.isImm()) {
            // The target comes last where no operand is described as one: AArch64's `b.cond`, `tbz`.
            const auto at = static_cast<unsigned>(&operand - inst.begin());
            const bool is_described =
                at < desc.getNumOperands() && desc.operands()[at].OperandType == llvm::MCOI::OPERAND_PCREL;
            if (!has_target)
                result.target_immediate = static_cast<unsigned>(result.immediates.size());
            has_target |= is_described;
            result.immediates.push_back(operand.getImm());
        }
    }
    if (!result.registers.empty())
        result.first_register = s.registers->getName(result.registers[0]);
    if (result.registers.size() > 1)
        result.second_register = s.registers->getName(result.registers[1]);
    result.mnemonic = s.instructions->getName(result.opcode);
    s.operands->read(inst, desc, result);
    if (result.is_call || result.is_branch)
        result.branch_target = target_of(inst, desc, s.analysis.get(), offset, size);
    if (with_text) {
        llvm::raw_string_ostream out(result.text);
        s.printer->printInst(&inst, offset, "", *s.subtarget, out);
        out.flush();
        for (char& c : result.text)
            if (c == '\t' || c == '\n')
                c = ' ';
        result.text.erase(0, result.text.find_first_not_of(' '));
    }
    return result;
}

std::optional<uint64_t> Disassembler::near_target(elf::Bytes section, const Instruction& instruction) {
    State& s = *state_;
    llvm::ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t*>(section.data()) + instruction.offset,
                                  instruction.size);
    llvm::MCInst inst;
    uint64_t size = 0;
    if (!instruction.is_valid || instruction.is_call || instruction.is_branch ||
        s.disassembler->getInstruction(inst, size, bytes, instruction.offset, llvm::nulls()) !=
            llvm::MCDisassembler::Success)
        return std::nullopt;
    if (!s.analysis) // s390's larl
        return target_of(inst, s.instructions->get(inst.getOpcode()), nullptr, instruction.offset, size);
    if (instruction.mnemonic == "ADR" && !instruction.immediates.empty()) // AArch64
        return instruction.offset + static_cast<uint64_t>(instruction.immediates[0]);
    if (instruction.is_pool_load && !instruction.immediates.empty()) { // counted in instructions
        constexpr int64_t unit = 4;
        return instruction.offset + static_cast<uint64_t>(instruction.immediates[0] * unit);
    }
    return s.analysis->evaluateMemoryOperandAddress(inst, s.subtarget.get(), instruction.offset, size);
}

} // namespace klp::arch
