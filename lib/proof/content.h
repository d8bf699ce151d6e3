// What of a unit the image must hold byte for byte. The fields of relocations are the link's to fill, and some code the
// build rewrites; all else counts, and so do the strings and constants that the relocations lead to.
#pragma once

#include "arch/field.h"
#include "proof/image.h"
#include "proof/relaxed_match.h"

#include <functional>
#include <optional>
#include <vector>

namespace klp::proof {

class Content {
public:
    // `unit` must outlive the value.
    explicit Content(const elf::Object& unit);

    // [from, to) of a section of the unit.
    struct Part {
        uint32_t section = 0;
        uint64_t from = 0, to = 0;
    };
    // The image holds this part, as it is, at `location`.
    bool is_at(const Image& image, const Part& part, Location location) const;
    // How the function lies at `location`, where the image has `size` bytes of code for it, if it is the same but for
    // the lengths of jumps.
    std::optional<RelaxedMatch> relaxed_at(const Image& image, const elf::Symbol& function, Location location,
                                           uint64_t size) const;
    // Is this byte of the unit's code one that the build rewrites?
    bool is_rewritten(uint32_t section, uint64_t offset) const;

private:
    // Where in the image an offset of the unit's section is, if anywhere.
    using PlaceOf = std::function<std::optional<Location>(uint64_t offset)>;

    std::vector<arch::CodeRange> holes(const Part& part, std::vector<uint64_t>& relocated) const;
    bool has_same_literals(const Image& image, const Part& part, const PlaceOf& place_of) const;
    bool is_same_literal(const Image& image, const elf::Section& literals, uint64_t offset, Location location) const;

    const elf::Object& unit_;
    std::vector<arch::CodeRange> rewritten_;
};

} // namespace klp::proof
