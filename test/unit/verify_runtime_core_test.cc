// Modules for klp-build's own livepatch core, and the prediction of what either core fills in.
#include "convert/convert.h"
#include "elf/livepatch_abi.h"
#include "verify_codes.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <functional>

using namespace klp;
using test::Codes;
using test::codes_of;
using test::FakeKernel;
using test::image_with_id;
using test::ModuleMaker;
using test::Sound;
using test::sound_modinfo;
using test::target;
using test::vermagic;

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
    auto hide = [](elf::Builder& builder, elf::NewSection&) {
        std::ranges::find(builder.symbols, "klp_core_relocs", &elf::NewSymbol::name)->binding = STB_LOCAL;
    };
    CHECK(codes_of(broken(hide), {}) == Codes{"form.core-table"});
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
    auto per_cpu = [](elf::Builder& builder, elf::NewSection&) {
        std::ranges::find(builder.sections, ".text.f", &elf::NewSection::name)->name = ".data..percpu";
    };
    CHECK(codes_of(broken(per_cpu), {}).contains("form.percpu-content"));
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
