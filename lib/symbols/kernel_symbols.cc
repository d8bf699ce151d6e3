#include "symbols/kernel_symbols.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>

namespace klp::symbols {

uint32_t SymbolTable::hash_of(std::string_view name) {
    return static_cast<uint32_t>(std::hash<std::string_view>()(name));
}

SymbolTable::SymbolTable(std::string object, std::vector<KernelSymbol> symbols, std::vector<std::string> files,
                         std::vector<std::shared_ptr<const void>> names)
    : object_(std::move(object)), symbols_(std::move(symbols)), files_(std::move(files)), names_(std::move(names)) {
    if (files_.empty())
        files_.emplace_back();
    gather_namesakes();
}

// The slot of that name, or the free one where it belongs. Of a name that is there, by_name_[first] is one bearer.
size_t SymbolTable::slot_of(std::string_view name, uint32_t hash) const {
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    for (; slots_[at].namesakes != 0; at = (at + 1) & mask) {
        const Slot& slot = slots_[at];
        if (slot.hash == hash && symbols_[by_name_[namesakes_[slot.namesakes - 1].first]].name == name)
            break;
    }
    return at;
}

// By counting: sorting names costs more than reading them. For "a b a": the names are met as 0 1 0, twice and once, so
// they get [0, 2) and [2, 3), and by_name_ is 0 2 1.
void SymbolTable::gather_namesakes() {
    const auto count = static_cast<uint32_t>(symbols_.size());
    slots_.resize(std::bit_ceil(symbols_.size() + symbols_.size() / 3 + 1));
    by_name_.resize(count);
    // Until places are known, [first] of a name is itself, so that slot_of() finds a bearer, and [last] its count.
    std::vector<uint32_t> names(count);
    std::iota(by_name_.begin(), by_name_.end(), 0);
    for (uint32_t index = 0; index < count; ++index) {
        KernelSymbol& symbol = symbols_[index];
        if (symbol.hash == 0)
            symbol.hash = hash_of(symbol.name);
        Slot& slot = slots_[slot_of(symbol.name, symbol.hash)];
        if (slot.namesakes == 0) {
            namesakes_.push_back({index, 0});
            slot = {symbol.hash, static_cast<uint32_t>(namesakes_.size())};
        }
        names[index] = slot.namesakes - 1;
        ++namesakes_[names[index]].last;
    }
    uint32_t next = 0;
    for (Namesakes& range : namesakes_) {
        const uint32_t bearers = range.last;
        range = {next, next};
        next += bearers;
    }
    for (uint32_t index = 0; index < count; ++index)
        by_name_[namesakes_[names[index]].last++] = index;
}

std::span<const uint32_t> SymbolTable::find(std::string_view name) const {
    const Slot& slot = slots_[slot_of(name, hash_of(name))];
    if (slot.namesakes == 0)
        return {};
    const Namesakes& range = namesakes_[slot.namesakes - 1];
    return std::span(by_name_).subspan(range.first, range.last - range.first);
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
