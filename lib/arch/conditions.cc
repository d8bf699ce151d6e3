#include "arch/conditions.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace klp::arch {

namespace {

// Two names, or ends of names, of one test.
using Contraries = std::pair<std::string_view, std::string_view>;

// z/Architecture Principles of Operation, "Branch relative on condition", as LLVM ends the names of such
// instructions; after a comparison LH is "not equal".
constexpr std::array endings_of_s390{
    Contraries("E", "NE"), Contraries("E", "LH"), Contraries("H", "NH"), Contraries("H", "LE"), Contraries("L", "NL"),
    Contraries("L", "HE"), Contraries("Z", "NZ"), Contraries("O", "NO"), Contraries("P", "NP"), Contraries("M", "NM")};

constexpr std::array names{Contraries("CBZW", "CBNZW"), Contraries("CBZX", "CBNZX"), Contraries("TBZW", "TBNZW"),
                           Contraries("TBZX", "TBNZX"), Contraries("BEQ", "BNE"),    Contraries("BEQZ", "BNEZ"),
                           Contraries("BLT", "BGE"),    Contraries("BLTU", "BGEU")};

// Makes `name` the first of a pair. Returns whether it was the second.
template <typename List>
bool turn_round(const List& list, std::string& name) {
    for (const auto& [one, other] : list)
        if (name == other) {
            name = one;
            return true;
        }
    return false;
}

} // namespace

Condition condition_of(const Instruction& branch) {
    Condition result;
    for (size_t at = 0; at < branch.immediates.size(); ++at)
        if (!branch.branch_target || at != branch.target_immediate)
            result.immediates.push_back(branch.immediates[at]);
    const std::string_view mnemonic = branch.mnemonic;
    const bool has_one = !result.immediates.empty();
    if (has_one && (mnemonic.starts_with("JCC_") || mnemonic == "Bcc")) { // the last bit turns the condition round
        result.test = mnemonic.substr(0, 3);
        result.is_contrary = (result.immediates.back() & 1) != 0;
        result.immediates.back() &= ~int64_t{1};
    } else if (has_one && mnemonic == "gBC") { // Power ISA 2.4, the field BO: whether the bit is to be 1
        result.test = mnemonic;
        result.is_contrary = (result.immediates.front() & 8) == 0;
        result.immediates.front() |= 8;
    } else if (const size_t end = mnemonic.find("Asm"); end != std::string_view::npos) {
        std::string ending(mnemonic.substr(end + 3));
        result.is_contrary = turn_round(endings_of_s390, ending);
        result.test = std::string(mnemonic.substr(0, end)) + ending;
    } else {
        result.test = mnemonic;
        result.is_contrary = turn_round(names, result.test);
    }
    return result;
}

} // namespace klp::arch
