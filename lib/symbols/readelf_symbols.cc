#include "report/finding.h"
#include "symbols/table_builder.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <elf.h>

namespace klp::symbols {

namespace {

constexpr const char* how_to_make = "make it with `readelf --symbols --wide FILE`";

std::string_view next_word(std::string_view& line) {
    size_t start = line.find_first_not_of(" \t");
    if (start == std::string_view::npos) {
        line = {};
        return {};
    }
    size_t end = line.find_first_of(" \t", start);
    std::string_view word = line.substr(start, end == std::string_view::npos ? end : end - start);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end);
    return word;
}

bool parse(std::string_view text, uint64_t& value, int base) {
    if (text.starts_with("0x")) {
        text.remove_prefix(2);
        base = 16;
    }
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

uint8_t type_of(std::string_view word) {
    static constexpr std::array<std::pair<std::string_view, uint8_t>, 8> types = {{{"NOTYPE", STT_NOTYPE},
                                                                                   {"OBJECT", STT_OBJECT},
                                                                                   {"FUNC", STT_FUNC},
                                                                                   {"SECTION", STT_SECTION},
                                                                                   {"FILE", STT_FILE},
                                                                                   {"COMMON", STT_COMMON},
                                                                                   {"TLS", STT_TLS},
                                                                                   {"IFUNC", STT_GNU_IFUNC}}};
    for (auto [name, type] : types)
        if (name == word)
            return type;
    return STT_NOTYPE;
}

struct Line {
    uint64_t value = 0;
    uint64_t size = 0;
    std::string_view type;
    std::string_view binding;
    std::string_view section;
    std::string_view name;
};

// "  12: ffffffff81000000    42 FUNC    GLOBAL DEFAULT [<localentry>: 8]    1 name": false if it is not of this form.
bool parse_line(std::string_view text, Line& line) {
    next_word(text); // the number, checked by the caller
    if (!parse(next_word(text), line.value, 16) || !parse(next_word(text), line.size, 10))
        return false;
    line.type = next_word(text);
    line.binding = next_word(text);
    next_word(text); // visibility
    line.section = next_word(text);
    if (line.section.starts_with("[")) { // st_other of the machine: "[<localentry>: 8]", "[VARIANT_PCS]"
        if (!line.section.ends_with("]")) {
            size_t end = text.find(']');
            if (end == std::string_view::npos)
                return false;
            text.remove_prefix(end + 1);
        }
        line.section = next_word(text);
    }
    if (line.section == "OS" || line.section == "PRC" || line.section == "RSV")
        next_word(text); // "OS [0xff20]"
    line.name = next_word(text);
    return !line.section.empty();
}

// A table's line starts with "NUMBER:"; all else is heading.
bool is_symbol_line(std::string_view text) {
    std::string_view number = next_word(text);
    uint64_t value = 0;
    return number.size() > 1 && number.back() == ':' && parse(number.substr(0, number.size() - 1), value, 10);
}

void add_line(TableBuilder& table, const Line& line) {
    uint8_t type = type_of(line.type);
    if (line.section == "UND" || type == STT_SECTION)
        return;
    if (type == STT_FILE) {
        table.start_file(line.name);
        return;
    }
    uint64_t section = 0;
    if (!parse(line.section, section, 10) || section > UINT32_MAX)
        section = 0;
    table.add({.name = line.name,
               .address = line.value,
               .size = line.size,
               .section = static_cast<uint32_t>(section),
               .type = type,
               .global = line.binding != "LOCAL",
               .weak = line.binding == "WEAK"},
              line.section == "ABS");
}

} // namespace

SymbolTable read_readelf_symbols(std::string_view text, const std::string& path, std::string object_name) {
    TableBuilder table(std::move(object_name), text.size() / 80);
    bool is_wanted_table = true;
    for (size_t number = 1; !text.empty(); ++number) {
        size_t end = text.find('\n');
        std::string_view row = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (row.ends_with('\r'))
            row.remove_suffix(1);
        if (row.starts_with("Symbol table '"))
            is_wanted_table = row.starts_with("Symbol table '.symtab'");
        if (!is_wanted_table || !is_symbol_line(row))
            continue;
        Line line;
        if (!parse_line(row, line))
            throw report::Refusal("symbols.malformed", fmt::format("{}:{}", path, number),
                                  "the line is not one of a symbol table in readelf's wide form", how_to_make);
        add_line(table, line);
    }
    if (!table.seen_any())
        throw report::Refusal("symbols.stripped", path, "there is no symbol in this text", how_to_make);
    return std::move(table).finish();
}

} // namespace klp::symbols
