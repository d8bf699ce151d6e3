// Loader steps elf_validity_cache_sechdrs(), elf_validity_cache_secstrings(), module_enforce_rwx_sections(),
// layout_sections() and move_module(): what the section headers must say for every section to be where its code and
// data are meant to be.
#include "elf/livepatch_abi.h"
#include "verify/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace klp::verify {

namespace {

constexpr uint64_t page_size = 4096;
// For all modules there are 1.5 GB (arch/x86/include/asm/pgtable_64_types.h, MODULES_LEN), elsewhere no more than 2.
constexpr uint64_t most_memory = uint64_t{1} << 31;
constexpr uint32_t first_os_type = 0x60000000; // SHT_LOOS: from here on, types are tools' own
constexpr uint64_t shf_exclude = 0x80000000;
// include/uapi/linux/elf.h, SHF_RO_AFTER_INIT. Newer assemblers use the same bit for "retain".
constexpr uint64_t shf_ro_after_init = 0x00200000;
constexpr uint64_t known_flags = SHF_WRITE | SHF_ALLOC | SHF_EXECINSTR | SHF_MERGE | SHF_STRINGS | SHF_INFO_LINK |
                                 SHF_LINK_ORDER | SHF_GROUP | SHF_COMPRESSED | shf_ro_after_init | shf_exclude |
                                 elf::shf_rela_livepatch;

// ---- types ----

bool may_be_loaded(uint32_t type) {
    constexpr auto types = std::to_array<uint32_t>({SHT_PROGBITS, SHT_NOBITS, SHT_NOTE, SHT_INIT_ARRAY, SHT_FINI_ARRAY,
                                                    SHT_PREINIT_ARRAY, 0x70000001}); // SHT_X86_64_UNWIND
    return std::ranges::find(types, type) != types.end();
}

bool may_be_in_module(uint32_t type) {
    constexpr auto types = std::to_array<uint32_t>({SHT_NULL, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_GROUP});
    return may_be_loaded(type) || type >= first_os_type || std::ranges::find(types, type) != types.end();
}

void check_type(const elf::Section& section, Verdict& verdict) {
    const bool is_livepatch = section.flags & elf::shf_rela_livepatch;
    const bool is_right =
        section.is_allocated() ? may_be_loaded(section.type) || is_livepatch : may_be_in_module(section.type);
    if (!is_right)
        verdict.add("form.section-type", section.name,
                    fmt::format("sh_type is {}{}", section.type,
                                section.is_allocated() ? ", and it is loaded" : ", which no module has"));
    if (section.type == SHT_NOBITS && (section.is_code() || (section.is_allocated() && !section.is_writable())))
        verdict.add("form.nobits", section.name, "it is code or read-only data, but has no bytes in the file");
}

// ---- flags ----

void check_flags(const elf::Section& section, Verdict& verdict) {
    if (section.is_writable() && (section.flags & SHF_EXECINSTR))
        verdict.add("form.write-exec", section.name, fmt::format("sh_flags is {:#x}", section.flags));
    const bool is_left_out = section.is_allocated() && (section.flags & shf_exclude);
    if ((section.flags & ~known_flags & ~uint64_t{SHF_MASKPROC}) || is_left_out)
        verdict.add("form.section-flags", section.name,
                    fmt::format("sh_flags {:#x} has a bit that no module has", section.flags));
    if ((section.flags & shf_ro_after_init) && section.is_writable() && section.name != ".data..ro_after_init" &&
        section.name != "__jump_table")
        verdict.add("form.ro-after-init", section.name, fmt::format("sh_flags is {:#x}", section.flags));
    const bool is_read = section.is_allocated() || section.type == SHT_SYMTAB || section.type == SHT_STRTAB ||
                         section.type == SHT_RELA || section.name == ".BTF";
    if ((section.flags & SHF_COMPRESSED) && is_read)
        verdict.add("form.compressed", section.name, "it has SHF_COMPRESSED, which the loader does not know");
}

// ---- names that say what a section is: System V ABI, "Special Sections", and the kernel's sections beside them ----

struct NamedKind {
    std::string_view name; // and all that begin with it and a dot
    uint32_t type;
    uint64_t flags;
};

constexpr uint64_t kind_flags = SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR;

constexpr NamedKind named_kinds[] = {
    {".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR},
    {".init.text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR},
    {".exit.text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR},
    {".noinstr.text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR},
    {".sched.text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR},
    {".kprobes.text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR},
    {".altinstr_replacement", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR},
    {".altinstr_aux", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR},
    {".static_call.text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR},
    {".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE},
    {".init.data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE},
    {".exit.data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE},
    {".ref.data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE},
    {".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE},
    {".rodata", SHT_PROGBITS, SHF_ALLOC},
    {".init.rodata", SHT_PROGBITS, SHF_ALLOC},
    {".modinfo", SHT_PROGBITS, SHF_ALLOC},
};

const NamedKind* kind_of(std::string_view name) {
    for (const NamedKind& kind : named_kinds)
        if (name == kind.name || (name.starts_with(kind.name) && name[kind.name.size()] == '.'))
            return &kind;
    return nullptr;
}

void check_named_kind(const elf::Section& section, Verdict& verdict) {
    if (section.name.starts_with(".rela") && section.type != SHT_RELA)
        verdict.add("form.section-kind", section.name, fmt::format("sh_type is {}, not SHT_RELA", section.type));
    const NamedKind* kind = kind_of(section.name);
    if (!kind || section.type == SHT_RELA)
        return;
    // A linker makes one section with bytes of several with and without.
    const bool has_type = section.type == kind->type || (kind->type == SHT_NOBITS && section.type == SHT_PROGBITS);
    const uint64_t missing = kind->flags & ~section.flags;
    const bool is_code_or_not = (kind->flags & SHF_EXECINSTR) == (section.flags & SHF_EXECINSTR);
    if (!has_type || missing || !is_code_or_not)
        verdict.add("form.section-kind", section.name,
                    fmt::format("sh_type is {}, sh_flags {:#x}; by its name it is {}, {:#x}", section.type,
                                section.flags & kind_flags, kind->type, kind->flags));
}

// ---- sizes and alignments ----

void check_entry_size(const elf::Section& section, Verdict& verdict) {
    uint64_t wanted = 0;
    if (section.type == SHT_RELA)
        wanted = sizeof(Elf64_Rela);
    else if (section.type == SHT_SYMTAB)
        wanted = sizeof(Elf64_Sym);
    // SHF_MERGE says nothing about it: ld.lld keeps that flag and writes 0 where it puts strings of several kinds
    // together.
    if ((wanted != 0 && section.entry_size != wanted) ||
        (section.entry_size != 0 && section.entry_size > std::max<uint64_t>(section.size, sizeof(Elf64_Rela))))
        verdict.add("form.entry-size", section.name, fmt::format("sh_entsize is {}", section.entry_size));
    else if (section.entry_size != 0 && section.size % section.entry_size != 0)
        verdict.add("form.entry-size", section.name,
                    fmt::format("its size {} is no multiple of sh_entsize {}", section.size, section.entry_size));
}

void check_alignment(const elf::Section& section, const Elf64_Shdr& raw, Verdict& verdict) {
    if (section.is_allocated() && section.alignment > page_size)
        verdict.add("form.alignment", section.name, fmt::format("its alignment is {}", section.alignment));
    if (section.is_allocated() && raw.sh_addralign == 0)
        verdict.add("form.no-alignment", section.name, "sh_addralign is 0");
}

// ---- where sections are in the file ----

struct Extent {
    uint64_t start;
    uint64_t end;
    uint64_t alignment;
    std::string_view name;
};

std::vector<Extent> extents_of(const Subject& subject) {
    const RawFile& raw = subject.raw;
    std::vector<Extent> extents = {{0, sizeof(Elf64_Ehdr), 1, "the ELF header"},
                                   {raw.header.e_shoff, raw.header.e_shoff + raw.sections.size() * sizeof(Elf64_Shdr),
                                    alignof(Elf64_Shdr), "the section headers"},
                                   {raw.length, subject.module.file().size(), 1, "the signature"}};
    for (const elf::Section& section : subject.module.sections()) {
        // One without bytes has a place too, and an alignment that explains what is before it.
        if (section.index == 0 || section.index >= raw.sections.size())
            continue;
        const uint64_t start = raw.sections[section.index].sh_offset;
        if (start <= subject.module.file().size())
            extents.push_back({start, start + section.data.size(), section.alignment, section.name});
    }
    std::ranges::sort(
        extents, [](const Extent& a, const Extent& b) { return std::tie(a.start, a.end) < std::tie(b.start, b.end); });
    return extents;
}

void check_hole(const Subject& subject, uint64_t from, const Extent& next, Verdict& verdict) {
    elf::Bytes bytes = subject.module.file().subspan(from, next.start - from);
    if (std::ranges::any_of(bytes, [](std::byte byte) { return byte != std::byte{0}; }))
        verdict.add("form.stray-bytes", next.name,
                    fmt::format("the {} bytes at {:#x}, before {}, are not zero", bytes.size(), from, next.name));
    else if (bytes.size() >= next.alignment)
        verdict.add("form.file-hole", next.name, fmt::format("{} bytes at {:#x} are unused", bytes.size(), from));
}

void check_extents(const Subject& subject, Verdict& verdict) {
    uint64_t end = 0;
    std::string_view last;
    for (const Extent& extent : extents_of(subject)) {
        if (extent.start < end && extent.end > extent.start)
            verdict.add("form.section-overlap", extent.name,
                        fmt::format("its bytes from {:#x} on are those of {} too", extent.start, last));
        else if (extent.start > end)
            check_hole(subject, end, extent, verdict);
        if (extent.end > end) {
            end = extent.end;
            last = extent.name;
        }
    }
}

void check_memory(const Subject& subject, Verdict& verdict) {
    uint64_t size = 0;
    for (const elf::Section& section : subject.module.sections())
        if (section.is_allocated() && size <= most_memory)
            size += std::min(section.size, most_memory + 1);
    if (size > most_memory)
        verdict.add("form.memory", "", "its sections want more memory than there is for modules");
}

// A section that starts where no linker puts one was moved; elf::Object has checked the bounds. In the file of a module
// bytes need no alignment, the loader copies them; binutils 2.44 puts all that wants 8 and more at multiples of 8,
// older ones at multiples of what is wanted.
void check_offset(const elf::Section& section, const Elf64_Shdr& raw, Verdict& verdict) {
    constexpr uint64_t most_in_file = 8;
    const uint64_t wanted = std::min(section.alignment, most_in_file);
    if (!section.data.empty() && raw.sh_offset % wanted != 0)
        verdict.add("form.section-offset", section.name,
                    fmt::format("sh_offset {:#x} is no multiple of {}", raw.sh_offset, wanted));
}

// ---- string tables ----

void check_strings(const Subject& subject, uint32_t index, Verdict& verdict) {
    if (index == 0 || index >= subject.module.sections().size())
        return;
    const elf::Section& section = subject.module.section(index);
    if (section.type != SHT_STRTAB)
        verdict.add("form.string-table", section.name, fmt::format("sh_type is {}", section.type));
    if (section.data.empty() || section.data.front() != std::byte{0} || section.data.back() != std::byte{0})
        verdict.add("form.string-table", section.name, "it does not begin and end with a zero byte");
    if (section.is_allocated() || section.entry_size != 0)
        verdict.add("form.string-table", section.name,
                    fmt::format("sh_flags is {:#x}, sh_entsize {}", section.flags, section.entry_size));
}

void check_string_tables(const Subject& subject, Verdict& verdict) {
    const uint32_t names = subject.raw.header.e_shstrndx;
    check_strings(subject, names, verdict);
    const uint32_t symbols = subject.module.symbol_table_section();
    if (symbols != 0 && subject.module.section(symbols).link != names)
        check_strings(subject, subject.module.section(symbols).link, verdict);
    const auto tables = std::ranges::count(subject.module.sections(), uint32_t{SHT_SYMTAB}, &elf::Section::type);
    if (tables != 1)
        verdict.add("form.symbol-table", "", fmt::format("there are {} symbol tables", tables));
    else if (subject.module.section(symbols).is_allocated())
        verdict.add("form.symbol-table", subject.module.section(symbols).name, "it has SHF_ALLOC");
}

// ---- per-cpu data ----

void check_per_cpu(const Subject& subject, Verdict& verdict) {
    constexpr std::string_view known = ".data..percpu";
    const elf::Section* loaded = nullptr;
    for (const elf::Section& section : subject.module.sections()) {
        if (!section.is_allocated() || !section.name.starts_with(known))
            continue;
        if (section.name != known || loaded) {
            if (section.size != 0)
                verdict.add("form.percpu-section", section.name,
                            loaded && section.name == known ? "there are two of that name"
                                                            : "only .data..percpu is per-cpu memory in a module");
            continue;
        }
        loaded = &section;
        if (section.type == SHT_NOBITS && section.size != 0)
            verdict.add("form.percpu-content", section.name, "it has no bytes in the file, and they are copied");
    }
    if (!loaded)
        return;
    for (const elf::RelocationTable& table : subject.module.relocation_tables())
        if (table.target == loaded->index && !table.entries.empty())
            verdict.add("form.percpu-content", loaded->name,
                        fmt::format("{} is not applied", subject.module.section(table.section).name));
}

} // namespace

void check_sections(const Subject& subject, Verdict& verdict) {
    for (const elf::Section& section : subject.module.sections()) {
        if (section.index == 0 || section.index >= subject.raw.sections.size())
            continue;
        const Elf64_Shdr& raw = subject.raw.sections[section.index];
        check_type(section, verdict);
        check_flags(section, verdict);
        check_named_kind(section, verdict);
        check_entry_size(section, verdict);
        check_alignment(section, raw, verdict);
        check_offset(section, raw, verdict);
    }
    check_extents(subject, verdict);
    check_memory(subject, verdict);
    check_string_tables(subject, verdict);
    check_per_cpu(subject, verdict);
}

} // namespace klp::verify
