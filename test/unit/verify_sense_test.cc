// Rules about what the module would do, alone and after the patch before it.
#include "verify_codes.h"

#include <cstring>
#include <doctest/doctest.h>

using namespace klp;
using test::Codes;
using test::codes_of;
using test::FakeKernel;
using test::ModuleMaker;
using test::Sound;
using test::sound_modinfo;
using test::target;
using test::with_function;

TEST_CASE("sense: the list of functions") {
    CHECK(with_function("cmdline_show", "vmlinux", 1) == Codes{"sense.patched-twice"});

    Sound empty;
    std::erase_if(empty.builder.relocations, [](const auto& table) {
        return table.name == ".rela.klp.build.funcs" || table.name == ".klp.rela.usbcore..text.f";
    });
    empty.builder.sections[empty.functions].data.clear();
    CHECK(codes_of(empty) == Codes{"sense.nothing-patched"});
    // samples/livepatch/livepatch-callbacks-demo.c: objects without functions.
    empty.add_callback(elf::CallbackKind::post_unpatch, 0);
    CHECK(codes_of(empty) == Codes{});

    Sound data;
    data.table(".rela.klp.build.funcs").entries[0].symbol = data.name_symbol;
    CHECK(codes_of(data) == Codes{"form.table-target", "sense.new-function"});

    Sound orphan;
    orphan.livepatch_table(".klp.rela.ext4..text.f", orphan.text, {{40, R_X86_64_PLT32, orphan.helper, -4}});
    CHECK(codes_of(orphan) == Codes{"sense.orphan-relocations"});

    Sound callback_only;
    std::erase_if(callback_only.table(".rela.klp.build.funcs").entries,
                  [](const elf::Relocation& it) { return it.offset >= 32; });
    callback_only.builder.sections[callback_only.functions].data.resize(32);
    CHECK(codes_of(callback_only) == Codes{"sense.orphan-relocations"});
    callback_only.add_callback(elf::CallbackKind::post_unpatch, 21);
    CHECK(codes_of(callback_only) == Codes{});
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
    HandWritten(bool replace, const std::vector<std::pair<uint64_t, uint32_t>>& states, bool with_kick,
                const std::string& name = "livepatch_x")
        : ModuleMaker(named_modinfo(name)) {
        const uint32_t module_data = test::add_this_module(*this, name);
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
    static std::vector<std::string> named_modinfo(const std::string& name) {
        std::vector<std::string> fields = sound_modinfo();
        std::ranges::replace(fields, std::string("name=livepatch_x"), "name=" + name);
        return fields;
    }
    // struct klp_callbacks of the first object, vmlinux's, all of them f.
    void callback(elf::CallbackKind kind) { pointer(384 + 16 + static_cast<uint64_t>(kind) * 8, 1, 0); }
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
    const auto old = [](bool replace, const std::vector<std::pair<uint64_t, uint32_t>>& states, bool with_kick) {
        return HandWritten(replace, states, with_kick, "livepatch_old");
    };
    CHECK(succession({true, {{7, 2}}, true}, old(true, {{7, 1}}, true)) == Codes{});
    CHECK(succession({true, {}, true}, old(true, {{7, 1}}, true)) == Codes{"sense.state-lost"});
    CHECK(succession({false, {}, true}, old(true, {{7, 1}}, true)) == Codes{"sense.covers"});
    CHECK(succession({true, {{7, 1}}, true}, old(true, {{7, 2}}, true)) == Codes{"sense.state-version"});
    CHECK(succession({true, {}, false}, old(true, {}, true)) == Codes{"sense.reverts"});
    CHECK(succession({false, {}, false}, old(true, {}, true)) == Codes{"sense.covers", "sense.stays"});
    CHECK(succession({true, {}, true}, {true, {}, true}) == Codes{"sense.same-name"});
}

TEST_CASE("sense: callbacks of a patch that is replaced") {
    HandWritten old(true, {}, true, "livepatch_old");
    old.callback(elf::CallbackKind::post_unpatch);
    CHECK(succession({true, {}, true}, old) == Codes{"sense.callbacks-lost"});
    CHECK(succession({false, {}, true}, old) == Codes{"sense.covers"});
    HandWritten now(true, {}, true);
    now.callback(elf::CallbackKind::pre_unpatch);
    CHECK(succession(now, old) == Codes{});
    HandWritten quiet(true, {}, true, "livepatch_old");
    quiet.callback(elf::CallbackKind::post_patch);
    CHECK(succession({true, {}, true}, quiet) == Codes{});
}
