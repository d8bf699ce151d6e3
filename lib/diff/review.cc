#include "diff/review.h"

#include "arch/debug_lines.h"
#include "diff/instruction_text.h"
#include "diff/referrers.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace klp::diff {

namespace {

constexpr size_t context = 3;

using report::DiffBlock;

// A piece's instructions as lines, to be read and to be compared.
struct Listing {
    std::vector<std::string> texts;
    std::vector<std::string> meanings;
    std::vector<uint64_t> offsets; // from the entry
};

arch::Code code_or_none(const Unit& unit, const Piece& piece) {
    return unit.code_of(piece).value_or(arch::Code());
}

Listing list_code(const Unit& unit, uint32_t index) {
    Listing listing;
    if (index == none)
        return listing;
    const Piece& piece = unit.piece(index);
    for (const arch::Instruction& instruction : unit.machine().disassemble(code_or_none(unit, piece), true)) {
        listing.texts.push_back(instruction_text(unit, piece, instruction));
        listing.meanings.push_back(instruction_meaning(unit, piece, instruction));
        listing.offsets.push_back(instruction.offset - piece.entry);
    }
    return listing;
}

void add_blocks(const std::string& title, const Listing& before, const Listing& after, std::vector<DiffBlock>& blocks) {
    const std::vector<report::Edit> edits = report::compare_lines(before.meanings, after.meanings);
    for (const report::EditRange& part : report::differing_parts(edits, context)) {
        DiffBlock block;
        const report::Edit& first = edits[part.begin];
        const bool is_old = first.sign != '+';
        const uint64_t start = is_old ? before.offsets[first.before] : after.offsets[first.after];
        block.heading = fmt::format("{}{:+#x}", title, static_cast<int64_t>(start));
        for (size_t at = part.begin; at < part.end; ++at) {
            const report::Edit& edit = edits[at];
            // What both have is shown as it is in the module.
            const auto& [side, line] = edit.sign == '-' ? std::tie(before, edit.before) : std::tie(after, edit.after);
            block.lines.push_back(
                {edit.sign, fmt::format("{:+#6x}  {}", static_cast<int64_t>(side.offsets[line]), side.texts[line])});
        }
        blocks.push_back(std::move(block));
    }
}

// The lines of source of a function and its parts, by function and file.
using Lines = std::map<std::pair<std::string, std::string>, SourceLines>;

void add_lines(const Unit& unit, arch::DebugLines& debug, uint32_t index, Lines& lines) {
    const Piece& piece = unit.piece(index);
    for (const arch::Instruction& instruction : unit.machine().disassemble(code_or_none(unit, piece), false))
        for (const arch::Frame& frame : debug.frames(piece.section, instruction.offset)) {
            auto [place, is_new] = lines.try_emplace({frame.function, frame.file},
                                                     SourceLines{frame.function, frame.file, frame.line, frame.line});
            SourceLines& known = place->second;
            known.first = std::min(known.first, frame.line);
            known.last = std::max(known.last, frame.line);
        }
}

class Reviewer {
public:
    Reviewer(const Pair& pair, const Selection& selection)
        : pair_(pair), original_lines_(pair.original.object()), patched_lines_(pair.patched.object()),
          is_replaced_(pair.original.pieces().size(), false) {
        for (uint32_t piece : selection.changed)
            is_replaced_[pair.before(piece)] = true;
        users_ = referrers_of(pair.original, is_replaced_);
    }

    Review review(uint32_t function) {
        Review result;
        const uint32_t partner = pair_.before(function);
        result.is_global = !pair_.patched.is_local(pair_.patched.piece(function));
        add_code(function, result);
        add_source(function, partner, result);
        if (partner != none)
            add_users(partner, result);
        return result;
    }

private:
    static std::vector<uint32_t> with_parts(const Unit& unit, uint32_t function) {
        std::vector<uint32_t> all = unit.parts_of(function);
        std::ranges::sort(all);
        all.insert(all.begin(), function);
        return all;
    }

    void add_code(uint32_t function, Review& result) {
        const std::vector<uint32_t> parts = with_parts(pair_.patched, function);
        for (uint32_t part : parts)
            add_blocks(pair_.patched.title(part), list_code(pair_.original, pair_.before(part)),
                       list_code(pair_.patched, part), result.code);
        if (pair_.before(function) == none)
            return;
        for (uint32_t part : with_parts(pair_.original, pair_.before(function)))
            if (std::ranges::find(parts, pair_.after(part)) == parts.end())
                add_blocks(pair_.original.title(part), list_code(pair_.original, part), {}, result.code);
    }

    void add_source(uint32_t function, uint32_t partner, Review& result) {
        Lines before, after;
        if (partner != none)
            for (uint32_t part : with_parts(pair_.original, partner))
                add_lines(pair_.original, original_lines_, part, before);
        for (uint32_t part : with_parts(pair_.patched, function))
            add_lines(pair_.patched, patched_lines_, part, after);
        for (const auto& [name, lines] : before)
            result.original_lines.push_back(lines);
        for (const auto& [name, lines] : after)
            if (!before.contains(name))
                result.new_lines.push_back(lines);
    }

    void add_users(uint32_t partner, Review& result) const {
        std::set<uint32_t> users;
        for (uint32_t user : users_[partner])
            if (const uint32_t root = pair_.original.root_of(user);
                !is_replaced_[root] && pair_.original.piece(root).kind != PieceKind::fragment)
                users.insert(root);
        for (uint32_t user : users)
            result.users.push_back(pair_.original.title(user));
    }

    const Pair& pair_;
    arch::DebugLines original_lines_;
    arch::DebugLines patched_lines_;
    std::vector<bool> is_replaced_; // by original piece
    std::vector<std::vector<uint32_t>> users_;
};

} // namespace

std::vector<Item> review_items(std::vector<Item> items, const Pair& pair, const Selection& selection) {
    Reviewer reviewer(pair, selection);
    size_t at = 0;
    for (uint32_t index = 0; index < pair.patched.pieces().size(); ++index) {
        if (!selection.included[index])
            continue;
        Item& item = items[at++];
        const bool is_function = pair.patched.piece(index).kind == PieceKind::function;
        if (is_function && pair.patched.piece(index).parent == none && item.change != Change::included)
            item.review = reviewer.review(index);
    }
    return items;
}

} // namespace klp::diff
