// Names that cross the units of one patch: what one of them brings and another refers to. The differ sees one unit;
// which of several things of one name is meant is decided here, as the kernel's own link would.
#pragma once

#include "images.h"

#include "diff/diff.h"
#include "elf/object.h"
#include "kernel/unit.h"
#include "symbols/resolver.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace klp::build {

struct NamedUnit {
    const kernel::BuildUnit& unit;
    const elf::Object& original;
    const elf::Object& patched;
    const symbols::Resolver& resolver; // of the unit
};

class PatchNames {
public:
    // Reads what each unit newly defines, and which static functions and variables it makes global. Throws
    // report::Refusal with every fault: "livepatch.duplicate-name" (two units of one owner define it),
    // "diff.moved-function" and "diff.moved-variable" (another unit of the running kernel defines it, for callers that
    // the patch does not change).
    PatchNames(const std::vector<NamedUnit>& units, const Images& images);

    // Does a unit of the patch bring what code of `owner` means by this name?
    bool is_provided(const std::string& owner, std::string_view name) const;
    // The kernel's own static symbol that a unit of the patch makes global and code of `owner` means by this name, or
    // nullptr. What the kernel redirects for callers of the old one, it does for these as well.
    const symbols::Resolution* made_global(const std::string& owner, std::string_view name) const;
    // Of all modules of which a unit of the patch makes it global.
    std::vector<std::string> modules_made_global_in(std::string_view name) const;
    // `output` of a unit of `owner`, with the names in which several owners bring something of their own told apart.
    elf::Builder with_own_names(const std::string& owner, elf::Builder output) const;

private:
    struct Definition {
        const kernel::BuildUnit* unit;
        bool is_weak;
    };
    using Definitions = std::vector<Definition>;

    void read(const NamedUnit& unit, const Images& images, std::vector<report::Finding>& faults);
    void check_duplicates(std::vector<report::Finding>& faults) const;
    const Definitions* find(std::string_view name) const;
    // The owner whose new definition code of `owner` means; empty if none.
    std::string provider(const std::string& owner, std::string_view name) const;
    bool has_global(const std::string& object, std::string_view name) const;

    const Images& images_;
    std::map<std::string, Definitions, std::less<>> fresh_;
    std::map<std::string, std::map<std::string, symbols::Resolution>, std::less<>> made_global_; // name -> owner
    std::map<std::string, std::map<std::string, std::string>, std::less<>> removed_; // name -> owner -> source
};

// A unit's resolver that knows what the patch makes global.
class PatchResolver : public symbols::Resolver {
public:
    // All outlive the resolver.
    PatchResolver(const symbols::Resolver& base, const PatchNames& names, const std::string& owner)
        : base_(base), names_(names), owner_(owner) {}
    symbols::Resolution resolve_defined(const elf::Symbol& original) const override {
        return base_.resolve_defined(original);
    }
    symbols::Resolution resolve_undefined(std::string_view name) const override;

private:
    const symbols::Resolver& base_;
    const PatchNames& names_;
    const std::string& owner_;
};

} // namespace klp::build
