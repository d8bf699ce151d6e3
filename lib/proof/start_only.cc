#include "proof/start_only.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <elf.h>

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

} // namespace

bool is_used_only_at_start(const Image& image, Location location) {
    if (image.is_module() || image.file().machine() != EM_X86_64)
        return false;
    return References(image, location).are_at_start();
}

} // namespace klp::proof
