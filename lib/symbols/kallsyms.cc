// The kallsyms tables inside a vmlinux that has no symbol table. Nothing says where they are, so they are found by what
// they must look like, in steps that each check the one before: the table of 256 tokens and its index; the compressed
// names with the markers that must point into them; the addresses, which must ascend.
#include "report/finding.h"
#include "symbols/boot_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <elf.h>
#include <optional>

namespace klp::symbols {

namespace {

constexpr size_t token_count = 256;
constexpr size_t symbols_per_marker = 256;
constexpr uint64_t fewest_symbols = 256;
constexpr uint64_t most_symbols = 1 << 23;
constexpr uint64_t kernel_half = UINT64_C(1) << 63;

// Tables begin at multiples of this; since 7.x of the second (scripts/kallsyms.c, output_label()).
constexpr std::array<size_t, 2> alignments = {8, 4};

// The section that holds all tables. Offsets are in it; what is out of bounds reads as nullopt.
class Area {
public:
    Area(const elf::Object& image, const elf::Section& section, size_t alignment)
        : image_(image), data_(section.data), address_(section.address), alignment_(alignment) {}

    size_t alignment() const { return alignment_; }
    size_t align(size_t offset) const { return (offset + alignment_ - 1) & ~(alignment_ - 1); }

    size_t size() const { return data_.size(); }
    uint64_t address(size_t offset) const { return address_ + offset; }
    std::optional<uint64_t> read(size_t offset, unsigned width) const {
        if (offset > data_.size() || data_.size() - offset < width)
            return std::nullopt;
        return image_.read_integer(data_, offset, width);
    }
    uint8_t byte(size_t offset) const { return offset < data_.size() ? std::to_integer<uint8_t>(data_[offset]) : 0; }
    const char* text(size_t offset) const { return reinterpret_cast<const char*>(data_.data()) + offset; }

private:
    const elf::Object& image_;
    elf::Bytes data_;
    uint64_t address_;
    size_t alignment_;
};

// kallsyms_token_table and kallsyms_token_index.
struct Tokens {
    size_t start = 0; // of the table
    size_t end = 0;   // of the index
    std::array<std::string_view, token_count> text;
};

std::optional<Tokens> read_tokens(const Area& area, size_t start) {
    Tokens tokens;
    tokens.start = start;
    size_t at = start;
    for (std::string_view& text : tokens.text) {
        const void* end =
            at < area.size() ? std::memchr(area.text(at), 0, std::min<size_t>(area.size() - at, 1024)) : nullptr;
        if (!end)
            return std::nullopt;
        text = {area.text(at), static_cast<size_t>(static_cast<const char*>(end) - area.text(at))};
        at += text.size() + 1;
    }
    size_t index = area.align(at);
    tokens.end = index + 2 * token_count;
    for (size_t token = 0; token < token_count; ++token)
        if (area.read(index + 2 * token, 2) != static_cast<uint64_t>(tokens.text[token].data() - area.text(start)))
            return std::nullopt;
    return tokens;
}

// Digits occur in names, so each has itself for its token: "0\01\02\0...9\0" stands at their place in the table. From
// there the table's start is 48 tokens back, and aligned; where it is exactly, the index tells.
std::optional<Tokens> find_tokens(const Area& area, elf::Bytes data) {
    static constexpr char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
    std::string_view pattern(digits, sizeof(digits)); // with the last one's end
    std::string_view text(area.text(0), data.size());
    for (size_t at = text.find(pattern); at != std::string_view::npos; at = text.find(pattern, at + 1)) {
        size_t start = at;
        size_t ends = 0;
        while (start > 0 && ends <= '0') {
            if (start % area.alignment() == 0 && ends == '0')
                if (std::optional<Tokens> tokens = read_tokens(area, start))
                    return tokens;
            --start;
            ends += text[start] == 0;
        }
    }
    return std::nullopt;
}

// kallsyms_num_syms, kallsyms_names and kallsyms_markers.
struct Names {
    size_t count_at = 0;
    uint64_t count = 0;
    std::vector<uint32_t> offsets; // of each compressed name
    size_t end = 0;                // of the markers
};

// A name is its length, one or two bytes of ULEB128, and that many tokens.
struct Packed {
    size_t tokens = 0; // offset of the first
    size_t length = 0;
};

Packed packed_name(const Area& area, size_t at) {
    uint8_t low = area.byte(at);
    if (!(low & 0x80))
        return {at + 1, low};
    return {at + 2, (low & 0x7fu) | (size_t(area.byte(at + 1)) << 7)};
}

// Reads from a place where `count` is said to be. `budget` bounds the work that hostile input can cause.
std::optional<Names> read_names(const Area& area, size_t count_at, uint64_t count, size_t limit, size_t& budget) {
    Names names{count_at, count, {}, 0};
    size_t start = area.align(count_at + 4);
    size_t at = start;
    for (uint64_t index = 0; index < count; ++index) {
        Packed name = packed_name(area, at);
        if (name.length == 0 || name.tokens + name.length > limit || budget == 0)
            return std::nullopt;
        --budget;
        names.offsets.push_back(static_cast<uint32_t>(at));
        at = name.tokens + name.length;
    }
    size_t markers = area.align(at);
    size_t marker_count = (count + symbols_per_marker - 1) / symbols_per_marker;
    for (size_t marker = 0; marker < marker_count; ++marker)
        if (area.read(markers + 4 * marker, 4) != names.offsets[marker * symbols_per_marker] - start)
            return std::nullopt;
    names.end = markers + 4 * marker_count;
    return names;
}

std::optional<Names> find_names(const Area& area, const Tokens& tokens) {
    size_t budget = 4 * area.size();
    for (size_t at = tokens.start; at >= area.alignment();) {
        at -= area.alignment();
        uint64_t count = area.read(at, 4).value_or(0);
        const size_t padding = area.align(at + 4) - (at + 4);
        if (count < fewest_symbols || count > most_symbols || (padding != 0 && area.read(at + 4, 4) != 0u))
            continue;
        if (std::optional<Names> names = read_names(area, at, count, tokens.start, budget))
            return names;
    }
    return std::nullopt;
}

// kallsyms_offsets and kallsyms_relative_base, the base right after the offsets.
std::optional<std::vector<uint64_t>> read_addresses(const Area& area, size_t start, uint64_t count) {
    std::optional<uint64_t> base = area.read(area.align(start + 4 * count), 8);
    if (!base || *base < kernel_half || start % 8 != 0)
        return std::nullopt;
    // Without CONFIG_KALLSYMS_ABSOLUTE_PERCPU offsets are unsigned; with it, positive ones are absolute addresses and
    // negative ones are base - 1 - offset (kernel/kallsyms.c, kallsyms_sym_address()). Only one way ascends.
    std::vector<uint64_t> from_base;
    std::vector<uint64_t> with_absolute;
    for (uint64_t index = 0; index < count; ++index) {
        uint32_t offset = static_cast<uint32_t>(*area.read(start + 4 * index, 4));
        bool is_absolute = !(offset >> 31);
        from_base.push_back(*base + offset);
        with_absolute.push_back(is_absolute ? offset : *base - 1 - static_cast<uint64_t>(int64_t(int32_t(offset))));
    }
    if (std::ranges::is_sorted(from_base))
        return from_base;
    if (std::ranges::is_sorted(with_absolute))
        return with_absolute;
    return std::nullopt;
}

// kallsyms_seqs_of_names: each symbol's number once, three bytes with the highest first.
bool has_numbers(const Area& area, size_t start, uint64_t count) {
    std::vector<bool> is_there(count);
    for (uint64_t index = 0; index < count; ++index) {
        const size_t at = start + 3 * index;
        const size_t number = size_t(area.byte(at)) << 16 | size_t(area.byte(at + 1)) << 8 | area.byte(at + 2);
        if (number >= count || is_there[number])
            return false;
        is_there[number] = true;
    }
    return true;
}

// In 7.x there is no base: each offset is from its own place (scripts/kallsyms.c, --pc-relative). Anything that ascends
// would look like them; so what follows them is looked at as well.
std::optional<std::vector<uint64_t>> read_addresses_from_places(const Area& area, size_t start, uint64_t count) {
    std::vector<uint64_t> addresses;
    for (uint64_t index = 0; index < count; ++index) {
        const size_t place = start + 4 * index;
        const std::optional<uint64_t> offset = area.read(place, 4);
        if (!offset)
            return std::nullopt;
        addresses.push_back(area.address(place) + static_cast<uint64_t>(int64_t(static_cast<int32_t>(*offset))));
    }
    if (addresses.front() < kernel_half || !std::ranges::is_sorted(addresses) ||
        !has_numbers(area, area.align(start + 4 * count), count))
        return std::nullopt;
    return addresses;
}

// Since 6.4 the addresses follow the tokens; before, they are in front of the number of symbols. Those with a base come
// first: offsets from it ascend as well where they are taken for offsets from their places.
std::optional<std::vector<uint64_t>> find_addresses(const Area& area, const Tokens& tokens, const Names& names) {
    if (auto addresses = read_addresses(area, area.align(tokens.end), names.count))
        return addresses;
    size_t before = 8 + area.align(4 * names.count);
    if (names.count_at >= before)
        if (auto addresses = read_addresses(area, names.count_at - before, names.count))
            return addresses;
    return read_addresses_from_places(area, area.align(tokens.end), names.count);
}

// The symbol types of nm(1), as far as they matter.
uint8_t type_of(char letter) {
    switch (letter) {
    case 'T':
    case 't':
    case 'W':
    case 'w':
        return STT_FUNC;
    case 'A':
    case 'a':
        return STT_NOTYPE;
    default:
        return STT_OBJECT;
    }
}

struct Tables {
    Tokens tokens;
    Names names;
    std::vector<uint64_t> addresses;
};

std::optional<Tables> find_tables(const Area& area, elf::Bytes data) {
    std::optional<Tokens> tokens = find_tokens(area, data);
    if (!tokens)
        return std::nullopt;
    std::optional<Names> names = find_names(area, *tokens);
    if (!names)
        return std::nullopt;
    std::optional<std::vector<uint64_t>> addresses = find_addresses(area, *tokens, *names);
    if (!addresses)
        return std::nullopt;
    return Tables{std::move(*tokens), std::move(*names), std::move(*addresses)};
}

// The sections by address, to say in which one a symbol is.
class SectionFinder {
public:
    explicit SectionFinder(const elf::Object& image) {
        for (const elf::Section& section : image.sections())
            if (section.is_allocated() && section.size != 0 && !(section.flags & SHF_TLS))
                sections_.push_back(&section);
        std::ranges::sort(sections_, {}, &elf::Section::address);
    }
    uint32_t find(uint64_t address) const {
        auto above = std::ranges::upper_bound(sections_, address, {}, &elf::Section::address);
        if (above == sections_.begin())
            return 0;
        const elf::Section& section = **(above - 1);
        return address - section.address < section.size ? section.index : 0;
    }

private:
    std::vector<const elf::Section*> sections_;
};

SymbolTable make_table(const Area& area, const Tables& tables, const SectionFinder& sections) {
    struct Name {
        size_t start;
        size_t size;
        char letter;
    };
    auto text = std::make_shared<std::string>();
    std::vector<Name> names;
    for (uint32_t offset : tables.names.offsets) {
        Packed packed = packed_name(area, offset);
        size_t start = text->size();
        for (size_t token = 0; token < packed.length; ++token)
            *text += tables.tokens.text[area.byte(packed.tokens + token)];
        size_t size = text->size() - start;
        names.push_back({start + 1, size > 0 ? size - 1 : 0, size > 0 ? (*text)[start] : '\0'});
        if (size == 0)
            names.back().start = start;
    }
    std::vector<KernelSymbol> symbols;
    for (size_t index = 0; index < names.size(); ++index) {
        const Name& name = names[index];
        uint64_t address = tables.addresses[index];
        symbols.push_back({.name = std::string_view(*text).substr(name.start, name.size),
                           .address = address,
                           .section = sections.find(address),
                           .type = type_of(name.letter),
                           .global = name.letter >= 'A' && name.letter <= 'Z',
                           .weak = name.letter == 'W' || name.letter == 'V'});
    }
    return {"vmlinux", std::move(symbols), {}, {std::move(text)}};
}

} // namespace

SymbolTable read_kallsyms(const elf::Object& vmlinux) {
    for (const elf::Section& section : vmlinux.sections()) {
        if (!section.is_allocated() || section.is_code() || section.data.size() < 4096)
            continue;
        for (const size_t alignment : alignments) {
            Area area(vmlinux, section, alignment);
            if (std::optional<Tables> tables = find_tables(area, section.data))
                return make_table(area, *tables, SectionFinder(vmlinux));
        }
    }
    throw report::Refusal(
        "boot.no-kallsyms", vmlinux.name(), "the image holds no kallsyms tables of a known layout",
        "the kernel must be of 6.1 or later with CONFIG_KALLSYMS; give the vmlinux of the debug package");
}

} // namespace klp::symbols
