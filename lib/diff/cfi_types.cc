#include "diff/cfi_types.h"

#include "diff/function_uses.h"
#include "diff/instructions.h"
#include "diff/piece_finding.h"

#include <fmt/format.h>
#include <llvm/Support/Endian.h>

#include <map>
#include <optional>

namespace klp::diff {

namespace {

// Where a machine has the numbers of types (Clang's -fsanitize=kcfi): before a function's entry, and in the code that
// calls through a pointer.
class TypeNumbers {
public:
    explicit TypeNumbers(const arch::Machine& machine)
        : is_x86_(machine.name() == "x86_64"), is_known_(is_x86_ || machine.name() == "arm64") {}

    bool is_known() const { return is_known_; }
    // The one that a function has, if any.
    std::optional<uint32_t> of(const Unit& unit, const Piece& function) const {
        return is_x86_ ? operand_among_padding(unit, function) : first_word(unit, function);
    }
    // Those that a function asks for.
    std::vector<uint32_t> wanted_by(const Instructions& code) const {
        std::vector<uint32_t> wanted;
        for (size_t at = 0; at < code.size(); ++at)
            if (const std::optional<uint32_t> number = is_x86_ ? negated(code[at]) : in_halves(code, at))
                wanted.push_back(*number);
        return wanted;
    }

private:
    // `movl $NUMBER, %eax` among the no-ops.
    static std::optional<uint32_t> operand_among_padding(const Unit& unit, const Piece& function) {
        constexpr std::byte nop{0x90}, mov_eax{0xb8};
        constexpr size_t size = 5;
        const elf::Bytes bytes = unit.object().section(function.section).data;
        for (uint64_t at = function.start; at + size <= function.entry && function.entry <= bytes.size(); ++at) {
            if (bytes[at] == mov_eax)
                return llvm::support::endian::read32le(bytes.data() + at + 1);
            if (bytes[at] != nop)
                break;
        }
        return std::nullopt;
    }
    // The word before no-ops, if there are some.
    static std::optional<uint32_t> first_word(const Unit& unit, const Piece& function) {
        constexpr size_t size = 4;
        constexpr uint32_t nop = 0xd503201f;
        const elf::Bytes bytes = unit.object().section(function.section).data;
        if (function.start + size > function.entry || function.entry > bytes.size())
            return std::nullopt;
        const uint32_t word = llvm::support::endian::read32le(bytes.data() + function.start);
        return word == nop ? std::nullopt : std::optional(word);
    }
    // `movl $-NUMBER, %r10d`
    static std::optional<uint32_t> negated(const arch::Instruction& it) {
        if (it.mnemonic != "MOV32ri" || it.first_register != "R10D")
            return std::nullopt;
        return 0 - static_cast<uint32_t>(it.immediates[0]);
    }
    // `movk w17, #LOW; movk w17, #HIGH, lsl #16`
    static std::optional<uint32_t> in_halves(const Instructions& code, size_t at) {
        const auto half = [](const arch::Instruction& it, int64_t shift) -> std::optional<uint32_t> {
            const bool is_it = it.mnemonic == "MOVKWi" && it.first_register == "W17" && it.immediates.size() == 2 &&
                               it.immediates[1] == shift;
            return is_it ? std::optional(static_cast<uint32_t>(it.immediates[0])) : std::nullopt;
        };
        const auto low = half(code[at], 0);
        const auto high = low && at + 1 < code.size() ? half(code[at + 1], 16) : std::nullopt;
        return high ? std::optional(*high << 16 | *low) : std::nullopt;
    }

    bool is_x86_;
    bool is_known_;
};

// By the new number, the functions that had another.
std::multimap<uint32_t, uint32_t> changed_numbers(const Pair& pair, const TypeNumbers& numbers) {
    std::multimap<uint32_t, uint32_t> changed;
    std::optional<FunctionUses> uses; // of the original unit
    for (uint32_t index = 0; index < pair.patched.pieces().size(); ++index) {
        const Piece& piece = pair.patched.piece(index);
        const uint32_t partner = pair.before(index);
        if (piece.kind != PieceKind::function || piece.start == piece.entry || partner == none)
            continue;
        const auto before = numbers.of(pair.original, pair.original.piece(partner));
        const auto after = numbers.of(pair.patched, piece);
        if (!before || !after || *before == *after)
            continue;
        if (!uses)
            uses.emplace(pair.original);
        if (uses->is_pointed_to(partner))
            changed.emplace(*after, index);
    }
    return changed;
}

} // namespace

std::vector<report::Finding> find_changed_cfi_types(const Pair& pair, const Selection& selection) {
    const TypeNumbers numbers(pair.patched.machine());
    if (!numbers.is_known())
        return {};
    std::multimap<uint32_t, uint32_t> changed = changed_numbers(pair, numbers);
    std::vector<report::Finding> findings;
    for (uint32_t caller = 0; caller < selection.included.size() && !changed.empty(); ++caller) {
        const Piece& piece = pair.patched.piece(caller);
        if (!selection.included[caller] || piece.kind != PieceKind::function)
            continue;
        for (uint32_t wanted : numbers.wanted_by(read_instructions(pair.patched, piece)))
            for (auto [at, end] = changed.equal_range(wanted); at != end; at = changed.erase(at))
                findings.push_back(error_about(
                    pair.patched, at->second, "diff.cfi-type-changed",
                    fmt::format("the patch changes its type, and {} calls functions of the new type through pointers; "
                                "those that the kernel has lead to the old function, of the old type, and kCFI stops "
                                "such a call",
                                pair.patched.title(caller)),
                    "leave the types of functions that are called through pointers as they are"));
    }
    return findings;
}

} // namespace klp::diff
