// Rules about the module and its target: each with the target, or the module, changed in just one way.
#include "verify_codes.h"

#include <doctest/doctest.h>

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
using test::version_of;
using test::with_function;
using test::with_symbol;

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

} // namespace

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
    CHECK(with_symbol(".klp.sym.vmlinux.label,0") == Codes{"match.freed-symbol"});
    CHECK(with_symbol(".klp.sym.vmlinux._sinittext,0") == Codes{}); // an address to compare with
    CHECK(with_symbol(".klp.sym.vmlinux.runqueues,0") == Codes{}); // each processor has one that stays

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
