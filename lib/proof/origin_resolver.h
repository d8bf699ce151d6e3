// Answers the differ's questions from the proof of origin where there is one and by name where there is none.
#pragma once

#include "proof/origin.h"
#include "symbols/resolver.h"
#include "symbols/symvers.h"

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

namespace klp::proof {

class OriginResolver : public symbols::Resolver {
public:
    // `vmlinux` and `owner` may be the same image. Everything must outlive the resolver.
    OriginResolver(const UnitOrigin& origin, const elf::Object& unit, const Image& owner, const Image& vmlinux,
                   const symbols::Exports& exports);
    symbols::Resolution resolve_defined(const elf::Symbol& original) const override;
    symbols::Resolution resolve_undefined(std::string_view name) const override;

private:
    symbols::Resolution find_defined(const elf::Symbol& original) const;
    const FieldTarget* known(uint32_t symbol) const;

    const UnitOrigin& origin_;
    const Image& owner_;
    const Image& vmlinux_;
    const symbols::Exports& exports_;
    std::unordered_map<std::string_view, uint32_t> undefined_;
    std::set<std::string, std::less<>> needed_modules_; // that the owner, a module, depends on (.modinfo, depends=)
};

} // namespace klp::proof
