// /proc/kallsyms as symbol tables.
#include "livepatch/running_view.h"

#include <cctype>
#include <charconv>
#include <elf.h>
#include <memory>
#include <set>

namespace klp::livepatch {

namespace {

struct Line {
    symbols::KernelSymbol symbol;
    std::string_view object = "vmlinux";
};

uint8_t type_of(char letter) {
    switch (std::tolower(static_cast<unsigned char>(letter))) {
    case 't':
    case 'w':
        return STT_FUNC;
    case 'a':
        return STT_NOTYPE;
    default:
        return STT_OBJECT;
    }
}

std::optional<Line> parse(std::string_view text) {
    Line line;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), line.symbol.address, 16);
    const size_t at = static_cast<size_t>(end - text.data());
    if (error != std::errc() || text.size() < at + 4)
        return std::nullopt;
    const char letter = text[at + 1];
    std::string_view name = text.substr(at + 3);
    if (const size_t tab = name.find("\t["); tab != std::string_view::npos) {
        line.object = name.substr(tab + 2, name.find(']', tab) - tab - 2);
        name = name.substr(0, tab);
    }
    line.symbol.name = name;
    line.symbol.type = type_of(letter);
    line.symbol.global = std::isupper(static_cast<unsigned char>(letter)) != 0;
    line.symbol.weak = letter == 'W' || letter == 'V';
    return line;
}

bool is_real(std::string_view object) {
    return object != "bpf" && !object.starts_with("__builtin__");
}

} // namespace

std::map<std::string, symbols::SymbolTable, std::less<>> read_proc_kallsyms(std::string text) {
    const auto owner = std::make_shared<const std::string>(std::move(text));
    std::map<std::string, std::vector<symbols::KernelSymbol>, std::less<>> objects;
    std::string_view rest = *owner;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        const std::optional<Line> parsed = parse(line);
        if (!parsed || !is_real(parsed->object))
            continue;
        auto found = objects.find(parsed->object);
        if (found == objects.end())
            found = objects.emplace(parsed->object, std::vector<symbols::KernelSymbol>()).first;
        found->second.push_back(parsed->symbol);
    }
    std::map<std::string, symbols::SymbolTable, std::less<>> tables;
    for (auto& [name, list] : objects)
        tables.emplace(name, symbols::SymbolTable(name, std::move(list), {std::string()}, {owner}));
    return tables;
}

} // namespace klp::livepatch
