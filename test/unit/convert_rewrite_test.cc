#include "convert/convert.h"
#include "convert/core_table.h"
#include "elf/livepatch_abi.h"
#include "livepatch_modules.h"

#include <doctest/doctest.h>

using namespace klp;
using test::ModuleMaker;

namespace {

elf::Object converted(const ModuleMaker& maker) {
    return elf::Object::from_bytes("out.ko", convert::convert(maker.object()).bytes);
}

std::string code_of(const ModuleMaker& maker) {
    try {
        convert::convert(maker.object());
    } catch (const report::Refusal& refusal) {
        return refusal.findings().front().code;
    }
    return "accepted";
}

std::vector<std::string> global_names(const elf::Object& object) {
    std::vector<std::string> names;
    for (const elf::Symbol& symbol : object.symbols())
        if (!symbol.is_local())
            names.emplace_back(symbol.name);
    return names;
}

} // namespace

TEST_CASE("a reference becomes a livepatch symbol and its relocation moves to .klp.rela") {
    ModuleMaker maker;
    uint32_t exported = maker.undefined("_printk", STB_GLOBAL);
    uint32_t hidden = maker.undefined(".klp.ref.vmlinux.vmlinux.static.fn.0,3");
    maker.relocate(maker.text, 5, exported);
    maker.relocate(maker.text, 15, hidden, R_X86_64_PC32, -4);
    elf::Object out = converted(maker);

    const elf::RelocationTable* livepatch = test::find_table(out, ".klp.rela.vmlinux..text.f");
    REQUIRE(livepatch);
    const elf::Section& section = out.section(livepatch->section);
    CHECK(section.type == SHT_RELA);
    CHECK(section.flags == (SHF_ALLOC | SHF_INFO_LINK | elf::shf_rela_livepatch));
    CHECK(section.link == out.symbol_table_section());
    CHECK(out.section(section.info).name == ".text.f");
    REQUIRE(livepatch->entries.size() == 1);
    CHECK(livepatch->entries[0].offset == 15);
    CHECK(livepatch->entries[0].type == R_X86_64_PC32);
    CHECK(livepatch->entries[0].addend == -4);
    const elf::Symbol& symbol = out.symbol(livepatch->entries[0].symbol);
    CHECK(symbol.name == ".klp.sym.vmlinux.static.fn.0,3");
    CHECK(symbol.place == elf::Place::livepatch);
    CHECK(symbol.binding == STB_GLOBAL);

    auto normal = out.relocations(section.info);
    REQUIRE(normal.size() == 1);
    CHECK(out.symbol(normal[0].symbol).name == "_printk");
}

TEST_CASE("plain-named references are taken from the list, which is removed") {
    ModuleMaker maker;
    uint32_t listed = maker.undefined("hidden_global");
    uint32_t weak = maker.undefined("really_weak");
    uint32_t list = maker.section(".klp.build.symbols", SHF_ALLOC, std::vector<std::byte>(8));
    maker.relocate(list, 0, listed, R_X86_64_64, 0);
    maker.relocate(maker.text, 1, listed);
    maker.relocate(maker.text, 9, weak);
    elf::Object out = converted(maker);
    CHECK(out.find_section(".klp.build.symbols") == nullptr);
    CHECK(out.find_section(".rela.klp.build.symbols") == nullptr);
    CHECK(global_names(out) == std::vector<std::string>{"f", ".klp.sym.vmlinux.hidden_global,0", "really_weak"});
}

TEST_CASE("one relocation section per object and target, vmlinux first") {
    ModuleMaker maker;
    uint32_t data = maker.section(".data.x", SHF_ALLOC | SHF_WRITE, std::vector<std::byte>(16));
    uint32_t in_b = maker.undefined(".klp.ref.mod_b.mod_b.y,0");
    uint32_t in_a = maker.undefined(".klp.ref.mod_a.mod_a.x,0");
    uint32_t core = maker.undefined(".klp.ref.vmlinux.vmlinux.z,0");
    maker.relocate(maker.text, 0, in_b);
    maker.relocate(maker.text, 8, in_a);
    maker.relocate(maker.text, 16, core);
    maker.relocate(maker.text, 24, in_b);
    maker.relocate(data, 8, core, R_X86_64_64, 0);
    elf::Object out = converted(maker);
    std::vector<std::string> names;
    for (const elf::RelocationTable& table : out.relocation_tables())
        names.emplace_back(out.section(table.section).name);
    CHECK(names == std::vector<std::string>{".klp.rela.vmlinux..text.f", ".klp.rela.mod_a..text.f",
                                            ".klp.rela.mod_b..text.f", ".klp.rela.vmlinux..data.x"});
    CHECK(test::find_table(out, ".klp.rela.mod_b..text.f")->entries.size() == 2);
}

TEST_CASE("symbols keep their order, also where namesakes of two owners become one") {
    ModuleMaker maker;
    uint32_t first = maker.undefined(".klp.ref.mod_a.mod_c.shared,0");
    uint32_t between = maker.undefined("_printk", STB_GLOBAL);
    uint32_t second = maker.undefined(".klp.ref.mod_b.mod_c.shared,0");
    uint32_t last = maker.undefined("kfree", STB_GLOBAL);
    maker.undefined(".klp.ref.vmlinux.vmlinux.unused,0");
    maker.relocate(maker.text, 0, first);
    maker.relocate(maker.text, 8, second);
    maker.relocate(maker.text, 16, between);
    maker.relocate(maker.text, 24, last);
    elf::Object out = converted(maker);
    CHECK(global_names(out) == std::vector<std::string>{"f", ".klp.sym.mod_c.shared,0", "_printk", "kfree"});
    CHECK(test::find_table(out, ".klp.rela.mod_a..text.f")->entries[0].symbol ==
          test::find_table(out, ".klp.rela.mod_b..text.f")->entries[0].symbol);
}

TEST_CASE("type information that no longer fits is dropped, the init code's tables stay") {
    ModuleMaker maker;
    maker.section(".BTF", 0, std::vector<std::byte>(8));
    maker.section(".BTF.base", 0, std::vector<std::byte>(8));
    maker.section(".klp.build.funcs", SHF_ALLOC, std::vector<std::byte>(32));
    elf::Object out = converted(maker);
    CHECK(out.find_section(".BTF") == nullptr);
    CHECK(out.find_section(".BTF.base") == nullptr);
    CHECK(out.find_section(".klp.build.funcs") != nullptr);
}

TEST_CASE("debug data loses its references to the kernel's symbols: no loader resolves them") {
    ModuleMaker maker;
    uint32_t debug = maker.section(".debug_info", 0, std::vector<std::byte>(16));
    uint32_t hidden = maker.undefined(".klp.ref.vmlinux.vmlinux.z,0");
    maker.relocate(debug, 0, hidden, R_X86_64_64, 0);
    maker.relocate(maker.text, 0, hidden);
    elf::Object out = converted(maker);
    CHECK(out.read_debug_relocation_tables().empty());
    CHECK(test::find_table(out, ".klp.rela.vmlinux..text.f"));
    CHECK_FALSE(test::find_table(out, ".klp.rela.vmlinux..debug_info"));
}

TEST_CASE("debug data may describe what is dropped") {
    ModuleMaker maker;
    uint32_t listed = maker.undefined("hidden_global");
    uint32_t list = maker.section(".klp.build.symbols", SHF_ALLOC, std::vector<std::byte>(8));
    maker.relocate(list, 0, listed, R_X86_64_64, 0);
    maker.relocate(maker.text, 0, listed);
    uint32_t debug = maker.section(".debug_info", 0, std::vector<std::byte>(16));
    maker.relocate(debug, 0, maker.define("list", list, STT_OBJECT), R_X86_64_64, 0);
    maker.relocate(debug, 8, 1, R_X86_64_64, 0);
    elf::Object out = converted(maker);
    REQUIRE(out.read_debug_relocation_tables().size() == 1);
    CHECK(out.read_debug_relocation_tables()[0].entries.size() == 1);
}

TEST_CASE("the result is the same each time") {
    ModuleMaker maker;
    for (int at = 0; at < 7; ++at)
        maker.relocate(maker.text, static_cast<uint64_t>(at) * 8,
                       maker.undefined(".klp.ref.m" + std::to_string(6 - at) + ".m" + std::to_string(6 - at) + ".x,0"));
    CHECK(convert::convert(maker.object()).bytes == convert::convert(maker.object()).bytes);
}

TEST_CASE("relocations that the kernel would apply too late are refused, vmlinux's are not late") {
    for (const char* name :
         {"__jump_table", ".static_call_sites", ".altinstr_replacement", ".init.text", "__mcount_loc"}) {
        CAPTURE(name);
        ModuleMaker late;
        late.relocate(late.section(name, SHF_ALLOC, std::vector<std::byte>(16)), 8,
                      late.undefined(".klp.ref.mod.mod.key,0"), R_X86_64_PC64, 0);
        CHECK(code_of(late) == "convert.too-late");
        ModuleMaker early;
        early.relocate(early.section(name, SHF_ALLOC, std::vector<std::byte>(16)), 8,
                       early.undefined(".klp.ref.vmlinux.vmlinux.key,0"), R_X86_64_PC64, 0);
        CHECK(code_of(early) == "accepted");
    }
}

TEST_CASE("what cannot be a livepatch module is refused") {
    CHECK(code_of(ModuleMaker({"license=GPL"})) == "convert.not-livepatch");
    ModuleMaker twice;
    twice.relocate(twice.text, 0, twice.undefined(".klp.ref.vmlinux.vmlinux.z,0"));
    auto once = convert::convert(twice.object());
    std::string code;
    try {
        convert::convert(elf::Object::from_bytes("x", once.bytes));
    } catch (const report::Refusal& refusal) {
        code = refusal.findings().front().code;
    }
    CHECK(code == "convert.already-converted");
}

TEST_CASE("malformed references are refused") {
    auto with = [](std::string name) {
        ModuleMaker maker;
        maker.relocate(maker.text, 0, maker.undefined(std::move(name)));
        return code_of(maker);
    };
    CHECK(with(".klp.ref.vmlinux.vmlinux.z") == "convert.bad-reference");
    CHECK(with(".klp.ref.vmlinux.vmlinux.z,") == "convert.bad-reference");
    CHECK(with(".klp.ref.vmlinux.vmlinux.z,1x") == "convert.bad-reference");
    CHECK(with(".klp.ref.vmlinux.z,1") == "convert.bad-reference");
    CHECK(with(".klp.ref." + std::string(56, 'm') + ".m.z,0") == "convert.bad-reference");
    CHECK(with(".klp.ref." + std::string(55, 'm') + "." + std::string(55, 'm') + ".z,0") == "accepted");
    CHECK(with(".klp.ref.vmlinux.vmlinux." + std::string(512, 'z') + ",0") == "convert.bad-reference");
    CHECK(with(".klp.ref.mod.vmlinux.z,0") == "convert.foreign-reference");
    CHECK(with(".klp.ref.vmlinux.mod.z,0") == "convert.foreign-reference");
    CHECK(with(".klp.ref.mod_a.mod_b.z,0") == "accepted");
}

TEST_CASE("all machines of the differ are rewritten alike") {
    struct Machine {
        uint16_t number;
        uint32_t type;
        bool little_endian;
    };
    for (Machine machine : {Machine{EM_X86_64, R_X86_64_PLT32, true}, Machine{EM_AARCH64, R_AARCH64_CALL26, true},
                            Machine{EM_PPC64, R_PPC64_REL24, true}, Machine{EM_S390, R_390_PLT32DBL, false},
                            Machine{258 /* EM_LOONGARCH */, 66 /* R_LARCH_B26 */, true}}) {
        CAPTURE(machine.number);
        ModuleMaker maker;
        maker.builder.machine = machine.number;
        maker.builder.little_endian = machine.little_endian;
        maker.builder.flags = machine.number == EM_PPC64 ? 2 : 0;
        maker.relocate(maker.text, 4, maker.undefined(".klp.ref.vmlinux.vmlinux.z,2"), machine.type, 0);
        elf::Object out = converted(maker);
        CHECK(out.machine() == machine.number);
        CHECK(out.flags() == maker.builder.flags);
        const elf::RelocationTable* table = test::find_table(out, ".klp.rela.vmlinux..text.f");
        REQUIRE(table);
        CHECK(table->entries[0].type == machine.type);
        CHECK(table->entries[0].offset == 4);
        CHECK(out.symbol(table->entries[0].symbol).name == ".klp.sym.vmlinux.z,2");
    }
}

// ---- The form of klp-build's own core ----

namespace {

const std::vector<std::string> for_core = {"livepatch:=Y", "license=GPL", "name=livepatch_x"};

// An alternative at `offset` of the text, `length` bytes long; as Linux 6.1 (12 bytes) and later (14) have it.
void add_alternative(ModuleMaker& maker, uint64_t offset, uint8_t length, unsigned entry_size) {
    std::vector<std::byte> entry(entry_size);
    entry[entry_size - 2] = std::byte{length};
    uint32_t table = maker.section(".altinstructions", SHF_ALLOC, std::move(entry));
    uint32_t replacement = maker.section(".altinstr_replacement", SHF_ALLOC | SHF_EXECINSTR, std::vector<std::byte>(8));
    uint32_t first = maker.define("replacement", replacement, STT_NOTYPE);
    maker.relocate(table, 0, 1, R_X86_64_PC32, static_cast<int64_t>(offset));
    maker.relocate(table, 4, first, R_X86_64_PC32, 0);
}

} // namespace

TEST_CASE("for the runtime core a reference becomes an entry of its table") {
    ModuleMaker maker(for_core);
    uint32_t exported = maker.undefined("_printk", STB_GLOBAL);
    uint32_t hidden = maker.undefined(".klp.ref.vmlinux.vmlinux.static.fn.0,3");
    uint32_t helper = maker.undefined(".klp.ref.mod_a.mod_b.helper,0");
    maker.relocate(maker.text, 5, exported);
    maker.relocate(maker.text, 15, hidden, R_X86_64_PC32, -4);
    maker.relocate(maker.text, 24, helper, R_X86_64_64, 8);
    elf::Object out = converted(maker);

    CHECK(global_names(out) == std::vector<std::string>{"f", "_printk", "klp_core_relocs"});
    for (const elf::RelocationTable& table : out.relocation_tables())
        CHECK((out.section(table.section).flags & elf::shf_rela_livepatch) == 0);
    REQUIRE(out.relocations(out.find_section(".text.f")->index).size() == 1);

    const elf::Section* section = out.find_section(".klp.core.relocs");
    REQUIRE(section);
    CHECK(section->flags == SHF_ALLOC);
    CHECK(section->alignment == 8);
    CHECK(section->size == 3 * 48);
    CHECK(out.relocations(section->index).size() == 8);
    convert::CoreTable table = convert::read_core_table(out);
    CHECK(table.defects.empty());
    REQUIRE(table.entries.size() == 2);
    CHECK(table.entries[0].section->name == ".text.f");
    CHECK(table.entries[0].offset == 15);
    CHECK(table.entries[0].object == "vmlinux");
    CHECK(table.entries[0].symbol_object == "vmlinux");
    CHECK(table.entries[0].symbol == "static.fn.0");
    CHECK(table.entries[0].sympos == 3);
    CHECK(table.entries[0].addend == -4);
    CHECK(table.entries[0].type == R_X86_64_PC32);
    CHECK(table.entries[1].offset == 24);
    CHECK(table.entries[1].object == "mod_a");
    CHECK(table.entries[1].symbol_object == "mod_b");
    CHECK(table.entries[1].addend == 8);
}

TEST_CASE("for the runtime core a patch without references has an empty table") {
    ModuleMaker maker(for_core);
    elf::Object out = converted(maker);
    REQUIRE(out.find_section(".klp.core.relocs"));
    CHECK(out.find_section(".klp.core.relocs")->size == 48);
    convert::CoreTable table = convert::read_core_table(out);
    CHECK(table.defects.empty());
    CHECK(table.entries.empty());
}

TEST_CASE("for the runtime core what refers to the table by its name leads to it") {
    ModuleMaker maker(for_core);
    maker.relocate(maker.text, 5, maker.undefined("klp_core_relocs", STB_WEAK), R_X86_64_32S, 0);
    elf::Object out = converted(maker);

    CHECK(convert::read_core_table(out).defects.empty());
    CHECK(global_names(out) == std::vector<std::string>{"f", "klp_core_relocs"});
    std::span<const elf::Relocation> relocations = out.relocations(out.find_section(".text.f")->index);
    REQUIRE(relocations.size() == 1);
    const elf::Symbol& name = out.symbols()[relocations[0].symbol];
    CHECK(name.name == "klp_core_relocs");
    CHECK(out.section_of(name) == out.find_section(".klp.core.relocs"));
}

TEST_CASE("for the runtime core nothing is written where the loader has looked before") {
    for (unsigned entry_size : {12u, 14u}) {
        ModuleMaker maker(for_core);
        uint32_t hidden = maker.undefined(".klp.ref.vmlinux.vmlinux.hidden,0");
        add_alternative(maker, 16, 5, entry_size);
        maker.relocate(maker.text, 12, hidden); // ends where the instruction begins
        maker.relocate(maker.text, 21, hidden); // begins where it ends
        CHECK(code_of(maker) == "accepted");
        maker.relocate(maker.text, 17, hidden);
        CHECK(code_of(maker) == "convert.before-core");
    }
    ModuleMaker damaged(for_core);
    add_alternative(damaged, 16, 5, 12);
    uint32_t alternatives = damaged.builder.relocations.back().target;
    damaged.relocate(alternatives, uint64_t{1} << 62, 1, R_X86_64_PC32, 0);
    CHECK(code_of(damaged) != "convert.before-core");
    for (const char* section : {"__ex_table", ".orc_unwind_ip", ".altinstr_replacement"}) {
        ModuleMaker maker(for_core);
        uint32_t early = maker.section(section, SHF_ALLOC, std::vector<std::byte>(16));
        maker.relocate(early, 0, maker.undefined(".klp.ref.vmlinux.vmlinux.hidden,0"));
        CHECK(code_of(maker) == "convert.before-core");
    }
    ModuleMaker jump_label(for_core);
    uint32_t table = jump_label.section("__jump_table", SHF_ALLOC, std::vector<std::byte>(16));
    jump_label.relocate(table, 8, jump_label.undefined(".klp.ref.vmlinux.vmlinux.key,0"), R_X86_64_PC64, 0);
    CHECK(code_of(jump_label) == "accepted");
    jump_label.relocate(table, 0, jump_label.undefined(".klp.ref.mod_a.mod_a.key,0"), R_X86_64_PC32, 0);
    CHECK(code_of(jump_label) == "convert.too-late");
}

TEST_CASE("a call that is written late is not tracked, the others are") {
    // Calls at 16, 24 and 32; what the middle one calls is only known when the loader has gone.
    auto sites_of = [](ModuleMaker& maker, const char* called) {
        uint32_t sites = maker.section(".call_sites", SHF_ALLOC, std::vector<std::byte>(12));
        for (uint64_t entry = 0; entry < 3; ++entry)
            maker.relocate(sites, entry * 4, 1, R_X86_64_PC32, static_cast<int64_t>(16 + entry * 8));
        maker.relocate(maker.text, 25, maker.undefined(called));
        const elf::Object module = elf::Object::from_bytes("done.ko", convert::convert(maker.object()).bytes);
        const elf::Section* table = module.find_section(".call_sites");
        REQUIRE(table);
        std::vector<int64_t> calls;
        for (const elf::Relocation& relocation : module.relocations(table->index)) {
            CHECK(relocation.offset == calls.size() * 4);
            calls.push_back(relocation.addend);
        }
        CHECK(table->data.size() == calls.size() * 4);
        return calls;
    };
    ModuleMaker core(for_core);
    CHECK(sites_of(core, ".klp.ref.vmlinux.vmlinux.hidden,0") == std::vector<int64_t>{16, 32});
    ModuleMaker kernel;
    CHECK(sites_of(kernel, ".klp.ref.vmlinux.vmlinux.hidden,0") == std::vector<int64_t>{16, 24, 32});
    ModuleMaker of_module;
    CHECK(sites_of(of_module, ".klp.ref.mod_a.mod_a.helper,0") == std::vector<int64_t>{16, 32});
}

TEST_CASE("a module with the core's table was converted before") {
    ModuleMaker maker(for_core);
    maker.relocate(maker.text, 0, maker.undefined(".klp.ref.vmlinux.vmlinux.hidden,0"));
    std::vector<std::byte> bytes = convert::convert(maker.object()).bytes;
    elf::Object once = elf::Object::from_bytes("once.ko", std::move(bytes));
    CHECK_THROWS_AS(convert::convert(once), report::Refusal);
}
