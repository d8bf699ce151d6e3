// One sound module, and for every rule the same module broken in just that way.
#include "convert/convert.h"
#include "elf/livepatch_abi.h"
#include "sound_module.h"
#include "verify/rule.h"
#include "verify/verify.h"

#include <algorithm>
#include <cstring>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <set>

using namespace klp;
using test::FakeKernel;
using test::ModuleMaker;
using test::Sound;
using test::sound_modinfo;
using test::target;
using test::vermagic;
using test::version_of;

namespace {

// An image with one ftrace location, at the start of `function`, in `code`.
elf::Object traced_module(const char* code) {
    ModuleMaker maker({"name=usbcore"});
    uint32_t text = maker.section(code, SHF_ALLOC | SHF_EXECINSTR, std::vector<std::byte>(64));
    uint32_t sites = maker.section("__mcount_loc", SHF_ALLOC, std::vector<std::byte>(8));
    uint32_t symbol = maker.define("kick", text, STT_FUNC);
    maker.relocate(sites, 0, symbol, R_X86_64_64, 0);
    return maker.object();
}

// An image with a build id of four bytes.
elf::Object image_with_id(const std::vector<unsigned char>& id) {
    std::vector<unsigned char> note = {4, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0};
    note.insert(note.end(), id.begin(), id.end());
    ModuleMaker maker;
    const auto* data = reinterpret_cast<const std::byte*>(note.data());
    maker.builder.add_section({.name = ".notes", .type = SHT_NOTE, .alignment = 4, .data = {data, data + note.size()}});
    return maker.object();
}

std::set<std::string> codes_of(const elf::Object& module, const verify::Options& options) {
    std::set<std::string> codes;
    for (const report::Finding& finding : verify::check(module, options))
        codes.insert(finding.code);
    return codes;
}

using Codes = std::set<std::string>;

Codes codes_of(const Sound& module, const FakeKernel& kernel) {
    return codes_of(module.object(), {.kernel = &kernel});
}
Codes codes_of(const Sound& module) {
    return codes_of(module, target());
}

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

Codes with_function(const char* name, const char* object, uint64_t sympos, FakeKernel kernel = target()) {
    Sound module;
    std::string text = std::string("vmlinux\0cmdline_show\0usbcore\0kick\0", 34) + name + '\0' + object + '\0';
    module.builder.sections[module.strings].data = test::bytes_of(text);
    module.add_function(64, 34, 34 + static_cast<int64_t>(std::strlen(name)) + 1, sympos);
    return codes_of(module, kernel);
}

Codes with_symbol(std::string name) {
    Sound module;
    module.builder.symbols[module.hidden].name = std::move(name);
    return codes_of(module);
}

} // namespace

TEST_CASE("a sound module passes silently, with a kernel and without") {
    CHECK(codes_of(Sound()) == Codes{});
    CHECK(codes_of(Sound().object(), {}) == Codes{});
}

TEST_CASE("every rule has a code of its own, in a known group, with a source") {
    std::set<std::string_view> codes;
    for (const verify::Rule& rule : verify::rules()) {
        CAPTURE(rule.code);
        CHECK(codes.insert(rule.code).second);
        std::string_view group = rule.code.substr(0, rule.code.find('.'));
        CHECK((group == "form" || group == "match" || group == "sense"));
        CHECK_FALSE(rule.text.empty());
        CHECK_FALSE(rule.source.empty());
    }
}

TEST_CASE("docs/verify.md names every rule") {
    std::ifstream file(std::string(KLP_SOURCE_DIR) + "/docs/verify.md");
    REQUIRE(file);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    for (const verify::Rule& rule : verify::rules())
        CHECK_MESSAGE(text.find(fmt::format("`{}`", rule.code)) != std::string::npos, std::string(rule.code));
}

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

TEST_CASE("match: vermagic") {
    FakeKernel kernel = target();
    kernel.release = "6.1.0-other SMP preempt mod_unload modversions ";
    CHECK(codes_of(Sound(), kernel) == Codes{"match.vermagic"});
    kernel.release = "";
    CHECK(codes_of(Sound(), kernel) == Codes{});
}

TEST_CASE("match: build ids of the kernel and of patched modules") {
    auto verdict = [](const char* field) {
        FakeKernel kernel = target();
        kernel.add_image("vmlinux", image_with_id({0xab, 0xcd, 0, 1}));
        kernel.add_image("usbcore", image_with_id({0x12, 0x34, 0, 2}));
        std::vector<std::string> fields = sound_modinfo();
        fields.push_back(std::string("klp_build_id=") + field);
        Codes codes = codes_of(Sound(fields), kernel);
        codes.erase("match.no-ftrace"); // the images hold no code
        return codes;
    };
    CHECK(verdict("abcd0001") == Codes{});
    CHECK(verdict("usbcore:12340002") == Codes{});
    CHECK(verdict("unknown_module:12340002") == Codes{});
    CHECK(verdict("abcd0002") == Codes{"match.build-id"});
    CHECK(verdict("usbcore:abcd0001") == Codes{"match.build-id"});
}

TEST_CASE("match: imports") {
    FakeKernel other_crc = target();
    other_crc.exported.add("_printk", {"vmlinux", "", 0x9999, false});
    CHECK(codes_of(Sound(), other_crc) == Codes{"match.crc"});

    Sound unversioned;
    unversioned.builder.sections[unversioned.versions].data = version_of("other", 0x1234);
    CHECK(codes_of(unversioned) == Codes{"match.no-crc"});

    FakeKernel no_crc = target();
    no_crc.exported.add("_printk", {"vmlinux", "", 0, false});
    CHECK(codes_of(unversioned, no_crc) == Codes{});

    FakeKernel spaced = target();
    spaced.exported.add("_printk", {"vmlinux", "SPACE", 0x1234, false});
    CHECK(codes_of(Sound(), spaced) == Codes{"match.namespace"});
    std::vector<std::string> importing = sound_modinfo();
    importing.push_back("import_ns=OTHER");
    importing.push_back("import_ns=SPACE");
    CHECK(codes_of(Sound(importing), spaced) == Codes{});

    FakeKernel from_patched = target();
    from_patched.exported.add("_printk", {"usbcore", "", 0x1234, false});
    CHECK(codes_of(Sound(), from_patched) == Codes{"match.depends", "match.depends-on-patched"});
    std::vector<std::string> depending = sound_modinfo();
    depending.push_back("depends=usb-storage,usbcore");
    CHECK(codes_of(Sound(depending), from_patched) == Codes{"match.depends-on-patched", "match.unknown-dependency"});

    Sound unexported;
    unexported.undefined("secret", STB_GLOBAL);
    CHECK(codes_of(unexported) == Codes{"match.not-exported"});
    FakeKernel unknown = target();
    unknown.has_exports = false;
    CHECK(codes_of(unexported, unknown) == Codes{});

    Sound weak;
    weak.undefined("hidden", STB_WEAK);
    CHECK(codes_of(weak) == Codes{"match.weak-unresolved"});
    Sound absent;
    absent.undefined("nowhere", STB_WEAK);
    CHECK(codes_of(absent) == Codes{});
}

TEST_CASE("match: keys of static calls") {
    Sound module;
    uint32_t sites = module.section(".static_call_sites", SHF_ALLOC | SHF_WRITE, std::vector<std::byte>(8));
    module.relocate(sites, 0, module.text_symbol, R_X86_64_PC32, 48);
    module.relocate(sites, 4, module.undefined("__SCT__tick", STB_GLOBAL), R_X86_64_PC32, 0);
    FakeKernel kernel = target();
    kernel.exported.add("__SCT__tick", {"vmlinux", "", 0, false});
    CHECK(codes_of(module, kernel) == Codes{});
    kernel.exported.add("__SCK__tick", {"vmlinux", "", 0, false});
    CHECK(codes_of(module, kernel) == Codes{"match.static-call-key"});
}

TEST_CASE("match: livepatch symbols") {
    CHECK(with_symbol(".klp.sym.vmlinux.gone,0") == Codes{"match.symbol-missing"});
    CHECK(with_symbol(".klp.sym.vmlinux.hidden,1") == Codes{"match.sympos-unique"});
    CHECK(with_symbol(".klp.sym.vmlinux.hidden,2") == Codes{"match.sympos"});
    CHECK(with_symbol(".klp.sym.vmlinux.setup,0") == Codes{"match.freed-symbol"});

    auto with_helper = [](std::string name, const FakeKernel& kernel) {
        Sound module;
        module.builder.symbols[module.helper].name = std::move(name);
        return codes_of(module, kernel);
    };
    CHECK(with_helper(".klp.sym.usbcore.helper,0", target()) == Codes{"match.symbol-ambiguous"});
    CHECK(with_helper(".klp.sym.usbcore.helper,1", target()) == Codes{});
    CHECK(with_helper(".klp.sym.nowhere.helper,2", target()) == Codes{"match.unknown-object"});
    FakeKernel ignorant = target();
    ignorant.has_modules = false;
    CHECK(with_helper(".klp.sym.nowhere.helper,2", ignorant) == Codes{});
}

TEST_CASE("match: a position that init symbols share") {
    symbols::KernelSymbol core{.name = "helper", .address = 0x10};
    symbols::KernelSymbol init{.name = "helper", .address = 0x20, .init = true};
    symbols::KernelSymbol kick{.name = "kick"};
    FakeKernel kernel = target();
    kernel.add(symbols::SymbolTable("usbcore", {kick, init, core}, {}, {}));
    CHECK(codes_of(Sound(), kernel) == Codes{"match.sympos-unstable"});
}

TEST_CASE("match: a module that comes back") {
    Sound module;
    FakeKernel kernel = target();
    CHECK(codes_of(module, kernel) == Codes{});
    kernel.add("vmlinux", {{"_stext", 0x1000},
                           {"cmdline_show", 0x1010},
                           {"klp_enable_patch", 0x1018},
                           {"apply_relocate_add", 0x1020},
                           {"_etext", 0x2000}});
    CHECK(codes_of(module, kernel).contains("match.reload"));
    kernel.add("vmlinux", {{"_stext", 0x1000},
                           {"cmdline_show", 0x1010},
                           {"apply_relocate_add", 0x1020},
                           {"clear_relocate_add", 0x1030},
                           {"_etext", 0x2000}});
    CHECK_FALSE(codes_of(module, kernel).contains("match.reload"));
}

TEST_CASE("match: patched functions") {
    CHECK(with_function("gone", "vmlinux", 0) == Codes{"match.function-missing"});
    CHECK(with_function("helper", "usbcore", 0) == Codes{"match.function-ambiguous"});
    CHECK(with_function("helper", "usbcore", 2) == Codes{});
    CHECK(with_function("helper", "usbcore", 3) == Codes{"match.function-sympos"});
    CHECK(with_function("setup", "vmlinux", 0) == Codes{"match.init-function"});
    CHECK(with_function("hidden", "vmlinux", 0) == Codes{"match.not-a-function"});
    CHECK(with_function("x", "nowhere", 0) == Codes{"match.unknown-object"});
}

TEST_CASE("match: ftrace locations") {
    FakeKernel kernel = target();
    kernel.add_image("usbcore", traced_module(".text.kick"));
    symbols::KernelSymbol kick{.name = "kick", .address = 0, .size = 8, .section = 3, .type = STT_FUNC};
    symbols::KernelSymbol other{.name = "helper", .address = 8, .size = 8, .section = 3, .type = STT_FUNC};
    kernel.add(symbols::SymbolTable("usbcore", {kick, other, other}, {}, {}));
    CHECK(codes_of(Sound(), kernel) == Codes{});
    CHECK(with_function("helper", "usbcore", 1, std::move(kernel)) == Codes{"match.no-ftrace"});
}

TEST_CASE("sense: the list of functions") {
    CHECK(with_function("cmdline_show", "vmlinux", 1) == Codes{"sense.patched-twice"});

    Sound empty;
    std::erase_if(empty.builder.relocations, [](const auto& table) {
        return table.name == ".rela.klp.build.funcs" || table.name == ".klp.rela.usbcore..text.f";
    });
    empty.builder.sections[empty.functions].data.clear();
    CHECK(codes_of(empty) == Codes{"sense.nothing-patched"});

    Sound data;
    data.table(".rela.klp.build.funcs").entries[0].symbol = data.name_symbol;
    CHECK(codes_of(data) == Codes{"form.table-target", "sense.new-function"});

    Sound orphan;
    orphan.livepatch_table(".klp.rela.ext4..text.f", orphan.text, {{40, R_X86_64_PLT32, orphan.helper, -4}});
    CHECK(codes_of(orphan) == Codes{"sense.orphan-relocations"});
}

TEST_CASE("sense: transitions that may not end") {
    FakeKernel kernel = target();
    kernel.add("vmlinux", {{"_stext", 0x1000},
                           {"cmdline_show", 0x1010},
                           {"klp_enable_patch", 0x1018},
                           {"schedule", 0x1020},
                           {"_etext", 0x2000},
                           {"hidden", 0x2100, "", STT_OBJECT}});
    CHECK(with_function("schedule", "vmlinux", 0, std::move(kernel)) == Codes{"sense.blocks-transition"});

    Sound thread;
    thread.relocate(thread.text, 0, thread.undefined("kthread_should_stop", STB_GLOBAL));
    FakeKernel with_kthreads = target();
    with_kthreads.exported.add("kthread_should_stop", {"vmlinux", "", 0, false});
    CHECK(codes_of(thread, with_kthreads) == Codes{"sense.blocks-transition"});
}

namespace {

// A hand-written patch of vmlinux's cmdline_show (and kick of usbcore), with states: compiler-initialised structures.
struct HandWritten : ModuleMaker {
    uint32_t data;
    HandWritten(bool replace, const std::vector<std::pair<uint64_t, uint32_t>>& states, bool with_kick)
        : ModuleMaker(sound_modinfo()) {
        const uint32_t module_data = test::add_this_module(*this);
        uint32_t strings =
            section(".rodata.str1.1", SHF_ALLOC, test::bytes_of(std::string_view("cmdline_show\0usbcore\0kick\0", 26)));
        uint32_t text_of = builder.add_symbol({.type = STT_SECTION, .place = elf::Place::section, .section = strings});
        data = section(".data", SHF_ALLOC | SHF_WRITE, std::vector<std::byte>(1024));
        uint32_t data_of = builder.add_symbol({.type = STT_SECTION, .place = elf::Place::section, .section = data});
        uint32_t this_module = define("__this_module", module_data, STT_OBJECT);
        define("patch", data, STT_OBJECT, 0);
        sized("funcs", 128, 96);
        sized("kick_funcs", 256, 96);
        sized("objs", 384, 192);
        pointer(0, this_module, 0);
        pointer(8, data_of, 384);
        if (!states.empty())
            pointer(16, data_of, 640);
        builder.sections[data].data[24] = std::byte{replace};
        pointer(384 + 8, data_of, 128);
        pointer(128, text_of, 0);
        pointer(136, 1, 0);
        if (with_kick) {
            pointer(480, text_of, 13);
            pointer(488, data_of, 256);
            pointer(256, text_of, 21);
            pointer(264, 1, 0);
        }
        for (size_t at = 0; at < states.size(); ++at) {
            std::memcpy(builder.sections[data].data.data() + 640 + at * 24, &states[at].first, 8);
            std::memcpy(builder.sections[data].data.data() + 648 + at * 24, &states[at].second, 4);
        }
    }
    void sized(const char* name, uint64_t value, uint64_t size) {
        builder.symbols[define(name, data, STT_OBJECT, value)].size = size;
    }
    void pointer(uint64_t at, uint32_t symbol, int64_t addend) { relocate(data, at, symbol, R_X86_64_64, addend); }
};

Codes succession(const HandWritten& now, const HandWritten& before) {
    elf::Object previous = before.object();
    return codes_of(now.object(), {.previous = &previous});
}

} // namespace

TEST_CASE("the functions of a hand-written module are read from its structures") {
    FakeKernel kernel = target();
    kernel.add("vmlinux", {{"_stext", 0x1000}, {"klp_enable_patch", 0x1020}});
    CHECK(codes_of(HandWritten(false, {}, true).object(), {.kernel = &kernel}) == Codes{"match.function-missing"});
    kernel = target();
    kernel.add("usbcore", {});
    CHECK(codes_of(HandWritten(false, {}, false).object(), {.kernel = &kernel}) == Codes{});
    CHECK(codes_of(HandWritten(false, {}, true).object(), {.kernel = &kernel}) == Codes{"match.function-missing"});
}

TEST_CASE("sense: what comes after the previous patch") {
    CHECK(succession({true, {{7, 2}}, true}, {true, {{7, 1}}, true}) == Codes{});
    CHECK(succession({true, {}, true}, {true, {{7, 1}}, true}) == Codes{"sense.state-lost"});
    CHECK(succession({false, {}, true}, {true, {{7, 1}}, true}) == Codes{});
    CHECK(succession({true, {{7, 1}}, true}, {true, {{7, 2}}, true}) == Codes{"sense.state-version"});
    CHECK(succession({true, {}, false}, {true, {}, true}) == Codes{"sense.reverts"});
    CHECK(succession({false, {}, false}, {true, {}, true}) == Codes{"sense.stays"});
}

namespace {

// The field that both kinds of modules have in common: a call of hidden() at .text.f+16.
void check_hidden_in_f(const verify::PredictedField& field) {
    CHECK(field.section == ".text.f");
    CHECK(field.offset == 16);
    CHECK(field.width == 4);
    CHECK(field.pc_relative);
    CHECK(field.addend == -4);
    CHECK(field.symbol == ".klp.sym.vmlinux.hidden,0");
}

} // namespace

TEST_CASE("what the kernel will fill in is predicted") {
    FakeKernel kernel = target();
    verify::Prediction prediction = verify::predict(Sound().object(), kernel);
    REQUIRE(prediction.symbols.size() == 2);
    CHECK(prediction.symbols[0].name == "hidden");
    CHECK(prediction.symbols[0].address == 0x2100);
    CHECK(prediction.symbols[1].object == "usbcore");
    CHECK(prediction.symbols[1].address == 0x20); // the second helper
    REQUIRE(prediction.fields.size() == 2);
    CHECK(prediction.fields[0].object == "vmlinux");
    CHECK(prediction.fields[1].object == "usbcore");
    check_hidden_in_f(prediction.fields[0]);
}

// ---- Modules for klp-build's own core ----

namespace {

std::vector<std::string> core_modinfo() {
    return {"livepatch:=Y", "license=GPL", "name=livepatch_x", "depends=klp_core", std::string("vermagic=") + vermagic};
}

// As klp-convert makes it: patches cmdline_show, refers to vmlinux's `hidden`, imports klp_enable_patch.
struct ForCore : ModuleMaker {
    uint32_t strings, functions, name_symbol;

    explicit ForCore(const char* hidden = ".klp.ref.vmlinux.vmlinux.hidden,0",
                     const std::vector<std::string>& fields = core_modinfo())
        : ModuleMaker(fields) {
        test::add_this_module(*this);
        strings =
            section(".klp.build.strings", SHF_ALLOC, test::bytes_of(std::string_view("vmlinux\0cmdline_show\0", 21)));
        functions = section(".klp.build.funcs", SHF_ALLOC | SHF_WRITE, std::vector<std::byte>(32));
        name_symbol = builder.add_symbol({.type = STT_SECTION, .place = elf::Place::section, .section = strings});
        relocate(functions, 0, 1, R_X86_64_64, 0);
        relocate(functions, 8, name_symbol, R_X86_64_64, 8);
        relocate(functions, 16, name_symbol, R_X86_64_64, 0);
        auto enable = std::ranges::find(builder.symbols, "klp_enable_patch", &elf::NewSymbol::name);
        relocate(text, 8, static_cast<uint32_t>(enable - builder.symbols.begin()));
        relocate(text, 16, undefined(hidden), R_X86_64_PC32, -4);
    }
    elf::Object finished() const { return elf::Object::from_bytes("x.ko", convert::convert(object()).bytes); }
};

// The finished module taken apart, for what klp-convert would never write.
elf::Object broken(const std::function<void(elf::Builder&, elf::NewSection&)>& damage) {
    elf::Builder builder = elf::Builder::copy_of(ForCore().finished());
    auto table = std::ranges::find(builder.sections, ".klp.core.relocs", &elf::NewSection::name);
    damage(builder, *table);
    return elf::Object::from_bytes("x.ko", builder.bytes());
}

elf::NewRelocationTable& table_relocations(elf::Builder& builder) {
    return *std::ranges::find(builder.relocations, ".rela.klp.core.relocs", &elf::NewRelocationTable::name);
}

FakeKernel kernel_without_core() {
    FakeKernel kernel = target();
    kernel.has_modules = false;
    kernel.add("vmlinux", {{"_stext", 0x1000},
                           {"cmdline_show", 0x1010},
                           {"_etext", 0x2000},
                           {"hidden", 0x2100, "", STT_OBJECT},
                           {"__init_begin", 0x3000},
                           {"setup", 0x3010},
                           {"__init_end", 0x4000}});
    return kernel;
}

struct CoreModule : ModuleMaker {
    explicit CoreModule(const std::vector<std::string>& more = {}, const char* exported = "klp_enable_patch")
        : ModuleMaker(fields(more)) {
        define(std::string("__ksymtab_") + exported, text, STT_NOTYPE);
    }
    static std::vector<std::string> fields(const std::vector<std::string>& more) {
        std::vector<std::string> all = {"name=klp_core", "license=GPL", std::string("vermagic=") + vermagic};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
};

} // namespace

TEST_CASE("what klp-build's own core will fill in is predicted") {
    FakeKernel kernel = target();
    verify::Prediction prediction = verify::predict(ForCore().finished(), kernel);
    REQUIRE(prediction.symbols.size() == 1);
    CHECK(prediction.symbols[0].symbol == ".klp.sym.vmlinux.hidden,0");
    CHECK(prediction.symbols[0].address == 0x2100);
    REQUIRE(prediction.fields.size() == 1);
    CHECK(prediction.fields[0].object == "vmlinux");
    check_hidden_in_f(prediction.fields[0]);
}

TEST_CASE("a sound module for the runtime core passes silently") {
    FakeKernel kernel = kernel_without_core();
    CHECK(codes_of(ForCore().finished(), {}) == Codes{});
    CHECK(codes_of(ForCore().finished(), {.kernel = &kernel}) == Codes{});
    elf::Object core = CoreModule().object();
    CHECK(codes_of(ForCore().finished(), {.kernel = &kernel, .core = &core}) == Codes{});
}

TEST_CASE("form: the table for the runtime core") {
    CHECK(codes_of(broken([](elf::Builder&, elf::NewSection& table) { table.data.resize(90); }), {}) ==
          Codes{"form.core-table", "form.symbol-range"});
    CHECK(codes_of(broken([](elf::Builder&, elf::NewSection& table) { table.data.back() = std::byte{1}; }), {}) ==
          Codes{"form.core-table"});
    auto rename = [](elf::Builder& builder, elf::NewSection&) {
        std::ranges::find(builder.symbols, "klp_core_relocs", &elf::NewSymbol::name)->name = "other";
    };
    CHECK(codes_of(broken(rename), {}) == Codes{"form.core-table"});
    auto without_name = [](elf::Builder& builder, elf::NewSection&) { table_relocations(builder).entries.pop_back(); };
    CHECK(codes_of(broken(without_name), {}).contains("form.core-table"));
    auto beyond = [](elf::Builder& builder, elf::NewSection&) { table_relocations(builder).entries[0].addend = 62; };
    CHECK(codes_of(broken(beyond), {}) == Codes{"form.relocation-range"});
    auto twice = [](elf::Builder& builder, elf::NewSection&) { table_relocations(builder).entries[0].addend = 9; };
    CHECK(codes_of(broken(twice), {}) == Codes{"form.relocation-twice"});
    auto filled = [](elf::Builder& builder, elf::NewSection&) {
        std::ranges::find(builder.sections, ".text.f", &elf::NewSection::name)->data[17] = std::byte{7};
    };
    CHECK(codes_of(broken(filled), {}) == Codes{"form.relocated-bytes"});
    auto foreign_type = [](elf::Builder&, elf::NewSection& table) { table.data[44] = std::byte{99}; };
    CHECK(codes_of(broken(foreign_type), {}) == Codes{"form.relocation-type"});
    auto early = [](elf::Builder& builder, elf::NewSection&) {
        std::ranges::find(builder.sections, ".text.f", &elf::NewSection::name)->name = "__ex_table";
    };
    CHECK(codes_of(broken(early), {}).contains("form.before-core"));
}

TEST_CASE("match: which livepatch core") {
    FakeKernel with_core = kernel_without_core();
    with_core.add("vmlinux", {{"_stext", 0x1000},
                              {"cmdline_show", 0x1010},
                              {"klp_enable_patch", 0x1020},
                              {"_etext", 0x2000},
                              {"hidden", 0x2100, "", STT_OBJECT}});
    CHECK(codes_of(ForCore().finished(), {.kernel = &with_core}) == Codes{"match.runtime"});
    FakeKernel without = kernel_without_core();
    ForCore for_kernel(".klp.ref.vmlinux.vmlinux.hidden,0", sound_modinfo());
    CHECK(codes_of(for_kernel.finished(), {.kernel = &without}) == Codes{"match.runtime"});
    CHECK(codes_of(for_kernel.finished(), {.kernel = &with_core}) == Codes{});
}

TEST_CASE("match: symbols in the table for the runtime core") {
    FakeKernel kernel = kernel_without_core();
    CHECK(codes_of(ForCore(".klp.ref.vmlinux.vmlinux.nowhere,0").finished(), {.kernel = &kernel}) ==
          Codes{"match.symbol-missing"});
    CHECK(codes_of(ForCore(".klp.ref.vmlinux.vmlinux.hidden,2").finished(), {.kernel = &kernel}) ==
          Codes{"match.sympos"});
    CHECK(codes_of(ForCore(".klp.ref.vmlinux.vmlinux.setup,0").finished(), {.kernel = &kernel}) ==
          Codes{"match.freed-symbol"});
    CHECK(codes_of(ForCore(".klp.ref.usbcore.usbcore.helper,1").finished(), {.kernel = &kernel}) ==
          Codes{"sense.orphan-relocations"});
}

TEST_CASE("match: the runtime core that goes with the module") {
    FakeKernel kernel = kernel_without_core();
    kernel.add_image("vmlinux", image_with_id({0xab, 0xcd, 0xef, 0x01}));
    auto verdict = [&](const elf::Object& core) {
        return codes_of(ForCore().finished(), {.kernel = &kernel, .core = &core});
    };
    CHECK(verdict(CoreModule({"klp_build_id=abcdef01"}).object()) == Codes{});
    CHECK(verdict(CoreModule({"klp_build_id=abcdef02"}).object()) == Codes{"match.core"});
    CHECK(verdict(CoreModule({}, "klp_shadow_get").object()) == Codes{"match.core"});
    CHECK(verdict(ModuleMaker({"name=klp_core", "vermagic=other"}).object()) == Codes{"match.core"});
    CHECK(verdict(ModuleMaker({"name=something"}).object()) == Codes{"match.core"});
}
