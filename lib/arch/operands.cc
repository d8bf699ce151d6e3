#include "arch/operands.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace klp::arch {

namespace {

// The general registers' size. EBX and BL are parts of RBX; lists of several (AArch64's X0_X1 and W0_W1, s390's R0Q)
// are none.
constexpr unsigned bits = 64;

bool is_list(std::string_view name) {
    return name.find('_') != std::string_view::npos;
}

// What is written there is gone, and what is read is nothing: an operand only for the form. RIP is no register that
// code can change; flags, which AArch64's CCMP reads, are no value.
constexpr std::array without_value{std::string_view("XZR"),   std::string_view("WZR"), std::string_view("ZERO"),
                                   std::string_view("ZERO8"), std::string_view("RIP"), std::string_view("NZCV")};

} // namespace

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

bool is_one_of(std::string_view mnemonic, std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, mnemonic) != names.end();
}

bool is_xor_name(std::string_view mnemonic) {
    return is_one_of(mnemonic, {"XOR64rr", "XOR64ri32", "XOR64i32", "XOR32rr", "XOR64rm", "XOR64mr", "EORXrs", "XOR",
                                "XOR8", "XGR", "XGRK", "XG"});
}

// Of 64 bits, whose result is used: x86's, which LLVM counts among comparisons, but not AArch64's SUBS, which is.
bool is_difference_name(std::string_view mnemonic) {
    return is_one_of(mnemonic, {"SUB64rr",  "SUB64rm", "SUB64ri32", "SUB64ri8", "SUB64i32", "SUBXrs",   "SUBXrx",
                                "SUBXrx64", "SUBF",    "SUBF8",     "SUBFC",    "SUBFC8",   "SUBF_rec", "SUBF8_rec",
                                "SGR",      "SGRK",    "SLGR",      "SLGRK",    "SG",       "SLG",      "SUB_D"});
}

bool is_register(const llvm::MCInst& inst, unsigned at) {
    return inst.getOperand(at).isReg() && inst.getOperand(at).getReg() != 0;
}

// AArch64 counts the distance of LDRXui and its like, and of pairs, in units of what is accessed: behind LDR, STR, LDP
// or STP its name has that first, and then, of LDRSBXui, what it is widened to.
int64_t unit_of_displacement(llvm::Triple::ArchType machine, std::string_view mnemonic) {
    const bool is_pair = mnemonic.starts_with("LDP") || mnemonic.starts_with("STP");
    if (machine != llvm::Triple::aarch64 || !(mnemonic.ends_with("ui") || is_pair))
        return 1;
    constexpr auto units =
        std::to_array<std::pair<std::string_view, int64_t>>({{"X", 8}, {"W", 4}, {"SW", 4}, {"HH", 2}, {"SH", 2}});
    const std::string_view accessed = mnemonic.substr(std::min<size_t>(mnemonic.size(), 3));
    const auto unit = std::ranges::find_if(units, [&](const auto& it) { return accessed.starts_with(it.first); });
    return unit == units.end() ? 1 : unit->second;
}

// The address of LEA has no type of its own in LLVM's tables, since nothing is accessed there.
bool is_lea(std::string_view mnemonic) {
    return mnemonic.starts_with("LEA");
}

} // namespace

// The operand with which the address of a load or store begins: behind the result and what is stored.
unsigned OperandReader::address_begin(const llvm::MCInst& inst, const llvm::MCInstrDesc& desc,
                                      std::string_view mnemonic) const {
    unsigned at = desc.getNumDefs();
    if (!desc.mayStore())
        return at;
    for (unsigned values = 0; at < inst.getNumOperands(); ++at) {
        const bool is_last = at + 1 == inst.getNumOperands() || !is_register(inst, at + 1);
        if (!is_register(inst, at) || is_last || values++ == values_of(mnemonic))
            break;
    }
    return at;
}

// `begin`: address_begin(), where LLVM does not say.
bool OperandReader::is_address(const llvm::MCInstrDesc& desc, std::string_view mnemonic, unsigned begin,
                               unsigned at) const {
    if (at >= desc.getNumOperands())
        return false;
    const bool has_memory = desc.mayLoad() || desc.mayStore();
    const unsigned type = desc.operands()[at].OperandType;
    if (type == llvm::MCOI::OPERAND_MEMORY || (type == llvm::MCOI::OPERAND_PCREL && has_memory && !desc.isCall()))
        return true;
    if (machine_ == llvm::Triple::x86_64)
        return is_lea(mnemonic) && at >= desc.getNumDefs();
    return is_load_store() && has_memory && at >= begin;
}

// As a comparison LLVM marks those that set flags. Others compare and jump in one, or give the answer as a number.
bool OperandReader::compares(const llvm::MCInstrDesc& desc, unsigned registers_read, const Instruction& result) const {
    if (desc.isCompare() || result.mnemonic.find("CMPXCHG") != std::string_view::npos)
        return true;
    switch (machine_) {
    case llvm::Triple::aarch64:
        return result.mnemonic.starts_with("CCMP");
    case llvm::Triple::loongarch64:
        return result.mnemonic.starts_with("SLT") || (result.is_branch && !result.ends_flow && registers_read == 2);
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

// A string instruction names its addresses both ways.
bool OperandReader::is_part_of_address(unsigned number, const Instruction& result) const {
    return std::ranges::find(result.address_registers, widest_[number]) != result.address_registers.end();
}

void OperandReader::read(const llvm::MCInst& inst, const llvm::MCInstrDesc& desc, Instruction& result) const {
    const bool is_x86 = machine_ == llvm::Triple::x86_64;
    const unsigned begin = address_begin(inst, desc, result.mnemonic);
    unsigned part = 0; // of an address on x86: base, scale, index, displacement, segment
    unsigned registers_read = 0;
    bool has_number = false;
    for (unsigned at = 0; at < inst.getNumOperands(); ++at) {
        const llvm::MCOperand& operand = inst.getOperand(at);
        if (is_address(desc, result.mnemonic, begin, at)) {
            result.has_address = true;
            if (operand.isReg() && !(is_x86 && part % 5 == 4))
                add_register(result.address_registers, operand.getReg());
            if (operand.isReg() && desc.getOperandConstraint(at, llvm::MCOI::TIED_TO) >= 0)
                add_register(result.stepped_registers, operand.getReg());
            if (operand.isImm() && (!is_x86 || part % 5 == 3))
                result.displacement = operand.getImm() * unit_of_displacement(machine_, result.mnemonic);
            ++part;
        } else if (is_register(inst, at)) {
            const bool is_written = at < desc.getNumDefs();
            add_register(is_written ? result.written_registers : result.read_registers, operand.getReg());
            registers_read += is_written ? 0 : 1;
        } else if (operand.isImm()) {
            has_number = true;
        }
    }
    // Beside two registers it is a shift (AArch64), a mask or a condition.
    result.has_immediate = has_number && (is_x86 || registers_read < 2);
    for (llvm::MCPhysReg implied : desc.implicit_defs())
        add_register(result.written_registers, implied);
    for (llvm::MCPhysReg implied : desc.implicit_uses())
        if (!is_part_of_address(implied, result))
            add_register(result.read_registers, implied);
    result.reads_memory = desc.mayLoad();
    result.writes_memory = desc.mayStore();
    result.is_compare = compares(desc, registers_read, result);
    result.is_pool_load =
        machine_ == llvm::Triple::aarch64 && is_one_of(result.mnemonic, {"LDRXl", "LDRWl", "LDRSWl", "PRFMl"});
    result.is_xor = is_xor_name(result.mnemonic);
    result.is_difference = is_difference_name(result.mnemonic);
    if (result.is_difference && !result.read_registers.empty()) // ppc64 writes it last (`subf` is "subtract from")
        result.minuend =
            result.read_registers[machine_ == llvm::Triple::ppc64le ? result.read_registers.size() - 1 : 0];
    if (result.mnemonic.starts_with("OR") && result.read_registers.size() == 2 &&
        result.read_registers[0] == result.read_registers[1]) { // `mr` of ppc64
        const unsigned only = result.read_registers[0];
        result.read_registers = {};
        result.read_registers.push_back(only);
    }
}

} // namespace klp::arch
