// One sound module with every kind of section that the loader reads, and the same module with one fault: klp-verify
// must name it. docs/verify.md lists the loader's steps in the order of the cases here and in
// verify_faults_content_test.cc. Here: the ELF header, the section headers and the signature.
#include "verify_faults.h"

using namespace klp;
using namespace klp::test;

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

TEST_CASE("a section lies anywhere in the file that 8 divides, as binutils 2.44 has it") {
    ModuleImage image(FullModule().builder.bytes());
    uint64_t wanted = 16;
    while (image.section(".data").sh_offset % wanted == 0)
        wanted *= 2;
    REQUIRE(wanted <= 4096);
    image.edit_section(".data", [&](Elf64_Shdr& section) { section.sh_addralign = wanted; });
    CHECK(codes_of(image.bytes) == Codes{});
}

TEST_CASE("strings of several kinds in one section have no common size, as LLD has it") {
    ModuleImage image(FullModule().builder.bytes());
    image.edit_section(".rodata", [](Elf64_Shdr& section) {
        section.sh_flags |= SHF_MERGE | SHF_STRINGS;
        section.sh_entsize = 0;
    });
    CHECK(codes_of(image.bytes) == Codes{});
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
