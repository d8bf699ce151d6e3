// Every byte of a sound module's ELF header, section headers and symbol table is changed, one at a time. Either
// klp-verify says something, or the change belongs to one of the classes below, which the loader does not notice and
// why.
#include "arch/special_sections.h"
#include "module_image.h"
#include "verify/verify.h"

#include <cstddef>
#include <doctest/doctest.h>
#include <map>
#include <optional>
#include <set>

using namespace klp;
using test::FullModule;
using test::ModuleImage;

namespace {

// What changed, seen as its field.
struct Change {
    const ModuleImage& sound;
    const ModuleImage& changed;
    size_t offset; // in the structure
};

bool is_in(size_t offset, size_t field, size_t size) {
    return offset >= field && offset < field + size;
}
#define IS_FIELD(offset, type, field) is_in(offset, offsetof(type, field), sizeof(type::field))

std::optional<std::string> harmless_in_header(const Change&) {
    return std::nullopt; // there is none
}

// Flags that say something to linkers only. kernel/module/main.c reads SHF_ALLOC, SHF_WRITE, SHF_EXECINSTR,
// SHF_RO_AFTER_INIT (of writable sections) and SHF_RELA_LIVEPATCH.
constexpr uint64_t linkers_flags =
    SHF_MERGE | SHF_STRINGS | SHF_INFO_LINK | SHF_LINK_ORDER | SHF_GROUP | SHF_MASKPROC | 0x00200000;

std::optional<std::string> harmless_in_section(const Change& change, uint32_t index) {
    const Elf64_Shdr before = change.sound.section(index);
    const Elf64_Shdr after = change.changed.section(index);
    const bool is_loaded = before.sh_flags & SHF_ALLOC;
    if (IS_FIELD(change.offset, Elf64_Shdr, sh_addr))
        return "sh_addr: rewrite_section_headers() and move_module() set it";
    if (IS_FIELD(change.offset, Elf64_Shdr, sh_entsize) && before.sh_type != SHT_RELA && before.sh_type != SHT_SYMTAB)
        return "sh_entsize: layout_sections() sets it";
    if (IS_FIELD(change.offset, Elf64_Shdr, sh_link) && before.sh_type != SHT_SYMTAB)
        return "sh_link: only the symbol table's is read";
    if (IS_FIELD(change.offset, Elf64_Shdr, sh_info) && before.sh_type != SHT_RELA)
        return "sh_info: only that of relocation sections is read";
    const std::string_view name = change.sound.name_of(index);
    if (IS_FIELD(change.offset, Elf64_Shdr, sh_size) && after.sh_size > before.sh_size)
        return "sh_size: takes in padding, which is zero";
    if (IS_FIELD(change.offset, Elf64_Shdr, sh_flags)) {
        const uint64_t differences = before.sh_flags ^ after.sh_flags;
        if (differences == SHF_ALLOC && (name == ".BTF" || name == ".orc_header"))
            return "sh_flags: .BTF is found either way, .orc_header is for tools";
        if (differences == SHF_WRITE && name == elf::build_functions_section)
            return "sh_flags: data that nobody writes to becomes read-only";
        if ((differences & ~linkers_flags) == 0)
            return "sh_flags: for linkers";
        const bool is_read_only_data = is_loaded && !(before.sh_flags & (SHF_WRITE | SHF_EXECINSTR));
        if (is_read_only_data && (differences & ~(linkers_flags | SHF_WRITE)) == 0)
            return "sh_flags: data that nobody writes to becomes writable";
        if (!is_loaded && !(after.sh_flags & SHF_ALLOC))
            return "sh_flags: of what is not loaded";
    }
    if (IS_FIELD(change.offset, Elf64_Shdr, sh_name) && name == ".data..percpu")
        return "sh_name: of per-cpu data, which is ordinary data then; nothing else says what it was";
    if (IS_FIELD(change.offset, Elf64_Shdr, sh_name) &&
        (name == ".altinstr_replacement" || !arch::find_read_while_loading(name)))
        return "sh_name: of a section that the loader does not look for";
    if (IS_FIELD(change.offset, Elf64_Shdr, sh_name) &&
        (before.sh_type == SHT_SYMTAB || before.sh_type == SHT_STRTAB || before.sh_type == SHT_NOBITS))
        return "sh_name: the loader finds it by its type, or by the header's index, or only copies it";
    if (before.sh_type == SHT_NOBITS && IS_FIELD(change.offset, Elf64_Shdr, sh_offset))
        return "sh_offset: of a section without bytes";
    if (before.sh_type == SHT_NOBITS && IS_FIELD(change.offset, Elf64_Shdr, sh_size))
        return "sh_size: zeroed memory, in which every symbol still lies";
    if (IS_FIELD(change.offset, Elf64_Shdr, sh_type) && !is_loaded && before.sh_type == SHT_PROGBITS)
        return "sh_type: of what is not loaded, and no table of the loader's";
    if (IS_FIELD(change.offset, Elf64_Shdr, sh_addralign) && !is_loaded)
        return "sh_addralign: of what is not loaded";
    return std::nullopt;
}

std::optional<std::string> harmless_in_symbol(const Change& change, uint32_t index) {
    const Elf64_Sym before = change.sound.symbol(index);
    const Elf64_Sym after = change.changed.symbol(index);
    const bool is_here = before.st_shndx != SHN_UNDEF && before.st_shndx < SHN_LORESERVE;
    if (IS_FIELD(change.offset, Elf64_Sym, st_other))
        return "st_other: visibility is for linkers";
    if (IS_FIELD(change.offset, Elf64_Sym, st_name) && is_here)
        return "st_name: of what is defined here, for kallsyms";
    if (IS_FIELD(change.offset, Elf64_Sym, st_size))
        return "st_size: kallsyms goes by the next symbol";
    if (IS_FIELD(change.offset, Elf64_Sym, st_info))
        return ELF64_ST_BIND(before.st_info) == ELF64_ST_BIND(after.st_info) || is_here
                   ? std::optional("st_info: between kinds that the loader does not tell apart")
                   : std::nullopt;
    // The module that results is another one, but one that the loader handles: every place is within it.
    if (is_here && IS_FIELD(change.offset, Elf64_Sym, st_value))
        return "st_value: another place in the same section";
    if (is_here && IS_FIELD(change.offset, Elf64_Sym, st_shndx) && after.st_shndx != SHN_UNDEF)
        return "st_shndx: the same place in another section that is kept, or an absolute one";
    return std::nullopt;
}

struct Sweep {
    const ModuleImage sound{FullModule().builder.bytes()};
    const test::FakeKernel kernel = test::full_target();
    std::map<std::string, size_t> classes;
    size_t tried = 0, found = 0;

    bool is_found(std::vector<std::byte> bytes) const {
        try {
            const elf::Object module = elf::Object::from_bytes("x.ko", std::move(bytes));
            return !verify::check(module, {.kernel = &kernel}).empty();
        } catch (const report::Refusal&) {
            return true;
        }
    }

    template <typename Harmless>
    void run(const std::string& what, size_t start, size_t size, const Harmless& harmless) {
        CAPTURE(what);
        for (size_t at = start; at < start + size; ++at)
            for (unsigned mask : {0x01u, 0x02u, 0x10u, 0x80u, 0xffu}) {
                ModuleImage changed = sound;
                changed.bytes[at] ^= std::byte(mask);
                ++tried;
                if (is_found(changed.bytes)) {
                    ++found;
                    continue;
                }
                const std::optional<std::string> why = harmless(Change{sound, changed, at - start});
                CHECK_MESSAGE(why, "nothing is said of byte ", at - start, " of ", size, " at ", start, ", changed by ",
                              mask);
                if (why)
                    ++classes[*why];
            }
    }
};

} // namespace

TEST_CASE("a changed byte of a header or symbol is reported, or is none that the loader notices") {
    Sweep sweep;
    REQUIRE_FALSE(sweep.is_found(sweep.sound.bytes));
    sweep.run("ELF header", 0, sizeof(Elf64_Ehdr), harmless_in_header);
    const Elf64_Ehdr header = sweep.sound.header();
    for (uint32_t index = 0; index < header.e_shnum; ++index)
        sweep.run(std::string(sweep.sound.name_of(index)), header.e_shoff + index * sizeof(Elf64_Shdr),
                  sizeof(Elf64_Shdr), [&](const Change& change) { return harmless_in_section(change, index); });
    for (uint32_t index = 0; index < sweep.sound.symbols(); ++index)
        sweep.run("symbol " + std::to_string(index),
                  sweep.sound.section(".symtab").sh_offset + index * sizeof(Elf64_Sym), sizeof(Elf64_Sym),
                  [&](const Change& change) { return harmless_in_symbol(change, index); });
    MESSAGE(sweep.tried << " changes, " << sweep.found << " reported");
    for (const auto& [why, count] : sweep.classes)
        MESSAGE(count << " " << why);
}

TEST_CASE("no changed byte anywhere makes klp-verify crash") {
    Sweep sweep;
    for (size_t at = 0; at < sweep.sound.bytes.size(); ++at)
        for (unsigned mask : {0x01u, 0xffu}) {
            std::vector<std::byte> bytes = sweep.sound.bytes;
            bytes[at] ^= std::byte(mask);
            sweep.is_found(std::move(bytes));
        }
    for (size_t size = 0; size < sweep.sound.bytes.size(); size += 7)
        CHECK(
            sweep.is_found({sweep.sound.bytes.begin(), sweep.sound.bytes.begin() + static_cast<std::ptrdiff_t>(size)}));
}
