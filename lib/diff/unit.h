// A translation unit's object as the differ sees it: pieces (functions, variables, nameless fragments) and references
// between them, instead of sections and relocations.
#pragma once

#include "arch/element_sizes.h"
#include "arch/function_types.h"
#include "arch/machine.h"
#include "arch/special_sections.h"
#include "diff/names.h"
#include "elf/addend.h"
#include "elf/object.h"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace klp::diff {

using arch::Policy;
using arch::Role;
using arch::SpecialSection;

inline constexpr uint32_t none = UINT32_MAX;

using elf::difference;
using elf::sum;

enum class PieceKind : uint8_t { function, variable, fragment };

// A part of one section that stands or falls, and moves, as a whole. Pieces of a section do not overlap.
struct Piece {
    PieceKind kind = PieceKind::fragment;
    Identity identity = Identity::kept; // of variables
    bool is_own_section = false;        // nothing else is in its section
    uint32_t section = 0;
    uint32_t symbol = 0; // its chief symbol; 0 for a fragment
    uint64_t start = 0;  // includes the padding before a function that ftrace or CFI uses
    uint64_t entry = 0;  // where the symbol points: offsets of references count from here
    uint64_t end = 0;
    uint32_t file = 0;      // which FILE symbol it stands under (a number counted from 1; 0: none or global)
    uint32_t parent = none; // of NAME.cold: the piece of NAME
    bool is_whole = false;  // a fragment that the compiler says to be one object: nothing is read across its bounds
};

// What a relocation means.
struct Reference {
    enum class To : uint8_t {
        nothing, // a mark without meaning
        symbol,  // undefined, absolute or common: `id` is the symbol
        piece,   // `id` is the piece, `offset` counts from its entry
        literal, // a string or constant: `id` is the section, `offset` the offset in it
        entry    // of a special section: `id` is the number of Unit::entry(), `offset` counts from its beginning
    };
    To to = To::nothing;
    uint32_t id = 0;
    int64_t offset = 0;
    int64_t bias = 0;      // what the instruction adds to the addend
    uint64_t anchor = 0;   // of a literal: where it begins; the offset may be its end, or beyond
    uint32_t rival = none; // another piece that may be meant, for all that the unit tells: see boundaries.h
};

// A reference by section and offset that leads to where one piece ends and another begins, or near it.
struct Boundary {
    uint32_t meant = none; // the piece that it is taken for
    uint32_t rival = none; // the other one; `none` if the code shows that it cannot be meant
};

// An entry of a special section.
struct SpecialEntry {
    uint32_t section = 0;
    uint64_t start = 0;
    uint32_t size = 0;
    uint32_t owner = none; // the piece its tie points into; none: into nothing that could be taken along
};

// A special section of this object.
struct SpecialTable {
    const SpecialSection* kind = nullptr;
    uint32_t section = 0;
    uint32_t parallel = 0;      // index of the parallel section (.orc_unwind), 0 if none
    uint32_t parallel_size = 0; // size of one of its entries
    uint32_t entry_size = 0;
};

class Unit {
public:
    // Both outlive the unit. `entry_sizes` comes before what the table and the relocations say.
    // Throws report::Refusal "diff.malformed" (an entry size that does not fit), "diff.relocation-unknown".
    Unit(const elf::Object& object, const arch::EntrySizes& entry_sizes);

    const elf::Object& object() const { return object_; }
    const arch::Machine& machine() const { return machine_; }

    std::span<const Piece> pieces() const { return pieces_; }
    const Piece& piece(uint32_t index) const { return pieces_[index]; }
    // The chief symbol's name, or a description of a fragment.
    std::string_view name(const Piece& piece) const;
    std::string title(uint32_t piece) const;
    Role role(uint32_t section) const { return roles_[section]; }
    // The piece that a defined symbol belongs to, or `none`.
    uint32_t piece_of_symbol(uint32_t symbol) const { return piece_of_symbol_[symbol]; }
    // All symbols that belong to a piece and are worth emitting, in symbol table order.
    std::span<const uint32_t> symbols_of(uint32_t piece) const;
    // The function that a part belongs to; any other piece itself.
    uint32_t root_of(uint32_t piece) const { return pieces_[piece].parent == none ? piece : pieces_[piece].parent; }
    // The unlikely parts of a function.
    std::vector<uint32_t> parts_of(uint32_t function) const;
    // No other unit knows it by its name.
    bool is_local(const Piece& piece) const { return piece.symbol == 0 || object_.symbol(piece.symbol).is_local(); }
    // The piece at an offset of a section; at the very end of the section, its last one. `none` if there is none.
    uint32_t piece_at(uint32_t section, uint64_t offset) const;
    // As piece_at(), but an offset at the end of a function belongs to it if nothing else begins there.
    uint32_t piece_around(uint32_t section, uint64_t offset) const;
    // Relocations within [start, end) of a section, those that the assembler left out included.
    std::span<const elf::Relocation> relocations(uint32_t section, uint64_t start, uint64_t end) const;
    std::span<const elf::Relocation> relocations(const Piece& piece) const {
        return relocations(piece.section, piece.start, piece.end);
    }
    std::span<const elf::Relocation> relocations(const SpecialEntry& entry) const {
        return relocations(entry.section, entry.start, entry.start + entry.size);
    }
    // True for a reference that the assembler resolved and that cannot be made again at another distance.
    bool is_stuck(uint32_t section, uint64_t offset) const;
    // The width of a field that holds a distance resolved by the assembler at `offset`; 0 if it is none.
    unsigned resolved_width(uint32_t section, uint64_t offset) const;
    // KASAN's list of the variables that it watches (GCC's .LASAN0): who is in it is not seen by anybody for that.
    bool is_watch_list(uint32_t section) const { return object_.section(section).name.ends_with(".LASAN0"); }
    bool has_resolved(uint32_t section) const { return resolved_.contains(section); }
    Reference reference(uint32_t section, const elf::Relocation& relocation) const;
    // The bytes of a piece; empty for .bss.
    elf::Bytes bytes(const Piece& piece) const;
    std::optional<arch::Code> code_of(const Piece& piece) const;
    // Where what the source has of it ends. Compilers put more behind a variable that is alone in its section (KASAN's
    // redzone, zeros up to the alignment on s390), and no-ops behind a function: nobody's.
    uint64_t content_end(const Piece& piece) const;

    std::span<const SpecialTable> special_tables() const { return special_tables_; }
    // Entries, grouped by the piece they belong to, in section order.
    std::span<const SpecialEntry> entries_of(uint32_t piece) const;
    const SpecialTable& table_of(const SpecialEntry& entry) const;
    const SpecialEntry& entry(uint32_t number) const { return entries_[number]; }
    // Which of its owner's entries in this table it is, from 0.
    uint32_t rank_of_entry(uint32_t number) const;
    // A relocation of an entry that names a place in that entry: the subtrahend of a distance (loongarch's SUB).
    bool is_own_place(const SpecialEntry& entry, const elf::Relocation& relocation) const;
    // The offset in its section that the relocation's symbol and addend lead to, whatever the instruction adds.
    uint64_t named_offset(const elf::Relocation& relocation) const;

    // The bytes of the literal that `offset` of a string or constant section points into, and where it begins.
    struct Literal {
        uint64_t start = 0;
        elf::Bytes bytes;
    };
    Literal literal_at(uint32_t section, uint64_t offset) const;
    // The literal that a reference means.
    Literal literal_of(const Reference& reference) const { return literal_at(reference.id, reference.anchor); }
    // The name of the piece or symbol that a reference leads to.
    std::string target_name(const Reference& reference) const;
    // The text that a reference leads to: a string, or the nameless data that KASAN makes of strings, to which Clang
    // gives names of its own. Empty for all else.
    std::string_view text_at(const Reference& reference) const;
    // ftrace can hook it: it calls __fentry__ or is listed in __mcount_loc or __patchable_function_entries.
    bool has_ftrace_location(uint32_t piece) const;
    // The instruction of that piece calls, or jumps to, another function.
    bool leaves(const Piece& piece, const arch::Instruction& instruction) const;
    // What a function returns, if the object's debug data says. That is read at the first question, by one thread.
    std::optional<arch::FunctionResult> result_of(const Piece& function) const;
    // The same of how many arguments a function of that name takes, each in one register at most.
    std::optional<unsigned> parameters_of(std::string_view function) const;
    // The same of how large an element of an array is, in bytes.
    std::optional<uint64_t> element_size_of(const Piece& variable) const;
    // The end of a run of fragments that may be read as one (a nameless table): see fragments.
    uint64_t run_end(uint32_t piece) const;
    // Every unit that needs it brings a copy, and the linker keeps one (gabi, GRP_COMDAT).
    bool is_comdat(uint32_t section) const { return comdat_[section]; }
    // Pieces of a section, in order.
    std::pair<uint32_t, uint32_t> pieces_in(uint32_t section) const { return section_pieces_[section]; }
    // The file number of a symbol: that of a local one, 0 for a global one.
    uint32_t file_of(uint32_t symbol) const { return file_of_symbol_[symbol]; }
    // The FILE symbol's name of a file number; with how often that name came before.
    std::string file_key(uint32_t file) const;

private:
    struct Resolved {
        uint64_t target = 0;
        unsigned width = 0;
        bool can_move = true;
    };
    struct Cut {
        uint64_t offset = 0;
        bool is_bound = false; // of an object, as the compiler says
        auto operator<=>(const Cut&) const = default;
    };
    bool holds_pieces(uint32_t section) const;
    void classify_sections();
    void number_files();
    void make_pieces();
    void make_pieces_of(uint32_t section, std::vector<uint32_t>& symbols);
    void find_prefixes();
    uint64_t prefix_start(uint32_t section, uint64_t floor, uint64_t entry) const;
    Piece named_piece(const elf::Symbol& symbol, uint64_t end) const;
    void widen(uint32_t section, std::vector<Piece>& named) const;
    std::vector<uint32_t> append_with_fragments(uint32_t section, const std::vector<Piece>& named);
    void find_parents();
    void find_resolved_branches();
    void find_biases();
    int64_t bias_of(uint32_t section, const elf::Relocation& relocation) const;
    std::vector<bool> find_anchored_blocks() const;
    void split_fragments();
    void find_special_tables(const arch::EntrySizes& entry_sizes);
    void read_special_tables();
    void check_parallel_size(const SpecialSection& kind, uint64_t count, uint64_t size,
                             const arch::EntrySizes& entry_sizes) const;
    std::vector<uint64_t> annotated_starts(const elf::Section& section) const;
    uint32_t entry_size(const SpecialSection& kind, const elf::Section& section,
                        const arch::EntrySizes& entry_sizes) const;
    void read_entries(const SpecialTable& table, std::vector<SpecialEntry>& entries) const;
    void index_entries();
    Reference entry_reference(uint32_t section, int64_t anchor, int64_t offset) const;
    // Of a field of an entry that says where a thing begins or ends, both offsets in the thing's section.
    struct Extent {
        int64_t from = 0, to = 0;
        int64_t entry = 0;   // where the entry begins in its table
        bool is_tie = false; // the thing is the place that the entry is about
    };
    std::optional<Extent> extent_at(uint32_t section, const elf::Relocation& relocation) const;
    // What the addend leads to: an offset in the section of the relocation's symbol.
    int64_t meant_offset(uint32_t section, const elf::Relocation& relocation) const;
    void find_ftrace_locations();
    void group_symbols();
    Reference reference_into(uint32_t section, int64_t anchor, int64_t offset) const;
    Reference literal_reference(uint32_t section, int64_t anchor, int64_t offset) const;
    uint32_t nearest_piece(uint32_t section, int64_t offset) const;
    const Boundary* boundary_at(uint32_t section, uint64_t offset) const;
    const arch::FunctionTypes& function_types() const; // read at the first question

    mutable std::optional<arch::FunctionTypes> function_types_;
    mutable std::optional<std::map<std::pair<uint32_t, uint64_t>, uint64_t>> element_sizes_;
    const elf::Object& object_;
    const arch::Machine& machine_;
    std::vector<Role> roles_;
    std::vector<bool> comdat_;  // by section
    std::vector<Piece> pieces_; // ordered by section, start
    std::vector<std::pair<uint32_t, uint32_t>> section_pieces_;
    std::vector<uint32_t> piece_of_symbol_;
    std::vector<uint32_t> file_of_symbol_;
    std::unordered_map<uint32_t, std::vector<uint64_t>> prefixes_; // section -> offsets
    std::vector<std::string> file_keys_;
    std::vector<uint32_t> piece_symbols_; // grouped by piece
    std::vector<uint32_t> piece_symbols_begin_;
    std::unordered_map<uint32_t, std::vector<elf::Relocation>>
        merged_relocations_; // of sections with resolved branches
    std::unordered_map<uint32_t, std::unordered_map<uint64_t, Resolved>> resolved_;
    // section -> offset -> bias of those that differ from what their relocation's number says
    std::unordered_map<uint32_t, std::unordered_map<uint64_t, int64_t>> unusual_biases_;
    std::unordered_map<uint32_t, std::unordered_map<uint64_t, Boundary>> boundaries_; // section -> offset
    std::vector<SpecialTable> special_tables_;
    std::vector<uint32_t> table_of_section_;
    std::vector<SpecialEntry> entries_;
    std::vector<uint32_t> entries_begin_;
    std::vector<uint32_t> entries_by_place_; // numbers of entries_, by section and start
    std::vector<bool> has_ftrace_;
    std::unordered_multimap<uint32_t, uint32_t> parts_; // function -> its parts
};

} // namespace klp::diff
