#include "elf/builder.h"
#include "report/finding.h"
#include "symbols/kernel_symbols.h"
#include "symbols/symvers.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <elf.h>

using namespace klp;

namespace {

std::string code_of(auto&& action) {
    try {
        action();
    } catch (const report::Refusal& refusal) {
        return refusal.findings().front().code;
    }
    return "accepted";
}

std::string where_of(auto&& action) {
    try {
        action();
    } catch (const report::Refusal& refusal) {
        return refusal.findings().front().where;
    }
    return "accepted";
}

// Two files, each with a static `debug`, the second file's at the lower address; one global between them.
elf::Object two_files() {
    elf::Builder builder;
    builder.machine = EM_X86_64;
    builder.sections.resize(1);
    builder.symbols.resize(1);
    uint32_t data =
        builder.add_section({.name = ".data", .flags = SHF_ALLOC | SHF_WRITE, .data = std::vector<std::byte>(64)});
    uint32_t init = builder.add_section({.name = ".init.text", .flags = SHF_ALLOC, .data = std::vector<std::byte>(64)});
    auto add = [&](const char* name, uint64_t value, uint8_t binding, uint8_t type, elf::Place place,
                   uint32_t section) {
        builder.add_symbol({.name = name,
                            .value = value,
                            .size = 4,
                            .binding = binding,
                            .type = type,
                            .place = place,
                            .section = section});
    };
    add("a.c", 0, STB_LOCAL, STT_FILE, elf::Place::absolute, 0);
    add("debug", 0x30, STB_LOCAL, STT_OBJECT, elf::Place::section, data);
    add(".Lhidden", 0x30, STB_LOCAL, STT_NOTYPE, elf::Place::section, data);
    add("b.c", 0, STB_LOCAL, STT_FILE, elf::Place::absolute, 0);
    add("debug", 0x10, STB_LOCAL, STT_OBJECT, elf::Place::section, data);
    add("", 0, STB_LOCAL, STT_SECTION, elf::Place::section, data);
    add("start", 0, STB_LOCAL, STT_FUNC, elf::Place::section, init);
    add("absolute", 0x10, STB_GLOBAL, STT_NOTYPE, elf::Place::absolute, 0);
    add("shared", 0x20, STB_GLOBAL, STT_OBJECT, elf::Place::section, data);
    add("elsewhere", 0, STB_GLOBAL, STT_NOTYPE, elf::Place::undefined, 0);
    return elf::Object::from_bytes("two", builder.bytes());
}

} // namespace

TEST_CASE("vmlinux: kallsyms order is by address, and sympos counts namesakes in it") {
    symbols::SymbolTable table = symbols::read_elf_symbols(two_files(), "vmlinux");
    auto found = table.find("debug");
    REQUIRE(found.size() == 2);
    const symbols::KernelSymbol& first = table.symbols()[found[0]];
    const symbols::KernelSymbol& second = table.symbols()[found[1]];
    CHECK(first.address == 0x10);
    CHECK(table.file_of(first) == "b.c");
    CHECK(table.sympos(first) == 1);
    CHECK(second.address == 0x30);
    CHECK(table.file_of(second) == "a.c");
    CHECK(table.sympos(second) == 2);
    REQUIRE(table.find("shared").size() == 1);
    CHECK(table.sympos(table.symbols()[table.find("shared")[0]]) == 0);
    CHECK(table.symbols()[table.find("shared")[0]].global);
}

TEST_CASE("vmlinux: what kallsyms leaves out is left out") {
    symbols::SymbolTable table = symbols::read_elf_symbols(two_files(), "vmlinux");
    for (const char* name : {".Lhidden", "absolute", "elsewhere", "a.c", ""})
        CHECK_MESSAGE(table.find(name).empty(), name);
}

TEST_CASE("a module: kallsyms order is that of its symbol table") {
    symbols::SymbolTable table = symbols::read_elf_symbols(two_files(), "two");
    auto found = table.find("debug");
    REQUIRE(found.size() == 2);
    CHECK(table.file_of(table.symbols()[found[0]]) == "a.c");
    CHECK(table.sympos(table.symbols()[found[1]]) == 2);
    REQUIRE(table.find("start").size() == 1);
    CHECK(table.symbols()[table.find("start")[0]].init);
    CHECK_FALSE(table.symbols()[found[0]].init);
}

TEST_CASE("addresses are looked up exactly and by the symbol that covers them") {
    symbols::SymbolTable table = symbols::read_elf_symbols(two_files(), "vmlinux");
    REQUIRE(table.at_address(0x20).size() == 1);
    CHECK(table.at_address(0x20)[0].name == "shared");
    CHECK(table.at_address(0x21).empty());
    REQUIRE(table.covering(0x2f));
    CHECK(table.covering(0x2f)->name == "shared");
    symbols::SymbolTable none("vmlinux", {{.name = "only", .address = 0x100}}, {}, {});
    CHECK(none.covering(0xff) == nullptr);
}

TEST_CASE("a file without symbol table is refused") {
    elf::Builder builder;
    builder.machine = EM_X86_64;
    builder.sections.resize(1);
    std::vector<std::byte> bytes(sizeof(Elf64_Ehdr));
    builder.symbols.resize(1);
    std::vector<std::byte> whole = builder.bytes();
    std::copy_n(whole.begin(), bytes.size(), bytes.begin());
    auto* header = reinterpret_cast<Elf64_Ehdr*>(bytes.data());
    header->e_shoff = 0;
    header->e_shnum = 0;
    header->e_shstrndx = 0;
    CHECK(code_of([&] { symbols::read_elf_symbols(elf::Object::from_bytes("x", bytes), "vmlinux"); }) ==
          "symbols.stripped");
}

TEST_CASE("readelf's text is read, other tables than .symtab are passed over") {
    const char* text = "\nSymbol table '.dynsym' contains 2 entries:\n"
                       "   Num:    Value          Size Type    Bind   Vis      Ndx Name\n"
                       "     1: 0000000000000001     0 FUNC    GLOBAL DEFAULT    1 dynamic\n"
                       "\nSymbol table '.symtab' contains 9 entries:\n"
                       "   Num:    Value          Size Type    Bind   Vis      Ndx Name\n"
                       "     0: 0000000000000000     0 NOTYPE  LOCAL  DEFAULT  UND \n"
                       "     1: 0000000000000000     0 SECTION LOCAL  DEFAULT    1 .text\n"
                       "     2: 0000000000000000     0 FILE    LOCAL  DEFAULT  ABS a.c\n"
                       "     3: ffffffff81000020    16 FUNC    LOCAL  DEFAULT    1 f\n"
                       "     4: ffffffff81000010 0x10000 OBJECT  LOCAL  DEFAULT [<other>: 60]    3 f\n"
                       "     5: 0000000000000000     0 NOTYPE  GLOBAL DEFAULT OS [0xff20] .klp.sym.vmlinux.x,0\n"
                       "     6: 0000000000000000     0 NOTYPE  WEAK   DEFAULT  UND gone\n"
                       "     7: ffffffff81000030     8 FUNC    WEAK   DEFAULT    1 g\n";
    symbols::SymbolTable table = symbols::read_readelf_symbols(text, "list", "vmlinux");
    CHECK(table.find("dynamic").empty());
    CHECK(table.find("gone").empty());
    auto found = table.find("f");
    REQUIRE(found.size() == 2);
    CHECK(table.symbols()[found[0]].size == 0x10000);
    CHECK(table.symbols()[found[0]].section == 3);
    CHECK(table.symbols()[found[0]].type == STT_OBJECT);
    CHECK(table.file_of(table.symbols()[found[1]]) == "a.c");
    REQUIRE(table.find("g").size() == 1);
    CHECK(table.symbols()[table.find("g")[0]].global);
}

TEST_CASE("readelf's notes of what a machine puts into st_other are passed over") {
    const char* text = "Symbol table '.symtab' contains 4 entries:\n"
                       "   Num:    Value          Size Type    Bind   Vis      Ndx Name\n"
                       "     1: 0000000000000010     8 FUNC    GLOBAL DEFAULT [<localentry>: 8]     1 ppc\n"
                       "     2: 0000000000000020     8 FUNC    GLOBAL DEFAULT [VARIANT_PCS]     1 vector\n"
                       "     3: 0000000000000030     8 FUNC    GLOBAL DEFAULT [<other>: 88]     1 other\n";
    symbols::SymbolTable table = symbols::read_readelf_symbols(text, "list", "vmlinux");
    for (const char* name : {"ppc", "vector", "other"})
        CHECK(table.find(name).size() == 1);
}

TEST_CASE("malformed readelf text is refused with its line") {
    auto read = [](const char* text) { return [=] { symbols::read_readelf_symbols(text, "list", "vmlinux"); }; };
    CHECK(code_of(read("")) == "symbols.stripped");
    CHECK(code_of(read("nothing of the kind\n")) == "symbols.stripped");
    CHECK(code_of(read("\n  1: zzz 0 FUNC LOCAL DEFAULT 1 f\n")) == "symbols.malformed");
    CHECK(where_of(read("\n  1: zzz 0 FUNC LOCAL DEFAULT 1 f\n")) == "list:2");
    CHECK(code_of(read("  1: 0 0 FUNC LOCAL DEFAULT [<other>: 60")) == "symbols.malformed");
    CHECK(code_of(read("  1: 0 0 FUNC")) == "symbols.malformed");
}

TEST_CASE("Module.symvers: exports with module, licence, CRC and namespace") {
    symbols::Exports exports = symbols::read_symvers("0x12345678\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n"
                                                     "0x00000001\tdm_get\tdrivers/md/dm-mod\tEXPORT_SYMBOL_GPL\tDM\n"
                                                     "0x00000002\told\tvmlinux\tEXPORT_SYMBOL\n",
                                                     "Module.symvers");
    CHECK(exports.size() == 3);
    REQUIRE(exports.find("printk"));
    CHECK(exports.find("printk")->crc == 0x12345678);
    CHECK(exports.find("printk")->name_space.empty());
    CHECK_FALSE(exports.find("printk")->gpl_only);
    REQUIRE(exports.find("dm_get"));
    CHECK(exports.find("dm_get")->module == "dm_mod");
    CHECK(exports.find("dm_get")->name_space == "DM");
    CHECK(exports.find("dm_get")->gpl_only);
    CHECK(exports.find("nothing") == nullptr);
}

TEST_CASE("a truncated or foreign Module.symvers is refused with its line") {
    auto read = [](const char* text) { return [=] { symbols::read_symvers(text, "s"); }; };
    CHECK(where_of(read("0x00000001\ta\tvmlinux\tEXPORT_SYMBOL\t\n0x0000")) == "s:2");
    CHECK(code_of(read("zzz\ta\tvmlinux\tEXPORT_SYMBOL\t\n")) == "symvers.malformed");
    CHECK(code_of(read("0x1\ta\t\tEXPORT_SYMBOL\t\n")) == "symvers.malformed");
    CHECK(code_of(read("0x1\ta\tvmlinux\tunknown\t\n")) == "symvers.malformed");
}

TEST_CASE("a module's name does not depend on its file's place and packing") {
    CHECK(symbols::module_name_of("kernel/drivers/md/dm-mod.ko.xz") == "dm_mod");
    CHECK(symbols::module_name_of("net/ipv4/tcp_cubic") == "tcp_cubic");
    CHECK(symbols::module_name_of("a-b.ko") == "a_b");
}
