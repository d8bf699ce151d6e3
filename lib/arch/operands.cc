#include "arch/operands.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace klp::arch {

namespace {

// The general registers' size. EBX and BL are parts of RBX; lists of several (AArch64's X0_X1 and W0_W1, s390's R0Q)
// are none.
constexpr unsigned bits = 64;

bool is_list(std::string_view name) {
    return name.find('_') != std::string_view::npos;
}

// What is written there is gone, and what is read is nothing: an operand only for the form. RIP is no register that
// code can change.
constexpr std::array without_value{std::string_view("XZR"), std::string_view("WZR"), std::string_view("ZERO"),
                                   std::string_view("ZERO8"), std::string_view("RIP")};

} // namespace

// The registers that an instruction names one by one, where those of an address are told by their place.
struct OperandReader::Operands {
    unsigned first_of_address = 0; // operand
    unsigned read = 0;             // how many registers are read, zero registers as well
};

OperandReader::OperandReader(const llvm::MCRegisterInfo& registers, llvm::Triple::ArchType machine)
    : registers_(registers), machine_(machine), widest_(registers.getNumRegs()) {
    std::vector<bool> is_wide(widest_.size(), false);
    for (const llvm::MCRegisterClass& one : registers.regclasses())
        if (one.getSizeInBits() == bits)
            for (llvm::MCPhysReg number : one)
                is_wide[number] = true;
    for (unsigned number = 1; number < widest_.size(); ++number) {
        widest_[number] = number;
        for (llvm::MCPhysReg wider : registers.superregs(number))
            if (is_wide[wider] && !is_wide[number] && !is_list(registers.getName(wider)))
                widest_[number] = wider;
        const std::string_view name = registers.getName(number);
        const bool is_zero_of_loongarch = machine == llvm::Triple::loongarch64 && name == "R0";
        if (is_zero_of_loongarch || std::ranges::find(without_value, name) != without_value.end())
            widest_[number] = 0;
    }
}

// Only loads and stores access memory, each by one address, and LLVM does not say which operands make it.
bool OperandReader::is_load_store() const {
    return machine_ == llvm::Triple::aarch64 || machine_ == llvm::Triple::loongarch64;
}

bool OperandReader::is_address(const llvm::MCInstrDesc& desc, const Operands& operands, unsigned at) const {
    if (at >= desc.getNumOperands())
        return false;
    const bool has_memory = desc.mayLoad() || desc.mayStore();
    const unsigned type = desc.operands()[at].OperandType;
    if (type == llvm::MCOI::OPERAND_MEMORY || (type == llvm::MCOI::OPERAND_PCREL && has_memory && !desc.isCall()))
        return true;
    return is_load_store() && has_memory && at >= operands.first_of_address;
}

namespace {

// How many registers a store takes its values from; those of the address come behind them.
//
//     STPXi x0, x1, [x2, #16]     two
//     CASALX x0, x1, [x2]         two: what is expected, and the new one
//     LDADDALX x0, x1, [x2]       one
unsigned values_of(std::string_view mnemonic) {
    constexpr std::array two{std::string_view("STP"), std::string_view("STNP"), std::string_view("STXP"),
                             std::string_view("STLXP"), std::string_view("CAS")};
    return std::ranges::any_of(two, [&](std::string_view begin) { return mnemonic.starts_with(begin); }) ? 2 : 1;
}

bool is_xor_name(std::string_view mnemonic) {
    constexpr std::array names{std::string_view("XOR64rr"), std::string_view("EORXrs"), std::string_view("XOR"),
                               std::string_view("XOR8"),    std::string_view("XGR"),    std::string_view("XGRK")};
    return std::ranges::find(names, mnemonic) != names.end();
}

} // namespace

// As a comparison LLVM marks those that set flags. Others compare and jump in one, or give the answer as a number.
bool OperandReader::compares(const llvm::MCInstrDesc& desc, const Operands& operands, const Instruction& result) const {
    if (desc.isCompare())
        return true;
    switch (machine_) {
    case llvm::Triple::aarch64:
        return result.mnemonic.starts_with("CCMP");
    case llvm::Triple::loongarch64:
        return result.mnemonic.starts_with("SLT") || (result.is_branch && !result.ends_flow && operands.read == 2);
    case llvm::Triple::systemz: // cgrj, clgrj, cgij, clgij and, for loops, brxhg
        return result.is_branch && result.mnemonic.starts_with("C");
    default:
        return false;
    }
}

void OperandReader::add_register(Few<unsigned>& list, unsigned number) const {
    if (widest_[number] != 0)
        list.push_back(widest_[number]);
}

void OperandReader::read(const llvm::MCInst& inst, const llvm::MCInstrDesc& desc, Instruction& result) const {
    const bool is_x86 = machine_ == llvm::Triple::x86_64;
    const auto is_register = [&](unsigned at) {
        return inst.getOperand(at).isReg() && inst.getOperand(at).getReg() != 0;
    };
    Operands operands;
    operands.first_of_address = desc.getNumDefs();
    if (is_load_store() && desc.mayStore())
        for (unsigned at = desc.getNumDefs(), values = 0; at < inst.getNumOperands(); ++at) {
            operands.first_of_address = at;
            const bool is_last = at + 1 == inst.getNumOperands() || !is_register(at + 1);
            if (!is_register(at) || is_last || values++ == values_of(result.mnemonic))
                break;
        }
    unsigned part = 0; // of an address on x86: base, scale, index, displacement, segment
    bool has_number = false;
    for (unsigned at = 0; at < inst.getNumOperands(); ++at) {
        const llvm::MCOperand& operand = inst.getOperand(at);
        // The address of LEA has no type of its own, since nothing is accessed there.
        const bool is_part =
            is_address(desc, operands, at) || (is_x86 && result.mnemonic.starts_with("LEA") && at >= desc.getNumDefs());
        if (is_part) {
            result.has_address = true;
            if (operand.isReg() && !(is_x86 && part % 5 == 4))
                add_register(result.address_registers, operand.getReg());
            if (operand.isReg() && desc.getOperandConstraint(at, llvm::MCOI::TIED_TO) >= 0)
                add_register(result.stepped_registers, operand.getReg());
            if (operand.isImm() && (!is_x86 || part % 5 == 3))
                result.displacement = operand.getImm();
            ++part;
        } else if (is_register(at) && at < desc.getNumDefs()) {
            add_register(result.written_registers, operand.getReg());
        } else if (is_register(at)) {
            add_register(result.read_registers, operand.getReg());
            ++operands.read;
        } else if (operand.isImm()) {
            has_number = true;
        }
    }
    // Beside two registers it is a shift (AArch64), a mask or a condition.
    result.has_immediate = has_number && (is_x86 || operands.read < 2);
    for (llvm::MCPhysReg implied : desc.implicit_defs())
        add_register(result.written_registers, implied);
    if (!result.has_address && !desc.isCall()) // a string instruction names its addresses both ways
        for (llvm::MCPhysReg implied : desc.implicit_uses())
            add_register(result.read_registers, implied);
    result.reads_memory = desc.mayLoad();
    result.writes_memory = desc.mayStore();
    result.is_compare = compares(desc, operands, result);
    result.is_xor = is_xor_name(result.mnemonic);
    if (result.mnemonic.starts_with("OR") && result.read_registers.size() == 2 &&
        result.read_registers[0] == result.read_registers[1]) { // `mr` of ppc64
        const unsigned only = result.read_registers[0];
        result.read_registers = {};
        result.read_registers.push_back(only);
    }
}

} // namespace klp::arch
