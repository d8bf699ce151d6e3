// One sound module with every kind of section that the loader reads, and the same module with one fault: klp-verify
// must name it. docs/verify.md lists the loader's steps in the order of the cases here.
#include "module_image.h"
#include "verify/verify.h"

#include <doctest/doctest.h>
#include <functional>
#include <set>

using namespace klp;
using test::FullModule;
using test::ModuleImage;

namespace {

using Bytes = std::vector<std::byte>;
using Codes = std::set<std::string>;

struct Fault {
    std::string name;
    std::string rule; // that must be among those that fire
    std::function<void(ModuleImage&)> damage;
};

Codes codes_of(Bytes bytes) {
    static const test::FakeKernel kernel = test::full_target();
    Codes codes;
    try {
        const elf::Object module = elf::Object::from_bytes("x.ko", std::move(bytes));
        for (const report::Finding& finding : verify::check(module, {.kernel = &kernel}))
            codes.insert(finding.code);
    } catch (const report::Refusal& refusal) {
        for (const report::Finding& finding : refusal.findings())
            codes.insert(finding.code);
    }
    return codes;
}

size_t check_all(const std::vector<Fault>& faults) {
    const Bytes sound = FullModule().builder.bytes();
    for (const Fault& fault : faults) {
        CAPTURE(fault.name);
        ModuleImage image(sound);
        fault.damage(image);
        CHECK(image.bytes != sound);
        const Codes codes = codes_of(image.bytes);
        CHECK_MESSAGE(codes.contains(fault.rule), "expected ", fault.rule, ", found ", doctest::toString(codes));
    }
    return faults.size();
}

template <typename Field>
Fault header(const char* name, Field Elf64_Ehdr::* field, uint64_t value, const char* rule) {
    return {name, rule, [=](ModuleImage& image) {
                image.edit_header([&](Elf64_Ehdr& wanted) { wanted.*field = static_cast<Field>(value); });
            }};
}

Fault identification(const char* name, size_t at, unsigned value, const char* rule) {
    return {name, rule, [=](ModuleImage& image) { image.bytes[at] = std::byte(value); }};
}

template <typename Field>
Fault section(const std::string& which, const char* name, Field Elf64_Shdr::* field,
              const std::function<Field(Field)>& to, const char* rule) {
    return {which + ": " + name, rule, [=](ModuleImage& image) {
                image.edit_section(which, [&](Elf64_Shdr& wanted) { wanted.*field = to(wanted.*field); });
            }};
}
Fault type(const char* which, uint32_t value, const char* rule) {
    return section<uint32_t>(which, "sh_type", &Elf64_Shdr::sh_type, [=](uint32_t) { return value; }, rule);
}
Fault flags(const char* which, uint64_t set, uint64_t cleared, const char* rule) {
    return section<uint64_t>(
        which, "sh_flags", &Elf64_Shdr::sh_flags, [=](uint64_t old) { return (old | set) & ~cleared; }, rule);
}
Fault entry_size(const char* which, uint64_t value, const char* rule) {
    return section<uint64_t>(which, "sh_entsize", &Elf64_Shdr::sh_entsize, [=](uint64_t) { return value; }, rule);
}
Fault size(const char* which, int64_t more, const char* rule) {
    return section<uint64_t>(
        which, "sh_size", &Elf64_Shdr::sh_size, [=](uint64_t old) { return old + static_cast<uint64_t>(more); }, rule);
}
Fault offset(const char* which, int64_t more, const char* rule) {
    return section<uint64_t>(
        which, "sh_offset", &Elf64_Shdr::sh_offset, [=](uint64_t old) { return old + static_cast<uint64_t>(more); },
        rule);
}

template <typename Field>
Fault symbol(const char* which, const char* name, Field Elf64_Sym::* field, uint64_t value, const char* rule) {
    return {std::string(which) + ": " + name, rule, [=](ModuleImage& image) {
                image.edit_symbol(which, [&](Elf64_Sym& wanted) { wanted.*field = static_cast<Field>(value); });
            }};
}

Fault relocation(const char* table, size_t index, const char* name, const std::function<void(Elf64_Rela&)>& to,
                 const char* rule) {
    return {std::string(table) + ": " + name, rule,
            [=](ModuleImage& image) { image.edit_relocation(table, index, to); }};
}
Fault addend(const char* table, size_t index, int64_t value, const char* rule) {
    return relocation(table, index, "r_addend", [=](Elf64_Rela& entry) { entry.r_addend = value; }, rule);
}
Fault place(const char* table, size_t index, uint64_t value, const char* rule) {
    return relocation(table, index, "r_offset", [=](Elf64_Rela& entry) { entry.r_offset = value; }, rule);
}
Fault kind(const char* table, size_t index, uint32_t value, const char* rule) {
    return relocation(
        table, index, "r_type",
        [=](Elf64_Rela& entry) { entry.r_info = ELF64_R_INFO(ELF64_R_SYM(entry.r_info), value); }, rule);
}

Fault text(const char* from, const char* to, const char* rule) {
    return {std::string(from) + " -> " + to, rule, [=](ModuleImage& image) { image.replace(from, to); }};
}
Fault content(const char* which, uint64_t at, unsigned value, const char* rule) {
    return {std::string(which) + ": content", rule,
            [=](ModuleImage& image) { image.bytes[image.section(which).sh_offset + at] = std::byte(value); }};
}

} // namespace

TEST_CASE("the module that is broken here is sound") {
    CHECK(codes_of(FullModule().builder.bytes()) == Codes{});
}

TEST_CASE("faults of the ELF header and the section table") {
    check_all({
        identification("magic", EI_MAG1, 'F', "elf.not-elf"),
        identification("class", EI_CLASS, ELFCLASS32, "elf.unsupported"),
        identification("byte order", EI_DATA, 3, "elf.corrupt"),
        identification("version", EI_VERSION, 2, "elf.corrupt"),
        identification("no version", EI_VERSION, 0, "elf.corrupt"),
        identification("ABI", EI_OSABI, 9, "form.elf-header"),
        identification("ABI's version", EI_ABIVERSION, 1, "form.elf-header"),
        identification("padding", EI_PAD, 1, "form.elf-header"),
        identification("last byte of padding", EI_NIDENT - 1, 1, "form.elf-header"),
        header("executable", &Elf64_Ehdr::e_type, ET_EXEC, "form.not-a-module"),
        header("shared", &Elf64_Ehdr::e_type, ET_DYN, "form.not-a-module"),
        header("core file", &Elf64_Ehdr::e_type, ET_CORE, "form.not-a-module"),
        header("unknown machine", &Elf64_Ehdr::e_machine, 3, "arch.unsupported"),
        header("another machine", &Elf64_Ehdr::e_machine, EM_AARCH64, "match.machine"),
        header("e_version", &Elf64_Ehdr::e_version, 0, "form.elf-header"),
        header("e_entry", &Elf64_Ehdr::e_entry, 0x1000, "form.elf-header"),
        header("e_phoff", &Elf64_Ehdr::e_phoff, 64, "form.elf-header"),
        header("e_phnum", &Elf64_Ehdr::e_phnum, 1, "form.elf-header"),
        header("e_phentsize", &Elf64_Ehdr::e_phentsize, 32, "form.elf-header"),
        header("e_flags", &Elf64_Ehdr::e_flags, 1, "form.elf-header"),
        header("e_ehsize", &Elf64_Ehdr::e_ehsize, 52, "form.elf-header"),
        header("e_shentsize 0", &Elf64_Ehdr::e_shentsize, 0, "form.section-table"),
        header("e_shentsize of 32 bits", &Elf64_Ehdr::e_shentsize, 40, "form.section-table"),
        header("e_shstrndx 0", &Elf64_Ehdr::e_shstrndx, 0, "elf.corrupt"),
        header("e_shstrndx too large", &Elf64_Ehdr::e_shstrndx, 999, "elf.corrupt"),
        header("e_shoff beyond", &Elf64_Ehdr::e_shoff, uint64_t{1} << 40, "elf.corrupt"),
        {"more sections than there are", "elf.corrupt",
         [](ModuleImage& image) { image.edit_header([](Elf64_Ehdr& wanted) { wanted.e_shnum += 100; }); }},
        {"a section less", "elf.corrupt",
         [](ModuleImage& image) { image.edit_header([](Elf64_Ehdr& wanted) { wanted.e_shnum -= 1; }); }},
        {"e_shoff unaligned", "form.section-table", [](ModuleImage& image) { image.move_section_table(4); }},
        {"extended numbering", "form.section-table", [](ModuleImage& image) { image.number_in_section_0(); }},
    });
}

TEST_CASE("faults of section 0") {
    auto null = [](const char* name, auto field) {
        return Fault{name, "form.null-section", [=](ModuleImage& image) {
                         image.edit_section(0, [&](Elf64_Shdr& wanted) { wanted.*field = 1; });
                     }};
    };
    check_all({null("type", &Elf64_Shdr::sh_type), null("flags", &Elf64_Shdr::sh_flags),
               null("address", &Elf64_Shdr::sh_addr), null("size", &Elf64_Shdr::sh_size),
               null("link", &Elf64_Shdr::sh_link), null("info", &Elf64_Shdr::sh_info),
               null("entry size", &Elf64_Shdr::sh_entsize), null("name", &Elf64_Shdr::sh_name)});
}

TEST_CASE("faults of section headers: types") {
    check_all({
        type(".text.f", SHT_NOBITS, "form.nobits"),
        type(".text.f", SHT_NOTE, "form.section-kind"),
        type(".text.f", SHT_NULL, "form.section-type"),
        type(".text.f", 0x12345, "form.section-type"),
        type(".rodata", SHT_NOBITS, "form.nobits"),
        type(".rodata", SHT_STRTAB, "form.section-type"),
        type(".data", SHT_NOBITS, "form.section-kind"),
        type(".data", SHT_DYNAMIC, "form.section-type"),
        type(".modinfo", SHT_NOBITS, "form.section-kind"),
        type(".gnu.linkonce.this_module", SHT_NOBITS, "form.this-module"),
        type(".gnu.linkonce.this_module", SHT_NOTE, "form.this-module"),
        type("__versions", SHT_NOBITS, "form.table-flags"),
        type("__jump_table", SHT_NOBITS, "form.table-flags"),
        type("__mcount_loc", SHT_NULL, "form.table-flags"),
        type(".rela.text.f", SHT_PROGBITS, "form.section-kind"),
        type(".rela.text.f", 0x70000004, "form.section-kind"),
        type(".klp.rela.vmlinux..text.f", SHT_PROGBITS, "form.section-type"),
        type(".symtab", SHT_PROGBITS, "elf.corrupt"),
        type(".symtab", SHT_DYNSYM, "elf.corrupt"),
        type(".strtab", SHT_PROGBITS, "elf.corrupt"),
        type(".shstrtab", SHT_PROGBITS, "elf.corrupt"),
    });
}

TEST_CASE("faults of section headers: flags") {
    std::vector<Fault> faults = {
        flags(".text.f", SHF_WRITE, 0, "form.write-exec"),
        flags(".init.text", SHF_WRITE, 0, "form.write-exec"),
        flags(".text.f", 0, SHF_ALLOC, "form.section-kind"),
        flags(".text.f", 0, SHF_EXECINSTR, "form.section-kind"),
        flags(".text.f", SHF_TLS, 0, "form.section-flags"),
        flags(".text.f", SHF_OS_NONCONFORMING, 0, "form.section-flags"),
        flags(".text.f", 0x80000000, 0, "form.section-flags"),
        flags(".data", SHF_EXECINSTR, 0, "form.write-exec"),
        flags(".data", 0, SHF_WRITE, "form.section-kind"),
        flags(".data", 0, SHF_ALLOC, "form.section-kind"),
        flags(".data", 0x00200000, 0, "form.ro-after-init"),
        flags(".bss", 0, SHF_WRITE, "form.nobits"),
        flags(".bss", 0, SHF_ALLOC, "form.section-kind"),
        flags(".rodata", SHF_EXECINSTR, 0, "form.section-kind"),
        flags(".rodata", 0, SHF_ALLOC, "form.section-kind"),
        flags(".rodata", uint64_t{1} << 40, 0, "form.section-flags"),
        flags(".data..percpu", 0, SHF_WRITE, "form.section-kind"),
        flags(".modinfo", 0, SHF_ALLOC, "form.section-kind"),
        flags(".gnu.linkonce.this_module", 0, SHF_ALLOC, "form.this-module"),
        flags(".gnu.linkonce.this_module", 0, SHF_WRITE, "form.this-module"),
        flags(".gnu.linkonce.this_module", SHF_EXECINSTR, 0, "form.this-module"),
        flags(".strtab", SHF_ALLOC, 0, "form.section-type"),
        flags(".symtab", SHF_ALLOC, 0, "form.section-type"),
        flags(".rela.text.f", SHF_ALLOC, 0, "form.section-type"),
        flags(".rela.text.f", elf::shf_rela_livepatch, 0, "form.section-flags"),
        flags(".klp.rela.vmlinux..text.f", 0, elf::shf_rela_livepatch, "elf.corrupt"),
        flags(".klp.rela.vmlinux..text.f", 0, SHF_ALLOC, "form.section-flags"),
        flags(".text.f", SHF_COMPRESSED, 0, "form.compressed"),
        flags(".data", SHF_COMPRESSED, 0, "form.compressed"),
        flags(".rodata", SHF_COMPRESSED, 0, "form.compressed"),
        flags("__versions", SHF_COMPRESSED, 0, "form.compressed"),
        flags(".modinfo", SHF_COMPRESSED, 0, "form.compressed"),
        flags(".shstrtab", SHF_COMPRESSED, 0, "elf.corrupt"),
        flags(".strtab", SHF_COMPRESSED, 0, "form.compressed"),
        flags(".symtab", SHF_COMPRESSED, 0, "elf.corrupt"),
    };
    for (const char* table : {"__jump_table", "__mcount_loc", "__bug_table", "__ex_table", ".altinstructions",
                              ".return_sites", ".retpoline_sites", ".call_sites", ".ibt_endbr_seal", ".smp_locks",
                              ".static_call_sites", ".orc_unwind", ".orc_unwind_ip", "__versions", ".klp.build.funcs"})
        faults.push_back(flags(table, 0, SHF_ALLOC, "form.table-flags"));
    for (const char* table : {"__jump_table", "__bug_table", ".static_call_sites"})
        faults.push_back(flags(table, 0, SHF_WRITE, "form.table-flags"));
    check_all(faults);
}

TEST_CASE("faults of section headers: places, sizes, links") {
    using Shdr = Elf64_Shdr;
    check_all({
        offset(".text.f", 8, "form.section-overlap"),
        offset(".text.g", -8, "form.section-overlap"),
        offset(".data", 4, "form.section-offset"),
        offset(".modinfo", 1, "form.section-offset"),
        offset(".text.f", 1 << 30, "elf.corrupt"),
        offset(".text.f", -1000000, "elf.corrupt"),
        size(".text.f", 8, "form.section-overlap"),
        size(".text.f", -8, "form.file-hole"),
        size(".text.f", 1 << 30, "elf.corrupt"),
        size(".symtab", -1, "elf.corrupt"),
        size(".symtab", -24, "elf.corrupt"),
        size(".strtab", -1, "form.string-table"),
        size(".shstrtab", -1, "elf.corrupt"),
        size(".rela.text.f", -1, "elf.corrupt"),
        size(".rela.text.f", -24, "form.stray-bytes"),
        size(".modinfo", -1, "form.modinfo"),
        size(".modinfo", -5, "form.modinfo"),
        size(".bss", int64_t{1} << 40, "form.memory"),
        entry_size(".rela.text.f", 16, "form.entry-size"),
        entry_size(".rela.text.f", 0, "form.entry-size"),
        entry_size(".symtab", 16, "form.entry-size"),
        entry_size(".symtab", 0, "form.entry-size"),
        entry_size(".klp.rela.vmlinux..text.f", 8, "form.entry-size"),
        entry_size(".text.f", 7, "form.entry-size"),
        entry_size("__jump_table", 12, "form.entry-size"),
        entry_size(".strtab", 1, "form.string-table"),
        section<uint64_t>(
            ".text.f", "alignment", &Shdr::sh_addralign, [](uint64_t) { return 3; }, "elf.corrupt"),
        section<uint64_t>(
            ".text.f", "alignment", &Shdr::sh_addralign, [](uint64_t) { return 8192; }, "form.alignment"),
        section<uint64_t>(
            ".text.f", "alignment", &Shdr::sh_addralign, [](uint64_t) { return 0; }, "form.no-alignment"),
        section<uint64_t>(
            ".gnu.linkonce.this_module", "alignment", &Shdr::sh_addralign, [](uint64_t) { return 1; },
            "form.this-module"),
        section<uint32_t>(
            ".rela.text.f", "sh_link", &Shdr::sh_link, [](uint32_t) { return 0; }, "elf.corrupt"),
        section<uint32_t>(
            ".symtab", "sh_link", &Shdr::sh_link, [](uint32_t) { return 0; }, "elf.corrupt"),
        section<uint32_t>(
            ".symtab", "sh_link", &Shdr::sh_link, [](uint32_t) { return 1; }, "elf.corrupt"),
        section<uint32_t>(
            ".symtab", "sh_info", &Shdr::sh_info, [](uint32_t old) { return old + 1; }, "form.symbol-order"),
        section<uint32_t>(
            ".rela.text.f", "sh_info", &Shdr::sh_info, [](uint32_t) { return 0; }, "elf.corrupt"),
        section<uint32_t>(
            ".rela.text.f", "sh_info", &Shdr::sh_info, [](uint32_t) { return 999; }, "elf.corrupt"),
        section<uint32_t>(
            ".klp.rela.vmlinux..text.f", "sh_link", &Shdr::sh_link, [](uint32_t) { return 1; }, "form.section-link"),
        section<uint32_t>(
            ".klp.rela.vmlinux..text.f", "sh_info", &Shdr::sh_info, [](uint32_t) { return 0; }, "form.section-info"),
        section<uint32_t>(
            ".text.f", "sh_name", &Shdr::sh_name, [](uint32_t) { return 1u << 20; }, "elf.corrupt"),
        {".rela.text.f: for another section", "form.relocation-section",
         [](ModuleImage& image) {
             const uint32_t other = image.index_of(".rodata");
             image.edit_section(".rela.text.f", [&](Shdr& wanted) { wanted.sh_info = other; });
         }},
        {"two sections with the same bytes", "form.section-overlap",
         [](ModuleImage& image) {
             const uint64_t other = image.section(".rodata").sh_offset;
             image.edit_section(".data", [&](Shdr& wanted) { wanted.sh_offset = other; });
         }},
        {"section names without an end", "elf.corrupt",
         [](ModuleImage& image) {
             const Elf64_Shdr names = image.section(".shstrtab");
             image.bytes[names.sh_offset + names.sh_size - 1] = std::byte{'x'};
         }},
        {"symbol names without an end", "form.string-table",
         [](ModuleImage& image) {
             const Elf64_Shdr names = image.section(".strtab");
             image.bytes[names.sh_offset + names.sh_size - 1] = std::byte{'x'};
         }},
        {"symbol names without a beginning", "form.string-table",
         [](ModuleImage& image) { image.bytes[image.section(".strtab").sh_offset] = std::byte{'x'}; }},
        {"bytes after the end", "form.stray-bytes",
         [](ModuleImage& image) { image.bytes.insert(image.bytes.end(), 16, std::byte{7}); }},
    });
}

TEST_CASE("faults of a signature") {
    auto sign = [](unsigned kind, unsigned last, uint32_t length) {
        return [=](ModuleImage& image) { image.sign(kind, last, length); };
    };
    ModuleImage signed_image(FullModule().builder.bytes());
    signed_image.sign(2, 0, 40);
    CHECK(codes_of(signed_image.bytes) == Codes{});
    check_all({{"of another kind", "form.signature", sign(1, 0, 40)},
               {"with padding", "form.signature", sign(2, 1, 40)},
               {"longer than the file", "form.signature", sign(2, 0, 1 << 30)},
               {"over the section headers", "form.section-table", sign(2, 0, 200)},
               {"shorter than it is", "form.stray-bytes", sign(2, 0, 30)}});
}

TEST_CASE("faults of .modinfo") {
    check_all({
        text("livepatch=Y", "livepatch=N", "form.livepatch-tag"),
        text("livepatch=Y", "livepatcH=Y", "form.not-livepatch"),
        text("livepatxx=Y", "livepatch=Y", "form.modinfo-twice"),
        text("license=GPL", "license=BSD", "form.license"),
        text("license=GPL", "licence=GPL", "form.license"),
        text("name=livepatch_x", "name=livepatch_z", "match.name-taken"),
        text("name=livepatch_x", "name=livepatch_y", "form.this-module-name"),
        text("name=livepatch_x", "name=livepatch-x", "form.name"),
        text("name=livepatch_x", "name=livepatch/x", "form.name"),
        text("name=livepatch_x", "nama=livepatch_x", "form.name"),
        text("retpoline=Y", "retpolinE=Y", "match.retpoline"),
        text("retpoline=Y", "retpoline=N", "match.retpoline"),
        text("vermagic=6.1.0", "vermagic=6.1.1", "match.vermagic"),
        text("vermagic=6.1.0", "vermagiC=6.1.0", "form.vermagic"),
        text("depends=usb_hcd", "depends=usb_xxx", "match.depends"),
        text("depends=usb_hcd", "depends=usb_xxx", "match.unknown-dependency"),
        text("depends=usb_hcd", "dependz=usb_hcd", "match.depends"),
        text("import_ns=SPACE", "import_ns=OTHER", "match.namespace"),
        text("intree=Y", "intree\x01Y", "form.modinfo"),
        text("license=GPL", "license\x01GPL", "form.modinfo"),
        {"two sections", "form.modinfo", [](ModuleImage& image) { image.rename_section(".rodata", ".modinfo"); }},
        {"no section", "form.not-a-module", [](ModuleImage& image) { image.rename_section(".modinfo", ".modinfx"); }},
    });
}

TEST_CASE("faults of struct module") {
    constexpr const char* name = ".gnu.linkonce.this_module";
    constexpr const char* table = ".rela.gnu.linkonce.this_module";
    check_all({
        content(name, 0, 1, "form.this-module"),
        content(name, 8, 1, "form.this-module"),
        content(name, 200, 1, "form.this-module"),
        content(name, 24, 'x', "form.this-module-name"),
        content(name, 24 + 11, 'y', "form.this-module-name"),
        size(name, -8, "match.struct-module"),
        size(name, -64, "match.struct-module"),
        place(table, 0, 136, "match.struct-module"),
        addend(table, 0, 8, "form.this-module"),
        kind(table, 0, R_X86_64_NONE, "form.init"),
        relocation(
            table, 0, "no symbol", [](Elf64_Rela& entry) { entry.r_info = R_X86_64_64; }, "form.init"),
        {"no pointer to the init function", "form.init",
         [](ModuleImage& image) { image.edit_section(table, [](Elf64_Shdr& wanted) { wanted.sh_size = 0; }); }},
        {"two sections", "form.this-module", [](ModuleImage& image) { image.rename_section(".rodata", name); }},
        {"no section", "form.not-a-module", [](ModuleImage& image) { image.rename_section(name, ".gnu.x"); }},
    });
}

TEST_CASE("faults of __versions") {
    check_all({
        content("__versions", 0, 9, "match.crc"),           // module_layout
        content("__versions", 64, 9, "match.crc"),          // _printk
        content("__versions", 68, 9, "match.crc"),          // the upper half
        content("__versions", 68, 9, "form.versions"),      //
        content("__versions", 8, 'x', "match.no-crc"),      // module_layout
        content("__versions", 64 + 8, 'x', "match.no-crc"), // _printk
        content("__versions", 8, 0, "form.versions"),
        size("__versions", -8, "form.table-size"),
        size("__versions", -64, "match.no-crc"),
        symbol("hcd_call", "st_shndx", &Elf64_Sym::st_shndx, 2, "form.versions"),
        {"no section", "match.no-crc", [](ModuleImage& image) { image.rename_section("__versions", "__versionz"); }},
    });
}

TEST_CASE("faults of symbols") {
    using Sym = Elf64_Sym;
    std::vector<Fault> faults = {
        symbol("f", "st_name", &Sym::st_name, 1 << 20, "form.symbol-string"),
        symbol("_printk", "st_name", &Sym::st_name, 1 << 20, "form.symbol-string"),
        symbol("_printk", "st_name", &Sym::st_name, 0, "form.symbol-string"),
        symbol("f", "st_shndx", &Sym::st_shndx, 500, "elf.corrupt"),
        symbol("f", "st_shndx", &Sym::st_shndx, 0xff10, "form.symbol-section"),
        symbol("f", "st_shndx", &Sym::st_shndx, SHN_XINDEX, "elf.corrupt"),
        symbol("f", "st_shndx", &Sym::st_shndx, SHN_COMMON, "form.common-symbol"),
        symbol("f", "st_shndx", &Sym::st_shndx, SHN_UNDEF, "match.not-exported"),
        symbol("f", "st_shndx", &Sym::st_shndx, elf::shn_livepatch, "form.symbol-place"),
        symbol("_printk", "st_shndx", &Sym::st_shndx, SHN_ABS, "form.relocation-overflow"),
        symbol(".klp.sym.vmlinux.hidden,0", "st_shndx", &Sym::st_shndx, SHN_UNDEF, "form.symbol-place"),
        symbol(".klp.sym.vmlinux.hidden,0", "st_shndx", &Sym::st_shndx, SHN_ABS, "form.symbol-place"),
        symbol(".klp.sym.vmlinux.hidden,0", "st_value", &Sym::st_value, 8, "form.undefined-value"),
        symbol("f", "st_value", &Sym::st_value, 4096, "form.symbol-range"),
        symbol("f", "st_size", &Sym::st_size, 4096, "form.symbol-range"),
        symbol("_printk", "st_value", &Sym::st_value, 8, "form.undefined-value"),
        symbol("_printk", "st_size", &Sym::st_size, 8, "form.undefined-value"),
        symbol("f", "type", &Sym::st_info, ELF64_ST_INFO(STB_GLOBAL, STT_TLS), "form.symbol-kind"),
        symbol("f", "type", &Sym::st_info, ELF64_ST_INFO(STB_GLOBAL, STT_GNU_IFUNC), "form.symbol-kind"),
        symbol("f", "type", &Sym::st_info, ELF64_ST_INFO(STB_GLOBAL, STT_FILE), "form.symbol-kind"),
        symbol("f", "type", &Sym::st_info, ELF64_ST_INFO(STB_GLOBAL, STT_SECTION), "form.symbol-kind"),
        symbol("f", "binding", &Sym::st_info, ELF64_ST_INFO(STB_GNU_UNIQUE, STT_FUNC), "form.symbol-kind"),
        symbol("f", "binding", &Sym::st_info, ELF64_ST_INFO(STB_LOCAL, STT_FUNC), "form.symbol-order"),
        symbol("_printk", "binding", &Sym::st_info, ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE), "form.symbol-order"),
        {"a function in data", "form.symbol-kind",
         [](ModuleImage& image) {
             const auto data = static_cast<uint16_t>(image.index_of(".rodata"));
             image.edit_symbol("f", [&](Sym& wanted) { wanted.st_shndx = data; });
         }},
        text(".klp.sym.vmlinux.hidden,0", ".klp.sym.vmlinux.hidden,1", "match.sympos-unique"),
        text(".klp.sym.vmlinux.hidden,0", ".klp.sym.vmlinux.hidden,2", "match.sympos"),
        text(".klp.sym.vmlinux.hidden,0", ".klp.sym.vmlinux.hiddex,0", "match.symbol-missing"),
        text(".klp.sym.vmlinux.hidden,0", ".klp.sym.vmlinux.hidden;0", "form.symbol-name"),
        text(".klp.sym.vmlinux.hidden,0", ".klp.sym.vmlinux.hidden,x", "form.symbol-name"),
        text(".klp.sym.vmlinux.hidden,0", ".klp.sym.vmlinuy.hidden,0", "match.unknown-object"),
        text(".klp.sym.vmlinux.hidden,0", ".klp_sym.vmlinux.hidden,0", "form.symbol-place"),
        text(".klp.sym.usbcore.helper,2", ".klp.sym.usbcore.helper,0", "match.symbol-ambiguous"),
        text(".klp.sym.usbcore.helper,2", ".klp.sym.usbcore.helper,3", "match.sympos"),
        text(".klp.sym.usbcore.helper,2", ".klp.sym.vmlinux.helper,2", "form.foreign-symbol"),
        text("klp_enable_patch", "klp_enable_patcx", "match.no-crc"), // in __versions
        symbol("klp_enable_patch", "st_shndx", &Sym::st_shndx, SHN_ABS, "sense.not-enabled"),
    };
    auto null = [](const char* name, auto field) {
        return Fault{std::string("symbol 0: ") + name, "form.null-symbol",
                     [=](ModuleImage& image) { image.edit_symbol(0, [&](Sym& wanted) { wanted.*field = 1; }); }};
    };
    faults.insert(faults.end(),
                  {null("name", &Sym::st_name), null("info", &Sym::st_info), null("other", &Sym::st_other),
                   null("value", &Sym::st_value), null("size", &Sym::st_size)});
    check_all(faults);
}

TEST_CASE("faults of relocations") {
    constexpr const char* code = ".rela.text.g"; // its first is the call of _printk, its third a reference to .rodata
    auto symbol_is = [](uint32_t index) {
        return [=](Elf64_Rela& entry) { entry.r_info = ELF64_R_INFO(index, ELF64_R_TYPE(entry.r_info)); };
    };
    check_all({
        place(code, 0, 1 << 20, "elf.corrupt"),
        place(code, 0, 253, "form.relocation-range"),
        place(code, 0, 4, "form.relocation-twice"),
        kind(code, 0, R_X86_64_GOTPCREL, "form.relocation-type"),
        kind(code, 0, R_X86_64_COPY, "form.relocation-type"),
        kind(code, 0, R_X86_64_16, "form.relocation-type"),
        kind(code, 0, 99, "form.relocation-type"),
        kind(code, 0, R_X86_64_64, "form.relocation-twice"),
        kind(code, 2, R_X86_64_32, "form.relocation-overflow"),
        addend(code, 0, 0, "form.branch-target"),
        addend(code, 0, 0x1000, "form.branch-target"),
        addend(code, 0, int64_t{1} << 40, "form.relocation-overflow"),
        addend(code, 2, int64_t{1} << 31, "form.relocation-overflow"),
        addend(code, 2, -(int64_t{1} << 33), "form.relocation-overflow"),
        addend(code, 2, int64_t{1} << 28, "form.relocation-target"),
        relocation(code, 0, "no symbol", symbol_is(0), "form.relocation-symbol"),
        relocation(code, 0, "no such symbol", symbol_is(9999), "elf.corrupt"),
        {"a symbol in .modinfo", "form.relocation-symbol",
         [&](ModuleImage& image) {
             const uint32_t dropped = image.section_symbol(".modinfo");
             image.edit_relocation(code, 2, symbol_is(dropped));
         }},
        {"a livepatch symbol", "form.normal-relocation",
         [&](ModuleImage& image) {
             const uint32_t late = image.symbol_index(".klp.sym.vmlinux.hidden,0");
             image.edit_relocation(code, 0, symbol_is(late));
         }},
        {"an ordinary symbol", "form.livepatch-relocation",
         [&](ModuleImage& image) {
             const uint32_t early = image.symbol_index("_printk");
             image.edit_relocation(".klp.rela.vmlinux..text.f", 0, symbol_is(early));
         }},
        {"another object's symbol", "form.foreign-symbol",
         [&](ModuleImage& image) {
             const uint32_t other = image.symbol_index(".klp.sym.vmlinux.hidden,0");
             image.edit_relocation(".klp.rela.usbcore..text.f", 0, symbol_is(other));
         }},
        addend(".klp.rela.vmlinux..text.f", 0, int64_t{1} << 35, "form.relocation-overflow"),
        addend(".klp.rela.usbcore..text.f", 0, 5, "form.branch-target"),
        kind(".klp.rela.vmlinux..text.f", 0, 77, "form.relocation-type"),
        place(".klp.rela.vmlinux..text.f", 0, 62, "form.relocation-range"),
        content(".text.g", 1, 7, "form.relocated-bytes"),
        {"per-cpu data with a pointer", "form.percpu-content",
         [&](ModuleImage& image) { image.rename_section(".data", ".data..percpu"); }},
        {"per-cpu data of the aligned kind", "form.percpu-section",
         [&](ModuleImage& image) { image.rename_section(".data..percpu", ".data..percpu..shared_aligned"); }},
        {"two sections of per-cpu data", "form.percpu-section",
         [&](ModuleImage& image) { image.rename_section(".rodata", ".data..percpu"); }},
        {"per-cpu data without bytes", "form.percpu-content",
         [&](ModuleImage& image) {
             image.edit_section(".data..percpu", [](Elf64_Shdr& wanted) { wanted.sh_type = SHT_NOBITS; });
         }},
        {"a livepatch section of another name", "form.section-name",
         [&](ModuleImage& image) { image.rename_section(".klp.rela.vmlinux..text.f", ".klp.rela.vmlinux..text.g"); }},
        {"a livepatch section without an object", "form.section-name",
         [&](ModuleImage& image) { image.rename_section(".klp.rela.vmlinux..text.f", ".klp.rela...text.f"); }},
    });
}

TEST_CASE("faults of special sections") {
    struct Table {
        const char* name;
        unsigned entry;
        bool has_kind; // of what it points to
    };
    constexpr Table tables[] = {
        {"__jump_table", 16, true},    {"__mcount_loc", 8, true},       {"__bug_table", 12, true},
        {"__ex_table", 12, false},     {".altinstructions", 12, false}, {".return_sites", 4, true},
        {".retpoline_sites", 4, true}, {".call_sites", 4, true},        {".ibt_endbr_seal", 4, true},
        {".smp_locks", 4, true},       {".static_call_sites", 8, true}};
    std::vector<Fault> faults;
    for (const Table& table : tables) {
        const std::string relocations = std::string(".rela") + table.name;
        const char* name = test::keep(relocations);
        faults.push_back(size(table.name, -1, "form.table-size"));
        faults.push_back(addend(name, 0, 4096, "form.table-target"));
        faults.push_back(addend(name, 0, -8, "form.table-target"));
        faults.push_back(kind(name, 0, R_X86_64_GOTPCREL, "form.relocation-type"));
        faults.push_back({std::string(table.name) + ": no pointer", "form.table-pointer", [=](ModuleImage& image) {
                              image.edit_section(name, [](Elf64_Shdr& wanted) { wanted.sh_size = 0; });
                          }});
        faults.push_back({std::string(table.name) + ": into data", "form.table-target", [=](ModuleImage& image) {
                              const uint32_t data = image.section_symbol(".rodata");
                              image.edit_relocation(name, 0, [&](Elf64_Rela& entry) {
                                  entry.r_info = ELF64_R_INFO(data, ELF64_R_TYPE(entry.r_info));
                                  entry.r_addend = 0;
                              });
                          }});
        faults.push_back({std::string(table.name) + ": twice", "form.table-twice",
                          [=](ModuleImage& image) { image.rename_section(".rodata", table.name); }});
        if (table.has_kind)
            faults.push_back(addend(name, 0, test::nothing_at, "form.table-target"));
    }
    constexpr const char* alternatives = ".altinstructions";
    faults.push_back(content(alternatives, 8, 0xff, "form.alternative")); // with the next byte: a CPU feature
    faults.back().damage = [=](ModuleImage& image) {
        const uint64_t at = image.section(alternatives).sh_offset;
        image.bytes[at + 8] = image.bytes[at + 9] = std::byte{0x7f};
    };
    faults.push_back(content(alternatives, 10, 0, "form.alternative")); // instrlen
    faults.push_back(content(alternatives, 10, 255, "form.alternative"));
    faults.push_back(content(alternatives, 10, 250, "form.alternative"));
    faults.push_back(content(alternatives, 11, 9, "form.alternative")); // replacementlen
    faults.push_back(size(alternatives, 1, "match.table-size"));
    faults.push_back(size(".orc_unwind", -6, "form.orc-size"));
    faults.push_back(size(".orc_unwind", -1, "form.table-size"));
    faults.push_back(size(".orc_unwind_ip", -4, "elf.corrupt"));
    faults.push_back(addend(".rela.orc_unwind_ip", 1, 0, "form.orc-order"));
    faults.push_back(size(".klp.build.funcs", -8, "form.table-size"));
    faults.push_back(size(".klp.build.funcs", -1, "form.table-size"));
    faults.push_back(content(".BTF", 0, 0, "form.btf"));
    faults.push_back(content(".BTF", 2, 9, "form.btf"));
    faults.push_back(content(".BTF", 4, 9, "form.btf"));
    faults.push_back(content(".BTF", 12, 9, "form.btf"));
    faults.push_back(content(".orc_header", 3, 9, "match.orc-format"));
    faults.push_back({"no .orc_header", "match.orc-format",
                      [](ModuleImage& image) { image.rename_section(".orc_header", ".orc_headex"); }});
    CHECK(check_all(faults) >= 80);
}
