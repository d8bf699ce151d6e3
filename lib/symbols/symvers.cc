#include "symbols/symvers.h"

#include "report/finding.h"
#include "symbols/kernel_symbols.h"

#include <fmt/format.h>

#include <charconv>
#include <vector>

namespace klp::symbols {

const Export* Exports::find(std::string_view symbol) const {
    auto found = by_name_.find(symbol);
    return found == by_name_.end() ? nullptr : &found->second;
}

void Exports::add(std::string symbol, Export entry) {
    by_name_.insert_or_assign(std::move(symbol), std::move(entry));
}

namespace {

void split_at_tabs(std::string_view line, std::vector<std::string_view>& fields) {
    fields.clear();
    for (;;) {
        size_t tab = line.find('\t');
        fields.push_back(line.substr(0, tab));
        if (tab == std::string_view::npos)
            return;
        line.remove_prefix(tab + 1);
    }
}

bool parse_crc(std::string_view text, uint32_t& crc) {
    if (!text.starts_with("0x"))
        return false;
    text.remove_prefix(2);
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), crc, 16);
    return error == std::errc() && end == text.data() + text.size();
}

} // namespace

Exports read_symvers(std::string_view text, const std::string& path) {
    Exports exports;
    std::vector<std::string_view> fields; // of one line; one allocation does for all
    for (size_t number = 1; !text.empty(); ++number) {
        size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.empty())
            continue;
        split_at_tabs(line, fields);
        uint32_t crc = 0;
        bool is_sound = fields.size() >= 4 && fields.size() <= 5 && parse_crc(fields[0], crc) && !fields[1].empty() &&
                        !fields[2].empty() && fields[3].starts_with("EXPORT_SYMBOL");
        if (!is_sound)
            throw report::Refusal(
                "symvers.malformed", fmt::format("{}:{}", path, number),
                "the line is not of the form CRC, symbol, module, export type and namespace, separated by tabs",
                "take the Module.symvers that was written when the kernel was built");
        exports.add(std::string(fields[1]), {.module = module_name_of(fields[2]),
                                             .name_space = fields.size() == 5 ? std::string(fields[4]) : std::string(),
                                             .crc = crc,
                                             .gpl_only = fields[3].find("GPL") != std::string_view::npos});
    }
    return exports;
}

} // namespace klp::symbols
