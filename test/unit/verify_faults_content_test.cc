// As verify_faults_test.cc: faults of what is in the sections.
#include "verify_faults.h"

using namespace klp;
using namespace klp::test;

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
