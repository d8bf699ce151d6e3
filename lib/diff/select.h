// The smallest set of pieces that makes the changed functions work, and where every reference of it leads.
#pragma once

#include "diff/compare.h"
#include "diff/correlate.h"
#include "diff/diff.h"
#include "diff/macros.h"
#include "diff/unit.h"

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace klp::diff {

// Where a reference of a piece that is taken along leads to.
enum class Route : uint8_t {
    nothing,
    inside,   // to a piece that is taken along
    literal,  // to a string or constant that is copied
    original, // to what the running kernel has of this unit
    external  // to a symbol that the unit does not define
};

struct Selection {
    std::vector<bool> included;      // by patched piece
    std::vector<uint32_t> pulled_by; // by patched piece: the piece that needs it, `none` for a seed
    std::vector<uint32_t> changed;   // functions to be redirected, by patched piece, without their unlikely parts
    std::vector<report::Finding> findings;
};

class Selector {
public:
    Selector(const Unit& original, const Unit& patched, const Correlation& correlation, const Comparison& comparison,
             const Macros& macros, const Options& options);

    // Throws report::Refusal with everything that cannot be patched.
    Selection run();

    // `in_entry`: the reference is made by a special section's entry, which speaks of the very copy it came with.
    Route route(const Reference& reference, uint32_t from, uint32_t section, const elf::Relocation& relocation,
                bool in_entry) const;
    // What the running kernel has: asked once per symbol. `symbol` is the original unit's.
    const symbols::Resolution& resolve_defined(uint32_t symbol) const;
    const symbols::Resolution& resolve_undefined(std::string_view name) const;
    // The original unit's symbol that stands for the same place as the patched unit's reference.
    uint32_t original_symbol(const Reference& reference, const elf::Relocation& relocation) const;
    bool is_changed(uint32_t piece) const { return comparison_.changed_functions[piece]; }
    bool is_copied_data(uint32_t piece) const { return copied_data_[piece]; }

private:
    void seed();
    void include(uint32_t piece, uint32_t by);
    void follow_all();
    void follow_piece(uint32_t piece);
    void follow_entry(const SpecialEntry& entry, uint32_t piece);
    void follow(uint32_t section, const elf::Relocation& relocation, uint32_t from, bool in_entry);
    bool is_unread(uint32_t piece) const;
    bool is_gone(uint32_t piece) const;
    void check_storage(uint32_t piece, uint32_t from);
    void check_rival(const Reference& reference, Route chosen, uint32_t from, uint32_t section,
                     const elf::Relocation& relocation);
    bool refers_as_before(uint32_t from, uint32_t meant, uint32_t rival) const;
    bool is_forced(uint32_t piece) const;
    bool is_ignored(uint32_t piece) const;
    void check_functions();
    void check_names();
    void note_removed_functions();
    bool is_variables_pointer(uint32_t section, const elf::Relocation& relocation, const Reference& reference) const;
    void check_changed_function(uint32_t piece);
    void check_data();
    void check_copied(uint32_t piece);
    void check_unknown_sections();
    void check_registries();
    void add(std::vector<report::Finding> findings);
    void refuse(std::string code, uint32_t piece, std::string message, std::string hint);
    void warn(std::string code, uint32_t piece, std::string message, std::string hint);

    const Unit& original_;
    const Unit& patched_;
    const Correlation& correlation_;
    const Comparison& comparison_;
    const Macros& macros_;
    const Options& options_;
    Selection result_;
    std::vector<bool> copied_data_;
    std::vector<uint32_t> queue_;
    std::unordered_set<uint32_t> storage_checked_;
    std::vector<report::Finding> errors_;
    mutable std::unordered_map<uint32_t, symbols::Resolution> defined_;
    mutable std::unordered_map<std::string, symbols::Resolution> undefined_;
};

} // namespace klp::diff
