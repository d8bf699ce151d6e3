#include "symbols/table_builder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace klp::symbols {

namespace {

// The names that scripts/mksysmap or scripts/kallsyms.c (6.1 and 6.12 differ in which of the two) keep out of vmlinux's
// kallsyms.
bool is_left_out(std::string_view name) {
    static constexpr std::string_view prefixes[] = {".L",
                                                    "$",
                                                    "__crc_",
                                                    "__kstrtab_",
                                                    "__kstrtabns_",
                                                    "__efistub_",
                                                    "__pi_$",
                                                    "__pi_.L",
                                                    "__kvm_nvhe_$",
                                                    "__kvm_nvhe_.L",
                                                    "__kcfi_typeid_",
                                                    "__AArch64ADRPThunk_",
                                                    "__pi___kcfi_typeid_",
                                                    "__kvm_nvhe___kcfi_typeid_"};
    static constexpr std::string_view infixes[] = {".long_branch.", ".plt_branch."};
    static constexpr std::string_view names[] = {"L0",
                                                 "_SDA_BASE_",
                                                 "_SDA2_BASE_",
                                                 "kallsyms_addresses",
                                                 "kallsyms_offsets",
                                                 "kallsyms_relative_base",
                                                 "kallsyms_num_syms",
                                                 "kallsyms_names",
                                                 "kallsyms_markers",
                                                 "kallsyms_token_table",
                                                 "kallsyms_token_index",
                                                 "kallsyms_seqs_of_names"};
    if (name.empty())
        return true;
    // Most names have nothing in common with any of these.
    const bool may_begin_so = name[0] == '.' || name[0] == '$' || name[0] == '_';
    for (std::string_view prefix : prefixes)
        if (may_begin_so && name.starts_with(prefix))
            return true;
    const std::string_view from_dot = name.substr(std::min(name.find('.'), name.size()));
    for (std::string_view infix : infixes)
        if (from_dot.size() >= infix.size() && from_dot.find(infix) != std::string_view::npos)
            return true;
    if (name[0] != 'k' && name[0] != '_' && name[0] != 'L')
        return false;
    return std::ranges::find(names, name) != std::end(names);
}

struct Addressed {
    uint64_t address;
    uint32_t index;
};

// By 11 bits of the address after the other, each time keeping the order that is there; digits that all have in common
// are passed by. A fifth of the time of a comparing sort, for the three digits that differ within a kernel.
std::vector<Addressed> by_address(const std::vector<KernelSymbol>& symbols) {
    constexpr unsigned digit_bits = 11;
    constexpr uint64_t digits = 1U << digit_bits;
    std::vector<Addressed> order(symbols.size()), sorted(symbols.size());
    uint64_t differing = 0;
    for (uint32_t index = 0; index < symbols.size(); ++index) {
        order[index] = {symbols[index].address, index};
        differing |= symbols[index].address ^ symbols[0].address;
    }
    for (unsigned shift = 0; shift < 64; shift += digit_bits) {
        if ((differing >> shift & (digits - 1)) == 0)
            continue;
        std::array<uint32_t, digits> next = {};
        for (const Addressed& it : order)
            ++next[it.address >> shift & (digits - 1)];
        std::exclusive_scan(next.begin(), next.end(), next.begin(), 0U);
        for (const Addressed& it : order)
            sorted[next[it.address >> shift & (digits - 1)]++] = it;
        order.swap(sorted);
    }
    return order;
}

// In place, along the circles that the symbols' moves make: a second copy would cost more than the sorting.
void sort_by_address(std::vector<KernelSymbol>& symbols) {
    std::vector<Addressed> order = by_address(symbols);
    for (uint32_t begin = 0; begin < order.size(); ++begin) {
        if (order[begin].index == begin)
            continue;
        const KernelSymbol first = symbols[begin];
        uint32_t at = begin;
        while (order[at].index != begin) {
            const uint32_t from = order[at].index;
            symbols[at] = symbols[from];
            order[at].index = at;
            at = from;
        }
        symbols[at] = first;
        order[at].index = at;
    }
}

} // namespace

TableBuilder::TableBuilder(std::string object_name, size_t expected, std::shared_ptr<const void> owner)
    : object_name_(std::move(object_name)), is_vmlinux_(object_name_ == "vmlinux"), owns_names_(!owner) {
    symbols_.reserve(expected);
    if (owner)
        names_.push_back(std::move(owner));
}

std::string_view TableBuilder::keep(std::string_view text) {
    constexpr size_t block_size = 1 << 20;
    if (text.size() > room_) {
        room_ = std::max(block_size, text.size());
        auto block = std::make_shared<std::vector<char>>(room_);
        block_ = block->data();
        names_.push_back(std::move(block));
    }
    std::memcpy(block_, text.data(), text.size());
    std::string_view kept(block_, text.size());
    block_ += text.size();
    room_ -= text.size();
    return kept;
}

void TableBuilder::start_file(std::string_view name) {
    seen_any_ = true;
    files_.emplace_back(name);
}

void TableBuilder::add(KernelSymbol symbol, bool is_absolute) {
    seen_any_ = true;
    if (symbol.name.empty() || (is_vmlinux_ && (is_absolute || is_left_out(symbol.name))))
        return;
    if (owns_names_)
        symbol.name = keep(symbol.name);
    symbol.hash = SymbolTable::hash_of(symbol.name); // here, since the name was just read
    symbol.file = symbol.global ? 0 : static_cast<uint32_t>(files_.size() - 1);
    symbols_.push_back(symbol);
}

SymbolTable TableBuilder::finish() && {
    // scripts/kallsyms.c, compare_symbols(): by address. Its further rules order only different names at one address,
    // which no sympos depends on; namesakes there keep their order.
    if (is_vmlinux_)
        sort_by_address(symbols_);
    return {std::move(object_name_), std::move(symbols_), std::move(files_), std::move(names_)};
}

} // namespace klp::symbols
