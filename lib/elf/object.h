// An ELF file as the rest of the house sees it: sections, symbols and relocations as plain values, decoded to the
// host's byte order and checked. Everything handed out is in bounds; nobody above needs to look at a raw index again.
// Source of the rules: System V ABI, chapter 4 "Object Files" (gabi, 2013-06), and the processor supplements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace klp::elf {

using Bytes = std::span<const std::byte>;

// Where a symbol is defined. `section` of a Symbol is meaningful for Place::section only.
enum class Place : uint8_t { undefined, section, absolute, common, livepatch };

struct Section {
    uint32_t index = 0;
    std::string_view name;
    uint32_t type = 0;
    uint64_t flags = 0;
    uint64_t address = 0;
    uint64_t size = 0; // of SHT_NOBITS too
    uint32_t link = 0;
    uint32_t info = 0;
    uint64_t alignment = 1; // never 0
    uint64_t entry_size = 0;
    Bytes data; // as in the file; empty for SHT_NOBITS

    bool is_allocated() const; // SHF_ALLOC
    bool is_code() const;      // SHF_ALLOC and SHF_EXECINSTR
    bool is_writable() const;  // SHF_WRITE
    bool is_mergeable_strings() const;
};

struct Symbol {
    uint32_t index = 0;
    std::string_view name; // a section symbol has its section's name here
    uint64_t value = 0;
    uint64_t size = 0;
    uint8_t binding = 0; // STB_*
    uint8_t type = 0;    // STT_*
    uint8_t other = 0;   // st_other, with visibility and what the processor supplement puts there
    Place place = Place::undefined;
    uint32_t section = 0;

    bool is_function() const; // STT_FUNC or STT_GNU_IFUNC
    bool is_section() const;  // STT_SECTION
    bool is_file() const;     // STT_FILE
    bool is_local() const;
    bool is_weak() const;
    bool is_undefined() const { return place == Place::undefined; }
};

struct Relocation {
    uint64_t offset = 0; // within the section it applies to (ET_REL)
    uint32_t type = 0;   // the machine's number; only lib/arch knows names
    uint32_t symbol = 0; // an index into symbols(); 0 is the empty symbol
    int64_t addend = 0;
};

// A section with SHT_RELA entries for another one. An object may have several for one target (.klp.rela.*).
struct RelocationTable {
    uint32_t section = 0; // index of the SHT_RELA section itself
    uint32_t target = 0;  // index of the section that is relocated
    std::vector<Relocation> entries;
};

// SHT_GROUP: its members stand or fall together (COMDAT).
struct Group {
    uint32_t section = 0;
    uint32_t flags = 0;
    uint32_t signature = 0; // symbol index
    std::vector<uint32_t> members;
};

// An ELF file that has been read and checked; immutable afterwards, so it may be read by several threads at once.
// Moves keep every string_view and span valid. Only 64-bit files are taken (every supported kernel is 64-bit).
class Object {
public:
    // Maps the file `path`. Throws report::Refusal with code "file.unreadable" (cannot be opened or mapped),
    // "elf.not-elf", "elf.unsupported" (32-bit, or SHT_REL for code or data) or "elf.corrupt" (what, which section).
    static Object open(const std::filesystem::path& path);
    // The same; `name` stands for the file's name in messages.
    static Object open(const std::filesystem::path& path, std::string name);
    // The same from memory; `name` stands for the file's name in messages.
    static Object from_bytes(std::string name, std::vector<std::byte> bytes);

    Object(Object&&) noexcept;
    Object& operator=(Object&&) noexcept;
    ~Object();

    const std::string& name() const; // the path as it was given
    Bytes file() const;              // all of the file
    // Whoever has this may go on using names, contents and file() when the object is gone.
    std::shared_ptr<const void> owner() const;
    uint16_t machine() const; // EM_*
    uint16_t type() const;    // ET_REL, ET_EXEC or ET_DYN
    uint32_t flags() const;   // e_flags
    uint8_t osabi() const;
    bool is_little_endian() const;

    std::span<const Section> sections() const; // [0] is the null section
    // [0] is the null symbol; empty if there is no SHT_SYMTAB. Those of a linked image (ET_EXEC, ET_DYN) are decoded
    // when they are first asked for: this, symbol() and visit_symbols() throw "elf.corrupt" of them.
    std::span<const Symbol> symbols() const;
    // The same, one after the other, of which none is kept.
    void visit_symbols(const std::function<void(const Symbol&)>& visit) const;
    bool has_symbols() const;
    std::span<const Group> groups() const;
    uint32_t symbol_table_section() const; // 0 if there is none
    // Relocation tables of all sections but debug data, in file order.
    std::span<const RelocationTable> relocation_tables() const;
    // Those of the debug data, decoded at each call: few need them and they are most of a unit's relocations. Not
    // thread-safe against itself.
    std::vector<RelocationTable> read_debug_relocation_tables() const;
    // All relocations of one section, sorted by offset (stable), normal ones only (not SHF_RELA_LIVEPATCH).
    std::span<const Relocation> relocations(uint32_t section) const;

    const Section& section(uint32_t index) const { return sections()[index]; }
    const Symbol& symbol(uint32_t index) const { return symbols()[index]; }
    // The first section of that name, or nullptr.
    const Section* find_section(std::string_view name) const;
    // The section of a symbol, or nullptr where it has none.
    const Section* section_of(const Symbol& symbol) const;
    // The NUL-terminated string at `offset` of `section`; empty if out of bounds or unterminated.
    static std::string_view string_at(const Section& section, uint64_t offset);
    // An integer of `width` bytes (1, 2, 4 or 8) at `offset` of `data` in this file's byte order; the caller has
    // checked the bounds.
    uint64_t read_integer(Bytes data, uint64_t offset, unsigned width) const;

private:
    struct State;
    explicit Object(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace klp::elf
