#include "symbols/kernel_symbols.h"

#include <algorithm>

namespace klp::symbols {

SymbolTable::SymbolTable(std::string object, std::vector<KernelSymbol> symbols, std::vector<std::string> files,
                         std::vector<std::shared_ptr<const void>> names)
    : object_(std::move(object)), symbols_(std::move(symbols)), files_(std::move(files)), names_(std::move(names)) {
    if (files_.empty())
        files_.emplace_back();
    // Namesakes are gathered by counting: sorting 200,000 names costs more than reading them.
    ranges_.reserve(symbols_.size());
    for (const KernelSymbol& symbol : symbols_)
        ++ranges_[symbol.name].second;
    uint32_t next = 0;
    for (auto& [name, range] : ranges_) {
        uint32_t count = range.second;
        range = {next, next};
        next += count;
    }
    by_name_.resize(symbols_.size());
    for (uint32_t index = 0; index < symbols_.size(); ++index)
        by_name_[ranges_[symbols_[index].name].second++] = index;
}

std::span<const uint32_t> SymbolTable::find(std::string_view name) const {
    auto found = ranges_.find(name);
    if (found == ranges_.end())
        return {};
    auto [first, last] = found->second;
    return std::span(by_name_).subspan(first, last - first);
}

std::span<const KernelSymbol> SymbolTable::at_address(uint64_t address) const {
    auto same = std::ranges::equal_range(symbols_, address, {}, &KernelSymbol::address);
    return {same.begin(), same.end()};
}

const KernelSymbol* SymbolTable::covering(uint64_t address) const {
    auto above = std::ranges::upper_bound(symbols_, address, {}, &KernelSymbol::address);
    return above == symbols_.begin() ? nullptr : &*(above - 1);
}

unsigned SymbolTable::sympos(const KernelSymbol& symbol) const {
    std::span<const uint32_t> namesakes = find(symbol.name);
    if (namesakes.size() <= 1)
        return 0;
    auto index = static_cast<uint32_t>(&symbol - symbols_.data());
    return static_cast<unsigned>(std::ranges::find(namesakes, index) - namesakes.begin()) + 1;
}

std::string module_name_of(std::string_view path) {
    if (size_t slash = path.rfind('/'); slash != std::string_view::npos)
        path.remove_prefix(slash + 1);
    for (std::string_view suffix : {".xz", ".gz", ".zst", ".debug", ".ko"})
        if (path.ends_with(suffix))
            path.remove_suffix(suffix.size());
    std::string name(path);
    std::ranges::replace(name, '-', '_');
    return name;
}

} // namespace klp::symbols
