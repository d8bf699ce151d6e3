// A sound live patch, and the kernel that it is for: what the tests of klp-verify break.
#pragma once

#include "elf/livepatch_abi.h"
#include "fake_kernel.h"
#include "livepatch_modules.h"

#include <algorithm>
#include <cstring>
#include <doctest/doctest.h>
#include <set>
#include <string>
#include <vector>

namespace doctest {
template <>
struct StringMaker<std::set<std::string>> {
    static String convert(const std::set<std::string>& codes) {
        std::string text;
        for (const std::string& code : codes)
            text += code + ' ';
        return text.c_str();
    }
};
} // namespace doctest

namespace klp::test {

inline constexpr const char* vermagic = "6.1.0-test SMP preempt mod_unload modversions ";

inline std::vector<std::string> sound_modinfo() {
    return {"livepatch=Y", "license=GPL", "name=livepatch_x", "retpoline=Y", std::string("vermagic=") + vermagic};
}

inline std::string_view name_in(const std::vector<std::string>& fields) {
    constexpr std::string_view tag = "name=";
    auto found = std::ranges::find_if(fields, [&](const std::string& field) { return field.starts_with(tag); });
    return found == fields.end() ? std::string_view() : std::string_view(*found).substr(tag.size());
}

// struct module as modpost makes it (a small one): the name, and a pointer to the init function, which calls
// klp_enable_patch().
inline uint32_t add_this_module(ModuleMaker& maker, std::string_view name = "livepatch_x") {
    constexpr size_t size = 256, name_at = 24, init_at = 128;
    std::vector<std::byte> data(size);
    std::memcpy(data.data() + name_at, name.data(), name.size());
    const uint32_t section = maker.section(".gnu.linkonce.this_module", SHF_ALLOC | SHF_WRITE, std::move(data));
    const uint32_t code = maker.section(".init.text", SHF_ALLOC | SHF_EXECINSTR, std::vector<std::byte>(16));
    maker.relocate(section, init_at, maker.define("init_module", code, STT_FUNC), R_X86_64_64, 0);
    const uint32_t enable = maker.undefined("klp_enable_patch", STB_GLOBAL);
    maker.builder.sections[code].data[0] = std::byte{0xe8};
    maker.relocate(code, 1, enable);
    return section;
}

// struct modversion_info
inline std::vector<std::byte> version_of(const char* symbol, uint32_t crc) {
    std::vector<std::byte> entry(64);
    std::memcpy(entry.data(), &crc, sizeof(crc));
    std::memcpy(entry.data() + 8, symbol, std::strlen(symbol));
    return entry;
}

// A module in its final form that patches vmlinux's cmdline_show and usbcore's kick, uses a hidden variable of the
// first and a static function of the second, and imports _printk.
struct Sound : ModuleMaker {
    uint32_t this_module, strings, functions, versions, jump_table, replacement, printk, hidden, helper;
    uint32_t name_symbol, functions_symbol, text_symbol;

    explicit Sound(const std::vector<std::string>& fields = sound_modinfo()) : ModuleMaker(fields) {
        this_module = add_this_module(*this, name_in(fields));
        strings = section(".klp.build.strings", SHF_ALLOC,
                          bytes_of(std::string_view("vmlinux\0cmdline_show\0usbcore\0kick\0", 34)));
        functions = section(".klp.build.funcs", SHF_ALLOC | SHF_WRITE, std::vector<std::byte>(64));
        versions = section("__versions", SHF_ALLOC, version_of("_printk", 0x1234));
        jump_table = section("__jump_table", SHF_ALLOC | SHF_WRITE, std::vector<std::byte>(16));
        name_symbol = builder.add_symbol({.type = STT_SECTION, .place = elf::Place::section, .section = strings});
        define("__this_module", this_module, STT_OBJECT);
        replacement = 1;
        text_symbol = builder.add_symbol({.type = STT_SECTION, .place = elf::Place::section, .section = text});
        nop_at(48);
        relocate(jump_table, 0, text_symbol, R_X86_64_PC32, 48);
        relocate(jump_table, 4, text_symbol, R_X86_64_PC32, 56);
        relocate(jump_table, 8,
                 define("key", section(".data", SHF_ALLOC | SHF_WRITE, std::vector<std::byte>(16)), STT_OBJECT),
                 R_X86_64_PC64, 0);
        printk = undefined("_printk", STB_GLOBAL);
        hidden = livepatch(".klp.sym.vmlinux.hidden,0");
        helper = livepatch(".klp.sym.usbcore.helper,2");
        relocate(text, 8, printk);
        add_function(0, 8, 0, 0);
        add_function(32, 29, 21, 1);
        livepatch_table(".klp.rela.vmlinux..text.f", text, {{16, R_X86_64_PC32, hidden, -4}});
        livepatch_table(".klp.rela.usbcore..text.f", text, {{24, R_X86_64_PLT32, helper, -4}});
    }
    // A no-op of five bytes, as jump labels have it.
    void nop_at(size_t offset) {
        const unsigned char nop[] = {0x0f, 0x1f, 0x44, 0, 0};
        std::memcpy(builder.sections[text].data.data() + offset, nop, sizeof(nop));
    }
    uint32_t livepatch(std::string name) {
        return builder.add_symbol({.name = std::move(name), .binding = STB_GLOBAL, .place = elf::Place::livepatch});
    }
    void livepatch_table(std::string name, uint32_t target, std::vector<elf::Relocation> entries) {
        builder.relocations.push_back(
            {std::move(name), target, SHF_ALLOC | elf::shf_rela_livepatch, std::move(entries)});
    }
    void add_function(uint64_t at, int64_t name, int64_t object, uint64_t sympos) {
        if (builder.sections[functions].data.size() < at + 32)
            builder.sections[functions].data.resize(at + 32);
        relocate(functions, at, replacement, R_X86_64_64, 0);
        relocate(functions, at + 8, name_symbol, R_X86_64_64, name);
        relocate(functions, at + 16, name_symbol, R_X86_64_64, object);
        std::memcpy(builder.sections[functions].data.data() + at + 24, &sympos, 8);
    }
    // As the differ writes it: a callback for the object whose name is at that place of `strings`.
    void add_callback(elf::CallbackKind kind, int64_t object) {
        const uint32_t callbacks = section(".klp.build.callbacks", SHF_ALLOC | SHF_WRITE, std::vector<std::byte>(24));
        relocate(callbacks, 0, replacement, R_X86_64_64, 0);
        relocate(callbacks, 8, name_symbol, R_X86_64_64, object);
        std::memcpy(builder.sections[callbacks].data.data() + 16, &kind, sizeof(kind));
    }
    elf::NewRelocationTable& table(std::string_view name) {
        return *std::ranges::find(builder.relocations, name, &elf::NewRelocationTable::name);
    }
};

inline FakeKernel target() {
    FakeKernel kernel;
    kernel.release = vermagic;
    kernel.exported.add("_printk", {"vmlinux", "", 0x1234, false});
    kernel.exported.add("klp_enable_patch", {"vmlinux", "", 0, true});
    kernel.add("vmlinux", {{"_stext", 0x1000},
                           {"cmdline_show", 0x1010},
                           {"klp_enable_patch", 0x1020},
                           {"_etext", 0x2000},
                           {"hidden", 0x2100, "", STT_OBJECT},
                           {"__init_begin", 0x3000},
                           {"_sinittext", 0x3008, "", STT_NOTYPE, true, 0, 1}, // the linker's
                           {"label", 0x300c, "", STT_NOTYPE, false, 0, 1},     // an assembler's
                           {"setup", 0x3010},
                           {"__per_cpu_start", 0x3100},
                           {"runqueues", 0x3110, "", STT_OBJECT},
                           {"__per_cpu_end", 0x3200},
                           {"__init_end", 0x4000}});
    kernel.add("usbcore", {{"kick", 0x0}, {"helper", 0x10, "a.c"}, {"helper", 0x20, "b.c"}});
    return kernel;
}

} // namespace klp::test
