// Loader steps module_sig_check() and elf_validity_ehdr(): the file as a whole, before any section is looked at.
#include "arch/machine.h"
#include "verify/groups.h"

#include <fmt/format.h>

#include <algorithm>

namespace klp::verify {

namespace {

constexpr std::string_view header_rule = "form.elf-header";

void expect(const char* field, uint64_t given, uint64_t wanted, std::string_view rule, Verdict& verdict) {
    if (given != wanted)
        verdict.add(rule, "", fmt::format("{} is {:#x}, not {:#x}", field, given, wanted));
}

// System V ABI, "ELF Header". The loader looks at a few of these only; a file in which another one is wrong was
// damaged, or is for something else.
void check_identification(const Elf64_Ehdr& header, Verdict& verdict) {
    expect("the version in e_ident", header.e_ident[EI_VERSION], EV_CURRENT, header_rule, verdict);
    const unsigned abi = header.e_ident[EI_OSABI];
    if (abi != ELFOSABI_NONE && abi != ELFOSABI_GNU)
        verdict.add(header_rule, "", fmt::format("the operating system's ABI is {}, which is no kernel module's", abi));
    if (std::any_of(header.e_ident + EI_ABIVERSION, header.e_ident + EI_NIDENT, [](unsigned char b) { return b != 0; }))
        verdict.add(header_rule, "", "the last bytes of e_ident are not zero");
}

void check_header(const Subject& subject, Verdict& verdict) {
    const Elf64_Ehdr& header = subject.raw.header;
    check_identification(header, verdict);
    expect("e_version", header.e_version, EV_CURRENT, header_rule, verdict);
    expect("e_ehsize", header.e_ehsize, sizeof(Elf64_Ehdr), header_rule, verdict);
    expect("e_entry", header.e_entry, 0, header_rule, verdict);
    expect("e_phoff", header.e_phoff, 0, header_rule, verdict);
    expect("e_phnum", header.e_phnum, 0, header_rule, verdict);
    if (header.e_phentsize != 0 && header.e_phentsize != sizeof(Elf64_Phdr))
        verdict.add(header_rule, "", fmt::format("e_phentsize is {}", header.e_phentsize));
    if (std::optional<uint32_t> wanted = arch::Machine::of(subject.module).module_flags())
        expect("e_flags", header.e_flags, *wanted, header_rule, verdict);
}

void check_section_table(const Subject& subject, Verdict& verdict) {
    const Elf64_Ehdr& header = subject.raw.header;
    expect("e_shentsize", header.e_shentsize, sizeof(Elf64_Shdr), "form.section-table", verdict);
    if (header.e_shnum != subject.module.sections().size())
        verdict.add("form.section-table", "",
                    fmt::format("e_shnum is {} for {} sections; the loader knows no extended numbering", header.e_shnum,
                                subject.module.sections().size()));
    if (header.e_shoff % alignof(Elf64_Shdr) != 0)
        verdict.add("form.section-table", "",
                    fmt::format("e_shoff {:#x} is no multiple of {}", header.e_shoff, alignof(Elf64_Shdr)));
    if (header.e_shoff >= subject.raw.length ||
        subject.raw.length - header.e_shoff < header.e_shnum * sizeof(Elf64_Shdr))
        verdict.add("form.section-table", "", "the section headers reach into the signature");
    if (header.e_shstrndx == SHN_UNDEF || header.e_shstrndx >= header.e_shnum)
        verdict.add("form.section-table", "",
                    fmt::format("e_shstrndx is {} of {} sections", header.e_shstrndx, header.e_shnum));
    if (subject.raw.sections.empty())
        return;
    const Elf64_Shdr& null = subject.raw.sections[0];
    if (null.sh_name || null.sh_type != SHT_NULL || null.sh_flags || null.sh_addr || null.sh_offset || null.sh_size ||
        null.sh_link || null.sh_info || null.sh_addralign || null.sh_entsize)
        verdict.add("form.null-section", "", "a field of its header is not zero");
}

// kernel/module_signature.c, mod_check_sig()
void check_signature(const Subject& subject, Verdict& verdict) {
    constexpr size_t trailer = 12, kind_at = 2;
    constexpr auto pkcs7 = std::byte{2};
    if (subject.raw.signature == 0)
        return;
    const elf::Bytes file = subject.module.file();
    if (subject.raw.signature >= file.size()) {
        verdict.add("form.signature", "", "it would be longer than the file");
        return;
    }
    elf::Bytes fields = file.subspan(file.size() - signature_marker.size() - trailer, trailer);
    auto is_zero = [&](size_t at) { return fields[at] == std::byte{0}; };
    if (fields[kind_at] != pkcs7 || !is_zero(0) || !is_zero(1) || !is_zero(3) || !is_zero(4) || !is_zero(5) ||
        !is_zero(6) || !is_zero(7))
        verdict.add("form.signature", "", "its header is not that of a PKCS#7 message");
}

} // namespace

void check_file(const Subject& subject, Verdict& verdict) {
    check_signature(subject, verdict);
    check_header(subject, verdict);
    check_section_table(subject, verdict);
}

} // namespace klp::verify
