// kernel/bpf/btf.c, btf_parse_module(): type data that the kernel does not take makes it refuse the module, unless it
// was built with CONFIG_MODULE_ALLOW_BTF_MISMATCH.
#include "verify/groups.h"

#include <fmt/format.h>

namespace klp::verify {

namespace {

// struct btf_header (include/uapi/linux/btf.h): u16 magic; u8 version, flags; u32 hdr_len, type_off, type_len, str_off,
// str_len. The types come first, the strings follow at once and are the last.
constexpr uint64_t header_size = 24;
constexpr uint64_t magic = 0xeb9f;

bool is_sound(const Subject& subject, const elf::Section& section) {
    if (section.data.size() < header_size)
        return false;
    auto field = [&](uint64_t at, unsigned width) { return subject.module.read_integer(section.data, at, width); };
    const uint64_t header = field(4, 4), types_at = field(8, 4), types = field(12, 4), strings_at = field(16, 4),
                   strings = field(20, 4);
    if (field(0, 2) != magic || field(2, 1) != 1 || field(3, 1) != 0 || header < header_size)
        return false;
    if (types_at != 0 || types % 4 != 0 || strings_at != types)
        return false;
    // A module's strings follow those of vmlinux, and may be none.
    return header + types + strings == section.data.size() && (strings == 0 || section.data.back() == std::byte{0});
}

} // namespace

void check_btf(const Subject& subject, Verdict& verdict) {
    const elf::Section* section = subject.module.find_section(".BTF");
    if (section && !is_sound(subject, *section))
        verdict.add("form.btf", section->name, "its header does not describe it");
}

} // namespace klp::verify
