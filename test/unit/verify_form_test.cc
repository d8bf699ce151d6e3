// Rules about the module alone: the sound module, broken in just one way for each.
#include "verify_codes.h"

#include <cstring>
#include <doctest/doctest.h>
#include <functional>

using namespace klp;
using test::Codes;
using test::codes_of;
using test::FakeKernel;
using test::ModuleMaker;
using test::Sound;
using test::sound_modinfo;
using test::target;
using test::vermagic;
using test::with_symbol;

namespace {

// The module with one field of one section header changed.
Codes with_header(const char* name, const std::function<void(Elf64_Shdr&)>& change) {
    Sound sound;
    std::vector<std::byte> bytes = sound.builder.bytes();
    elf::Object object = sound.object();
    const elf::Section* section = object.find_section(name);
    REQUIRE(section);
    Elf64_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    std::byte* at = bytes.data() + header.e_shoff + section->index * sizeof(Elf64_Shdr);
    Elf64_Shdr wanted;
    std::memcpy(&wanted, at, sizeof(wanted));
    change(wanted);
    std::memcpy(at, &wanted, sizeof(wanted));
    FakeKernel kernel = target();
    return codes_of(elf::Object::from_bytes("x.ko", std::move(bytes)), {.kernel = &kernel});
}

Codes with_modinfo(const char* key, const char* instead) {
    std::vector<std::string> fields = sound_modinfo();
    std::erase_if(fields, [&](const std::string& field) { return field.starts_with(std::string(key) + "="); });
    if (instead)
        fields.push_back(std::string(key) + "=" + instead);
    return codes_of(Sound(fields));
}

} // namespace

TEST_CASE("form: .modinfo") {
    CHECK(with_modinfo("livepatch", nullptr) == Codes{"form.not-livepatch"});
    CHECK(with_modinfo("license", nullptr) == Codes{"form.license"});
    CHECK(with_modinfo("license", "Proprietary") == Codes{"form.license"});
    CHECK(with_modinfo("license", "Dual MIT/GPL") == Codes{});
    CHECK(with_modinfo("vermagic", nullptr) == Codes{"form.vermagic"});
    CHECK(with_modinfo("name", nullptr) == Codes{"form.name"});
    CHECK(with_modinfo("name", std::string(56, 'x').c_str()) == Codes{"form.name"});
    CHECK(with_modinfo("name", std::string(55, 'x').c_str()) == Codes{});
}

TEST_CASE("form: what is no module") {
    ModuleMaker maker;
    CHECK(codes_of(maker.object(), {}) == Codes{"form.not-a-module"});
}

TEST_CASE("form: leftovers of the build") {
    Sound reference;
    reference.undefined(".klp.ref.vmlinux.vmlinux.x,0");
    CHECK(codes_of(reference) == Codes{"form.unconverted"});
    Sound list;
    list.section(".klp.build.symbols", SHF_ALLOC, {});
    CHECK(codes_of(list) == Codes{"form.unconverted"});
    Sound annotation;
    annotation.section(".klp.annotations.vmlinux", SHF_ALLOC, {});
    CHECK(codes_of(annotation) == Codes{"form.unconverted"});
}

TEST_CASE("form: headers of livepatch relocation sections") {
    const char* name = ".klp.rela.vmlinux..text.f";
    CHECK(with_header(name, [](Elf64_Shdr& header) { header.sh_flags &= ~uint64_t(SHF_ALLOC); }) ==
          Codes{"form.section-flags"});
    // Without the flag it is a normal relocation section, and wrong as one.
    CHECK(with_header("__jump_table", [](Elf64_Shdr& header) { header.sh_flags |= elf::shf_rela_livepatch; }) ==
          Codes{"form.section-flags", "form.section-type"});
    CHECK(with_header(name, [](Elf64_Shdr& header) { header.sh_type = SHT_PROGBITS; }) == Codes{"form.section-type"});
    CHECK(with_header(name, [](Elf64_Shdr& header) { header.sh_link = 1; }) == Codes{"form.section-link"});
    CHECK(with_header(name, [](Elf64_Shdr& header) { header.sh_info = 999; }) == Codes{"form.section-info"});
}

TEST_CASE("form: a livepatch relocation section for what is not loaded") {
    Sound module;
    uint32_t debug = module.section(".comment", 0, std::vector<std::byte>(8));
    module.livepatch_table(".klp.rela.vmlinux..comment", debug, {{0, R_X86_64_64, module.hidden, 0}});
    CHECK(codes_of(module) == Codes{"form.section-info"});
}

TEST_CASE("form: names of livepatch relocation sections") {
    auto with_name = [](const char* name) {
        Sound module;
        module.table(".klp.rela.vmlinux..text.f").name = name;
        return codes_of(module);
    };
    CHECK(with_name(".klp.rela.vmlinux.text.f") == Codes{}); // as in the kernel's document
    CHECK(with_name(".klp.rela.vmlinux..text.g") == Codes{"form.section-name"});
    CHECK(with_name(".klp.rela.vmlinux") == Codes{"form.section-name"});
    CHECK(with_name(".klp.rela...text.f") == Codes{"form.section-name"});
}

TEST_CASE("form: two livepatch relocation sections for the same thing") {
    Sound module;
    module.livepatch_table(".klp.rela.vmlinux..text.f", module.text, {{40, R_X86_64_PC32, module.hidden, -4}});
    CHECK(codes_of(module) == Codes{"form.section-twice"});
}

TEST_CASE("form: symbols") {
    CHECK(with_symbol(".klp.sym.vmlinux.hidden") == Codes{"form.symbol-name"});
    CHECK(with_symbol(".klp.sym." + std::string(56, 'm') + ".hidden,0") == Codes{"form.symbol-name"});
    CHECK(with_symbol(".klp.sym.vmlinux." + std::string(512, 'h') + ",0") == Codes{"form.symbol-name"});
    CHECK(with_symbol("hidden") == Codes{"form.symbol-place"});

    Sound undefined;
    undefined.undefined(".klp.sym.vmlinux.hidden,0");
    CHECK(codes_of(undefined) == Codes{"form.symbol-place"});

    Sound common;
    common.builder.add_symbol(
        {.name = "c", .size = 8, .binding = STB_GLOBAL, .type = STT_OBJECT, .place = elf::Place::common});
    CHECK(codes_of(common) == Codes{"form.common-symbol"});

    CHECK(with_header(".symtab", [](Elf64_Shdr& header) { header.sh_info += 1; }) == Codes{"form.symbol-order"});
}

TEST_CASE("form: which symbols which relocations may name") {
    Sound plain;
    plain.table(".klp.rela.vmlinux..text.f").entries[0].symbol = plain.printk;
    CHECK(codes_of(plain) == Codes{"form.livepatch-relocation"});

    Sound normal;
    normal.relocate(normal.text, 32, normal.hidden, R_X86_64_PC32);
    CHECK(codes_of(normal) == Codes{"form.normal-relocation"});

    Sound foreign;
    foreign.table(".klp.rela.usbcore..text.f").entries[0].symbol = foreign.hidden;
    CHECK(codes_of(foreign) == Codes{"form.foreign-symbol"});
    Sound early;
    early.table(".klp.rela.vmlinux..text.f").entries[0].symbol = early.helper;
    CHECK(codes_of(early) == Codes{"form.foreign-symbol"});
}

TEST_CASE("form: relocations for a module in what is read at load time") {
    auto without_key = [](Sound& sound) {
        std::erase_if(sound.table(".rela__jump_table").entries, [](const auto& entry) { return entry.offset == 8; });
    };
    Sound module;
    without_key(module);
    module.livepatch_table(".klp.rela.usbcore.__jump_table", module.jump_table, {{8, R_X86_64_PC64, module.helper, 0}});
    CHECK(codes_of(module) == Codes{"form.late-section"});
    Sound vmlinux;
    without_key(vmlinux);
    vmlinux.livepatch_table(".klp.rela.vmlinux.__jump_table", vmlinux.jump_table,
                            {{8, R_X86_64_PC64, vmlinux.hidden, 0}});
    CHECK(codes_of(vmlinux) == Codes{});
}

TEST_CASE("form: places of relocations") {
    auto with_relocation = [](uint64_t offset, uint32_t type) {
        Sound module;
        module.relocate(module.text, offset, module.printk, type);
        return codes_of(module);
    };
    CHECK(with_relocation(40, R_X86_64_GOTPCREL) == Codes{"form.relocation-type"});
    CHECK(with_relocation(61, R_X86_64_PC32) == Codes{"form.relocation-range"});
    CHECK(with_relocation(60, R_X86_64_PC32) == Codes{});
    CHECK(with_relocation(16, R_X86_64_PC32) == Codes{"form.relocation-twice"}); // the livepatch relocation's place
    CHECK(with_relocation(13, R_X86_64_PC32) == Codes{"form.relocation-twice"});
    CHECK(with_relocation(12, R_X86_64_PC32) == Codes{});
    CHECK(with_relocation(16, R_X86_64_NONE) == Codes{});
    Sound filled;
    filled.builder.sections[filled.text].data[18] = std::byte{1};
    CHECK(codes_of(filled) == Codes{"form.relocated-bytes"});
}

TEST_CASE("form: alignment and special tables") {
    Sound aligned;
    aligned.builder.sections[aligned.text].alignment = 8192;
    CHECK(codes_of(aligned) == Codes{"form.alignment"});
    Sound cut;
    cut.builder.sections[cut.jump_table].data.resize(20);
    CHECK(codes_of(cut) == Codes{"form.table-size"});

    auto with_orc = [](uint64_t first, uint64_t second, size_t entries) {
        Sound module;
        uint32_t places = module.section(".orc_unwind_ip", SHF_ALLOC, std::vector<std::byte>(8));
        module.section(".orc_unwind", SHF_ALLOC, std::vector<std::byte>(6 * entries));
        module.relocate(places, 0, module.replacement, R_X86_64_PC32, static_cast<int64_t>(first));
        module.relocate(places, 4, module.replacement, R_X86_64_PC32, static_cast<int64_t>(second));
        return codes_of(module);
    };
    CHECK(with_orc(0, 8, 2) == Codes{});
    CHECK(with_orc(0, 8, 3) == Codes{"form.orc-size"});
    CHECK(with_orc(8, 0, 2) == Codes{"form.orc-order"});
}
