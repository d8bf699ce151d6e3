#include "diff/syscall_metadata.h"

#include <array>

namespace klp::diff {

std::string described_syscall(const Unit& unit, const Piece& piece) {
    constexpr std::array parts{std::string_view("types__"), std::string_view("args__"),
                               std::string_view("__syscall_meta__")};
    const std::string_view name = unit.name(piece);
    for (std::string_view part : parts)
        if (name.starts_with(part)) {
            // Not an author's own variable of such a name: the unit has the call's metadata.
            const std::string call(name.substr(part.size()));
            const std::string meta = "__syscall_meta__" + call;
            for (const Piece& other : unit.pieces())
                if (unit.name(other) == meta)
                    return call;
        }
    return {};
}

} // namespace klp::diff
