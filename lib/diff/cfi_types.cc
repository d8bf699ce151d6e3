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

// The operand of the one instruction among the padding before the entry.
std::optional<uint32_t> type_number(const Unit& unit, const Piece& function) {
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

// By the new number, the functions that had another.
std::multimap<uint32_t, uint32_t> changed_numbers(const Pair& pair) {
    std::multimap<uint32_t, uint32_t> changed;
    std::optional<FunctionUses> uses; // of the original unit
    for (uint32_t index = 0; index < pair.patched.pieces().size(); ++index) {
        const Piece& piece = pair.patched.piece(index);
        const uint32_t partner = pair.before(index);
        if (piece.kind != PieceKind::function || piece.start == piece.entry || partner == none)
            continue;
        const auto before = type_number(pair.original, pair.original.piece(partner));
        const auto after = type_number(pair.patched, piece);
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
    if (pair.patched.machine().name() != "x86_64")
        return {};
    std::multimap<uint32_t, uint32_t> changed = changed_numbers(pair);
    std::vector<report::Finding> findings;
    for (uint32_t caller = 0; caller < selection.included.size() && !changed.empty(); ++caller) {
        const Piece& piece = pair.patched.piece(caller);
        if (!selection.included[caller] || piece.kind != PieceKind::function)
            continue;
        for (const arch::Instruction& it : read_instructions(pair.patched, piece)) {
            if (it.mnemonic != "MOV32ri" || it.first_register != "R10D")
                continue;
            const uint32_t wanted = 0 - static_cast<uint32_t>(it.immediates[0]);
            for (auto [at, end] = changed.equal_range(wanted); at != end; at = changed.erase(at))
                findings.push_back(error_about(
                    pair.patched, at->second, "diff.cfi-type-changed",
                    fmt::format("the patch changes its type, and {} calls functions of the new type through pointers; "
                                "those that the kernel has lead to the old function, of the old type, and kCFI stops "
                                "such a call",
                                pair.patched.title(caller)),
                    "leave the types of functions that are called through pointers as they are"));
        }
    }
    return findings;
}

} // namespace klp::diff
