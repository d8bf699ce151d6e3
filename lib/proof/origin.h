// Proof of origin: is this unit, compiled from the source at hand, what the running kernel was built from? And, where
// it is, which symbol of the kernel does each of its symbols stand for?
#pragma once

#include "proof/image.h"
#include "symbols/resolver.h"
#include "symbols/symvers.h"

#include <unordered_map>
#include <vector>

namespace klp::proof {

enum class OriginStatus {
    proven,     // the image holds exactly these bytes under this name, at one place
    ambiguous,  // at several places under this name, and nothing tells which of them it is
    different,  // the name is there, with other bytes
    overridden, // the same, but the unit's function is weak: another unit's took its place
    missing     // the image has no function of this name
};

struct FunctionOrigin {
    uint32_t symbol = 0; // of the unit
    OriginStatus status = OriginStatus::missing;
    Location location = 0; // proven only
};

// Functions in discarded or init sections are not listed: the image need not hold them.
struct UnitOrigin {
    std::vector<FunctionOrigin> functions;
    // What the image says of the unit's symbols (by index): places of those it defines and of those it only refers to.
    std::unordered_map<uint32_t, Reference> symbols;

    size_t count(OriginStatus status) const;
    const FunctionOrigin* find(uint32_t symbol) const;
};

// Holds every function of `unit` (an ET_REL object) against `image`, by name and content: bytes under relocations and
// those the build rewrites are left out, what the relocations refer to is collected and carried on through data, until
// nothing new is learnt. Linear in the unit's size.
UnitOrigin prove_origin(const elf::Object& unit, const Image& image);

// Answers the differ's questions from the proof where there is one and by name where there is none.
class OriginResolver : public symbols::Resolver {
public:
    // `vmlinux` and `owner` may be the same image. Everything must outlive the resolver.
    OriginResolver(const UnitOrigin& origin, const elf::Object& unit, const Image& owner, const Image& vmlinux,
                   const symbols::Exports& exports);
    symbols::Resolution resolve_defined(const elf::Symbol& original) const override;
    symbols::Resolution resolve_undefined(std::string_view name) const override;

private:
    symbols::Resolution find_defined(const elf::Symbol& original) const;
    const Reference* known(uint32_t symbol) const;

    const UnitOrigin& origin_;
    const Image& owner_;
    const Image& vmlinux_;
    const symbols::Exports& exports_;
    std::unordered_map<std::string_view, uint32_t> undefined_;
};

} // namespace klp::proof
