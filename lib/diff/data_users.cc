#include "diff/data_users.h"

#include "diff/address_identity.h"
#include "diff/referrers.h"

#include <fmt/format.h>

#include <algorithm>

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
    DataUsers(const Unit& original, const Unit& patched, const Correlation& correlation)
        : original_(original), patched_(patched), correlation_(correlation),
          after_(referrers_of(patched, copyable_variables(patched))),
          before_(referrers_of(original, copyable_variables(original))) {}

    struct Users {
        std::vector<uint32_t> functions; // of the patched unit, without parts
        std::vector<uint32_t> variables; // the changed one first
        std::string obstacle;            // who would notice a copy of the changed one, and how
    };
    // Of patched variable `piece`, in both units. False if it is not known or not only functions that see it, or if its
    // address is an identity.
    bool find(uint32_t piece, Users& users) const {
        users.variables = {piece};
        for (size_t at = 0; at < users.variables.size(); ++at) {
            const uint32_t variable = users.variables[at];
            const uint32_t partner = correlation_.to_original[variable];
            if (!is_copyable(patched_, variable) || partner == none)
                return false;
            users.obstacle = obstacle(variable, piece);
            if (!users.obstacle.empty())
                return false;
            for (uint32_t user : after_[variable])
                if (!add(user, users))
                    return false;
            for (uint32_t user : before_[partner]) {
                const uint32_t now = correlation_.to_patched[original_.root_of(user)];
                if (original_.piece(user).kind == PieceKind::fragment || (now != none && !add(now, users)))
                    return false;
            }
        }
        return !users.functions.empty();
    }

private:
    // Who keeps or compares the address of `variable`, which is the changed one or refers to it.
    std::string obstacle(uint32_t variable, uint32_t changed) const {
        const std::string of = variable == changed ? "" : fmt::format(" ({}'s)", patched_.title(variable));
        const bool has_code = holds_code_pointers(patched_, variable);
        auto look = [&](const Unit& unit, uint32_t piece, const std::vector<uint32_t>& users) -> std::string {
            for (uint32_t user : users) {
                if (unit.piece(user).kind == PieceKind::function) {
                    if (auto use = identity_use(unit, user, piece))
                        return fmt::format("{} {}{}", unit.title(unit.root_of(user)), *use, of);
                } else if (unit.piece(user).kind == PieceKind::variable && has_code) {
                    return fmt::format("{} holds its address{}", unit.title(user), of);
                }
            }
            return {};
        };
        const uint32_t partner = correlation_.to_original[variable];
        std::string found = look(patched_, variable, after_[variable]);
        return found.empty() ? look(original_, partner, before_[partner]) : found;
    }
    static std::vector<bool> copyable_variables(const Unit& unit) {
        std::vector<bool> wanted(unit.pieces().size(), false);
        for (uint32_t index = 0; index < wanted.size(); ++index)
            wanted[index] = unit.piece(index).kind == PieceKind::variable && is_copyable(unit, index);
        return wanted;
    }
    bool add(uint32_t user, Users& users) const {
        const Piece& it = patched_.piece(user);
        if (it.kind == PieceKind::fragment)
            return false;
        std::vector<uint32_t>& list = it.kind == PieceKind::function ? users.functions : users.variables;
        const uint32_t root = patched_.root_of(user);
        if (std::ranges::find(list, root) == list.end())
            list.push_back(root);
        return true;
    }

    const Unit& original_;
    const Unit& patched_;
    const Correlation& correlation_;
    std::vector<std::vector<uint32_t>> after_;
    std::vector<std::vector<uint32_t>> before_;
};

std::string_view unit_section(const Unit& unit, uint32_t piece) {
    return unit.object().section(unit.piece(piece).section).name;
}

} // namespace

void change_users_of_data(const Unit& original, const Unit& patched, const Correlation& correlation,
                          const Macros& macros, Comparison& comparison) {
    std::vector<uint32_t> changed;
    for (uint32_t index = 0; index < comparison.changed_data.size(); ++index)
        if (comparison.changed_data[index] && is_copyable(patched, index) &&
            !macros.ignored_sections.contains(std::string(unit_section(patched, index))))
            changed.push_back(index);
    if (changed.empty())
        return;
    const DataUsers finder(original, patched, correlation);
    std::vector<bool> is_user(patched.pieces().size(), false);
    for (uint32_t piece : changed) {
        DataUsers::Users users;
        if (!finder.find(piece, users)) {
            if (!users.obstacle.empty())
                comparison.identities.emplace(piece, users.obstacle);
            continue;
        }
        for (uint32_t variable : users.variables)
            comparison.changed_data[variable] = true;
        for (uint32_t function : users.functions)
            is_user[function] =
                correlation.to_original[function] != none && !arch::is_init(unit_section(patched, function));
    }
    // Parts share the verdict of the whole.
    for (uint32_t index = 0; index < is_user.size(); ++index)
        if (is_user[patched.root_of(index)])
            comparison.changed_functions[index] = true;
}

} // namespace klp::diff
