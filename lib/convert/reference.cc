#include "convert/reference.h"

#include "elf/livepatch_abi.h"
#include "report/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace klp::convert {

namespace {

// "NAME.REST" -> NAME, and REST in `text`; nullopt if there is no dot, nothing before it, or more than the kernel
// takes.
std::optional<std::string_view> take_object(std::string_view& text) {
    size_t dot = text.find('.');
    if (dot == std::string_view::npos || dot == 0 || dot > elf::max_object_name)
        return std::nullopt;
    std::string_view object = text.substr(0, dot);
    text.remove_prefix(dot + 1);
    return object;
}

// "OBJ.NAME,POS"; NAME may hold dots but, for the kernel's sscanf(), no comma.
std::optional<LivepatchName> parse_target(std::string_view text) {
    std::optional<std::string_view> object = take_object(text);
    size_t comma = text.find(',');
    if (!object || comma == std::string_view::npos || comma == 0 || comma > elf::max_symbol_name)
        return std::nullopt;
    std::string_view number = text.substr(comma + 1);
    LivepatchName result{*object, text.substr(0, comma), 0};
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), result.sympos);
    if (error != std::errc() || end != number.data() + number.size())
        return std::nullopt;
    return result;
}

[[noreturn]] void refuse(const elf::Object& module, const elf::Symbol& symbol, std::string_view why) {
    throw report::Refusal("convert.bad-reference", module.name(), fmt::format("symbol {}: {}", symbol.name, why),
                          "the object was not made by this release of create-diff-object; make it again");
}

LivepatchReference parse_reference(const elf::Object& module, const elf::Symbol& symbol) {
    if (!symbol.is_undefined())
        refuse(module, symbol, "a reference to the kernel is defined in the module");
    std::string_view text = symbol.name.substr(elf::reference_prefix.size());
    std::optional<std::string_view> owner = take_object(text);
    std::optional<LivepatchName> target = parse_target(text);
    if (!owner || !target)
        refuse(module, symbol, "the name is not of the form .klp.ref.OWNER.OBJ.NAME,POS");
    return {symbol.index, std::string(*owner), std::string(target->object), std::string(target->name), target->sympos};
}

// The symbols that .klp.build.symbols lists, ascending.
std::vector<uint32_t> plain_symbols(const elf::Object& module) {
    std::vector<uint32_t> listed;
    for (const elf::Section& section : module.sections())
        if (section.name == elf::build_symbols_section)
            for (const elf::Relocation& relocation : module.relocations(section.index))
                listed.push_back(relocation.symbol);
    std::ranges::sort(listed);
    listed.erase(std::unique(listed.begin(), listed.end()), listed.end());
    return listed;
}

} // namespace

std::optional<LivepatchName> parse_livepatch_symbol(std::string_view text) {
    if (!text.starts_with(elf::klp_symbol_prefix))
        return std::nullopt;
    return parse_target(text.substr(elf::klp_symbol_prefix.size()));
}

std::optional<LivepatchSectionName> parse_livepatch_section(std::string_view text) {
    if (!text.starts_with(elf::klp_section_prefix))
        return std::nullopt;
    text.remove_prefix(elf::klp_section_prefix.size());
    std::optional<std::string_view> object = take_object(text);
    if (!object)
        return std::nullopt;
    return LivepatchSectionName{*object, text};
}

std::vector<LivepatchReference> read_references(const elf::Object& module) {
    std::vector<uint32_t> plain = plain_symbols(module);
    std::vector<LivepatchReference> references;
    for (const elf::Symbol& symbol : module.symbols()) {
        if (symbol.name.starts_with(elf::reference_prefix)) {
            references.push_back(parse_reference(module, symbol));
        } else if (std::ranges::binary_search(plain, symbol.index)) {
            if (!symbol.is_undefined() || symbol.name.empty())
                refuse(module, symbol, "it is listed as the kernel's but defined in the module");
            references.push_back({symbol.index, "vmlinux", "vmlinux", std::string(symbol.name), 0});
        }
    }
    return references;
}

} // namespace klp::convert
