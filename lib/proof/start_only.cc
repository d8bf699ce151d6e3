#include "proof/start_only.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <elf.h>
#include <set>

namespace klp::proof {

namespace {

struct Range {
    Location begin = 0, end = 0;
    bool contains(Location at) const { return at >= begin && at < end; }
};

// The addresses of two symbols; empty if the image has them not, or several.
Range between(const Image& image, std::string_view begin, std::string_view end) {
    const std::span<const uint32_t> first = image.symbols().find(begin), last = image.symbols().find(end);
    if (first.size() != 1 || last.size() != 1)
        return {};
    return {image.symbols().symbols()[first.front()].address, image.symbols().symbols()[last.front()].address};
}

bool lists_all_functions(std::string_view section) {
    constexpr std::array names{std::string_view(".orc_unwind_ip"), std::string_view("__mcount_loc"),
                               std::string_view("__patchable_function_entries"), std::string_view(".ibt_endbr_seal"),
                               std::string_view(".call_sites")};
    return std::ranges::find(names, section) != names.end();
}

template <typename Value>
Value value_at(elf::Bytes bytes, uint64_t at) {
    Value value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    return value;
}

// What stands at a byte may refer to the target: its distance from the end of a field of four bytes, as calls, jumps
// and rip-relative operands have it, its address in four or eight bytes, or its distance from the field itself.
class References {
public:
    References(const Image& image, Location target)
        : image_(image), target_(target), init_(between(image, "__init_begin", "__init_end")),
          hooks_(between(image, "__start_mcount_loc", "__stop_mcount_loc")) {}

    bool are_at_start() {
        if (init_.begin == init_.end)
            return false;
        for (const elf::Section& section : image_.file().sections()) {
            if (!section.is_allocated() || section.data.empty() || lists_all_functions(section.name))
                continue;
            if (section.is_code() ? !is_code_of_start(section) : !is_silent(section))
                return false;
        }
        return has_call_;
    }

private:
    bool is_code_of_start(const elf::Section& section) {
        const elf::Bytes code = section.data;
        for (uint64_t at = 0; at + 4 <= code.size(); ++at) {
            const auto value = value_at<uint32_t>(code, at);
            const Location place = section.address + at;
            if (static_cast<uint32_t>(place + 4) + value == static_cast<uint32_t>(target_)) {
                const bool is_call = at > 0 && (code[at - 1] == std::byte{0xe8} || code[at - 1] == std::byte{0xe9});
                if (!is_call || !init_.contains(place))
                    return false;
                has_call_ = true;
            } else if (value == static_cast<uint32_t>(target_)) {
                return false;
            }
        }
        return true;
    }
    bool is_silent(const elf::Section& section) const {
        const elf::Bytes data = section.data;
        for (uint64_t at = 0; at + 4 <= data.size(); at += 4) {
            const auto value = value_at<uint32_t>(data, at);
            const Location place = section.address + at;
            const bool refers = value == static_cast<uint32_t>(target_) ||
                                static_cast<uint32_t>(place) + value == static_cast<uint32_t>(target_);
            if (refers && !hooks_.contains(place))
                return false;
        }
        return true;
    }

    const Image& image_;
    Location target_;
    Range init_, hooks_;
    bool has_call_ = false;
};

// The same of a module, which is not linked yet: its relocations say what it refers to, but for calls within a section.
class ModuleReferences {
public:
    ModuleReferences(const Image& image, Location target) : image_(image), target_(target) {}

    bool are_at_start() {
        for (const elf::Section& section : image_.file().sections()) {
            if (!section.is_allocated() || section.data.empty() || lists_all_functions(section.name))
                continue;
            const bool is_at_start = section.is_code() ? is_code_of_start(section) : is_silent(section);
            if (!is_at_start)
                return false;
        }
        return has_call_;
    }

private:
    bool is_target(uint32_t section, uint64_t offset) const {
        symbols::KernelSymbol place;
        place.section = section;
        place.address = offset;
        return image_.location(place) == target_;
    }
    // The relocation's symbol with what is added to it, which is four bytes too little in a call's.
    bool leads_there(const elf::Relocation& relocation, uint64_t behind) const {
        const elf::Symbol& symbol = image_.file().symbol(relocation.symbol);
        return symbol.place == elf::Place::section &&
               is_target(symbol.section, symbol.value + static_cast<uint64_t>(relocation.addend) + behind);
    }
    bool is_code_of_start(const elf::Section& section) {
        constexpr uint64_t field = 4;
        std::set<uint64_t> relocated;
        for (const elf::Relocation& relocation : image_.file().relocations(section.index)) {
            relocated.insert(relocation.offset);
            if (leads_there(relocation, 0))
                return false;
            if (!leads_there(relocation, field))
                continue;
            const std::byte before = relocation.offset > 0 ? section.data[relocation.offset - 1] : std::byte{0};
            const bool is_call = before == std::byte{0xe8} || before == std::byte{0xe9};
            if (!is_call || !section.name.starts_with(".init.text"))
                return false;
            has_call_ = true;
        }
        for (uint64_t at = 0; at + field <= section.data.size(); ++at) {
            const auto distance = static_cast<uint64_t>(value_at<int32_t>(section.data, at));
            if (is_target(section.index, at + field + distance) && !relocated.contains(at))
                return false;
        }
        return true;
    }
    bool is_silent(const elf::Section& section) const {
        return std::ranges::none_of(image_.file().relocations(section.index),
                                    [&](const elf::Relocation& it) { return leads_there(it, 0); });
    }

    const Image& image_;
    Location target_;
    bool has_call_ = false;
};

} // namespace

bool is_used_only_at_start(const Image& image, Location location) {
    if (image.file().machine() != EM_X86_64)
        return false;
    return image.is_module() ? ModuleReferences(image, location).are_at_start()
                             : References(image, location).are_at_start();
}

} // namespace klp::proof
