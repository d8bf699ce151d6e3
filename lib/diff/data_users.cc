#include "diff/data_users.h"

#include "diff/address_identity.h"
#include "diff/referrers.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace klp::diff {

bool is_copyable(const Unit& unit, uint32_t piece) {
    const Piece& it = unit.piece(piece);
    const elf::Section& section = unit.object().section(it.section);
    return arch::is_read_only(section) && unit.is_local(it) && !arch::is_init(section.name) &&
           !arch::is_filled_by_link(section.name);
}

namespace {

class DataUsers {
public:
    explicit DataUsers(const Pair& pair)
        : pair_(pair), reader_after_(pair.patched), reader_before_(pair.original), code_after_(pair.patched),
          code_before_(pair.original), after_(referrers_of(pair.patched, copyable_variables(pair.patched))),
          before_(referrers_of(pair.original, copyable_variables(pair.original))) {}

    struct Users {
        std::vector<uint32_t> functions; // of the patched unit, without parts
        std::vector<uint32_t> variables; // the changed one first
        std::vector<uint32_t> partners;  // theirs, of the original unit
        std::set<uint32_t> seen;         // all of them, and of the functions
        std::string obstacle;            // who would notice a copy of the changed one, and how
    };
    // Of patched variable `piece`, in both units. False if it is not known or not only functions that see it, or if its
    // address is an identity.
    bool find(uint32_t piece, Users& users) {
        users.variables = {piece};
        users.partners = {pair_.before(piece)};
        users.seen = {piece};
        for (size_t at = 0; at < users.variables.size(); ++at) {
            const uint32_t variable = users.variables[at];
            const uint32_t partner = pair_.before(variable);
            if (!is_copyable(pair_.patched, variable) || partner == none)
                return false;
            users.obstacle = obstacle(variable, users);
            if (!users.obstacle.empty())
                return false;
            for (uint32_t user : after_[variable])
                if (!add(user, users))
                    return false;
            for (uint32_t user : before_[partner]) {
                const uint32_t now = pair_.after(pair_.original.root_of(user));
                if (pair_.original.piece(user).kind == PieceKind::fragment || (now != none && !add(now, users)))
                    return false;
            }
        }
        return !users.functions.empty();
    }

private:
    // Who keeps or compares the address of `variable`, which is the changed one, the first of those copied, or leads to
    // it, or the address of another copied one that the variable holds.
    std::string obstacle(uint32_t variable, const Users& copied) {
        const std::string of =
            variable == copied.variables[0] ? "" : fmt::format(" ({}'s)", pair_.patched.title(variable));
        const bool has_code = code_after_.lead_from(variable);
        auto look = [&](CodeReader& reader, const CodePointers& code, uint32_t piece,
                        const std::vector<uint32_t>& users, const std::vector<uint32_t>& pointed) -> std::string {
            const Unit& unit = reader.unit();
            for (uint32_t user : users) {
                if (unit.piece(user).kind == PieceKind::function) {
                    if (auto use = identity_use(reader, code, user, piece, pointed))
                        return fmt::format("{} {}{}", unit.title(unit.root_of(user)), *use, of);
                } else if (unit.piece(user).kind == PieceKind::variable && has_code) {
                    return fmt::format("{} holds its address{}", unit.title(user), of);
                }
            }
            return {};
        };
        const uint32_t partner = pair_.before(variable);
        std::string found = look(reader_after_, code_after_, variable, after_[variable], copied.variables);
        return found.empty() ? look(reader_before_, code_before_, partner, before_[partner], copied.partners) : found;
    }
    static std::vector<bool> copyable_variables(const Unit& unit) {
        std::vector<bool> wanted(unit.pieces().size(), false);
        for (uint32_t index = 0; index < wanted.size(); ++index)
            wanted[index] = unit.piece(index).kind == PieceKind::variable && is_copyable(unit, index);
        return wanted;
    }
    bool add(uint32_t user, Users& users) const {
        const Piece& it = pair_.patched.piece(user);
        if (it.kind == PieceKind::fragment)
            return false;
        const uint32_t root = pair_.patched.root_of(user);
        if (!users.seen.insert(root).second)
            return true;
        if (it.kind == PieceKind::function) {
            users.functions.push_back(root);
        } else {
            users.variables.push_back(root);
            users.partners.push_back(pair_.before(root));
        }
        return true;
    }

    const Pair& pair_;
    CodeReader reader_after_, reader_before_;
    CodePointers code_after_, code_before_;
    std::vector<std::vector<uint32_t>> after_;
    std::vector<std::vector<uint32_t>> before_;
};

std::string_view section_of(const Unit& unit, uint32_t piece) {
    return unit.object().section(unit.piece(piece).section).name;
}

} // namespace

DataChanges find_data_changes(const Pair& pair, const std::vector<bool>& changed) {
    const size_t count = pair.patched.pieces().size();
    DataChanges found{std::vector<bool>(count, false), std::vector<bool>(count, false), {}};
    std::vector<uint32_t> copyable;
    for (uint32_t index = 0; index < count; ++index)
        if (changed[index] && is_copyable(pair.patched, index) &&
            !pair.macros.ignored_sections.contains(std::string(section_of(pair.patched, index))))
            copyable.push_back(index);
    if (copyable.empty())
        return found;
    DataUsers finder(pair);
    for (uint32_t piece : copyable) {
        DataUsers::Users users;
        if (!finder.find(piece, users)) {
            if (!users.obstacle.empty())
                found.identities.emplace(piece, users.obstacle);
            continue;
        }
        for (uint32_t variable : users.variables)
            found.variables[variable] = true;
        for (uint32_t function : users.functions)
            found.users[function] = pair.before(function) != none && !arch::is_init(section_of(pair.patched, function));
    }
    // Parts share the verdict of the whole.
    for (uint32_t index = 0; index < count; ++index)
        found.users[index] = found.users[pair.patched.root_of(index)];
    return found;
}

} // namespace klp::diff
