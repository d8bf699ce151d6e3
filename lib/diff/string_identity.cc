#include "diff/string_identity.h"

#include "diff/address_identity.h"
#include "diff/piece_finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace klp::diff {

namespace {

using Users = std::map<std::string_view, std::set<uint32_t>>; // a constant's bytes -> the pieces that refer to it

Users copied_constants(const Pair& pair, const Selection& selection) {
    Users users;
    for (uint32_t index : selection.routing.order())
        for (const RoutedReference& it : selection.routing.of(index))
            if (it.route == Route::literal || it.route == Route::inside)
                if (std::string_view bytes = constant_meant(pair.patched, it.reference); !bytes.empty())
                    users[bytes].insert(index);
    return users;
}

// `string "usual"`, or what can be said of other bytes.
std::string name_of(std::string_view bytes) {
    const std::string_view text = bytes.substr(0, bytes.size() - 1);
    const bool is_text =
        bytes.back() == '\0' && std::ranges::all_of(text, [](unsigned char c) { return std::isprint(c); });
    return is_text ? fmt::format("string \"{}\"", text) : std::string("constant without a name");
}

// Of those constants, in all of a unit.
Users users_of(const Unit& unit, const Users& wanted) {
    Users users;
    for (uint32_t index = 0; index < unit.pieces().size(); ++index) {
        const Piece& piece = unit.piece(index);
        for (const elf::Relocation& relocation : unit.relocations(piece)) {
            const std::string_view bytes = constant_meant(unit, unit.reference(piece.section, relocation));
            if (!bytes.empty() && wanted.contains(bytes))
                users[bytes].insert(index);
        }
    }
    return users;
}

// Which relocations of a piece name which constant. A piece is read once: tables of names are long.
class Mentions {
public:
    explicit Mentions(const Unit& unit) : unit_(unit) {}

    using Relocations = std::vector<const elf::Relocation*>;
    const Relocations& of(uint32_t piece, std::string_view bytes) {
        const auto [at, is_new] = found_.try_emplace(piece);
        if (is_new)
            for (const elf::Relocation& relocation : unit_.relocations(unit_.piece(piece)))
                at->second[constant_meant(unit_, unit_.reference(unit_.piece(piece).section, relocation))].push_back(
                    &relocation);
        return at->second[bytes];
    }

private:
    const Unit& unit_;
    std::unordered_map<uint32_t, std::unordered_map<std::string_view, Relocations>> found_;
};

// Of one unit.
struct Reader {
    explicit Reader(const Unit& unit) : code(unit), mentions(unit) {}

    ConstantUses uses(uint32_t piece, std::string_view bytes) {
        const Mentions::Relocations& relocations = mentions.of(piece, bytes);
        return relocations.empty() ? ConstantUses() : constant_uses(code, piece, relocations);
    }

    CodeReader code;
    Mentions mentions;
};

// Who of the original unit compares a constant's address, and who lets it out; `none` if nobody does.
struct Before {
    uint32_t compares = none, lets_out = none;
};

Before look_at(Reader& original, const std::set<uint32_t>& users, std::string_view bytes) {
    Before before;
    for (uint32_t piece : users) {
        const ConstantUses uses = original.uses(piece, bytes);
        if (uses.is_compared)
            before.compares = piece;
        if (uses.is_let_out)
            before.lets_out = piece;
    }
    return before;
}

std::string what_differs(const Pair& pair, Reader& patched, uint32_t piece, std::string_view bytes,
                         const Before& before) {
    const ConstantUses uses = patched.uses(piece, bytes);
    if (uses.is_compared && before.lets_out != none)
        return fmt::format("it compares pointers with the address of the {}, which {} lets out; the live patch has a "
                           "copy of it, so those of the old code are taken for something else",
                           name_of(bytes), pair.original.title(before.lets_out));
    if (uses.is_let_out && before.compares != none)
        return fmt::format(
            "it gives the address of the {} away, with which {} compares pointers; the live patch has a copy of it, "
            "which the old code takes for something else",
            name_of(bytes), pair.original.title(before.compares));
    return {};
}

} // namespace

std::vector<report::Finding> find_string_identity(const Pair& pair, const Selection& selection) {
    std::vector<report::Finding> findings;
    Reader original(pair.original), patched(pair.patched);
    const Users copies = copied_constants(pair, selection);
    for (const auto& [bytes, originals] : users_of(pair.original, copies)) {
        const Before before = look_at(original, originals, bytes);
        for (uint32_t piece : copies.at(bytes))
            if (std::string what = what_differs(pair, patched, piece, bytes, before); !what.empty())
                findings.push_back(error_about(
                    pair.patched, piece, "diff.string-identity", std::move(what),
                    "do not go by the address of the string: give new objects memory of their own (kstrdup()), which "
                    "the "
                    "old code frees as well, and tell strings of the code from such memory by where they are "
                    "(is_vmalloc_or_module_addr() for those of modules, is_kernel_rodata() for those of the kernel)"));
    }
    return findings;
}

} // namespace klp::diff
