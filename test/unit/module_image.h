// A sound live patch with every kind of section that the kernel's loader reads, and its file as bytes to be damaged.
#pragma once

#include "sound_module.h"

#include <functional>
#include <list>

namespace klp::test {

// Nothing that a special section could point to stands there, in .text.g.
inline constexpr int64_t nothing_at = 200;

inline std::vector<std::byte> bytes_from(std::initializer_list<unsigned> values) {
    std::vector<std::byte> bytes;
    for (unsigned value : values)
        bytes.push_back(std::byte(value));
    return bytes;
}

// struct btf_header, `struct module` with its two pointers, and `struct alt_instr`.
inline std::vector<std::byte> btf_of_module(uint32_t size, uint32_t init_at, uint32_t exit_at) {
    constexpr std::string_view strings("\0module\0init\0exit\0alt_instr\0", 28);
    const uint32_t words[] = {0x0001eb9f,
                              24,
                              0,
                              48,
                              48,
                              static_cast<uint32_t>(strings.size()),
                              /* struct module */ 1,
                              4u << 24 | 2,
                              size,
                              /* its members */ 8,
                              0,
                              init_at * 8,
                              13,
                              0,
                              exit_at * 8,
                              /* struct alt_instr */ 18,
                              4u << 24,
                              12};
    std::vector<std::byte> bytes(sizeof(words));
    std::memcpy(bytes.data(), words, sizeof(words));
    for (char c : strings)
        bytes.push_back(std::byte(c));
    return bytes;
}

inline std::vector<std::byte> orc_header() {
    return bytes_from({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20});
}

struct FullModule : Sound {
    static constexpr const char* imports[] = {"_printk",         "__x86_return_thunk", "__x86_indirect_thunk_rax",
                                              "__SCT__tick",     "hcd_call",           "__fentry__",
                                              "klp_enable_patch"};
    uint32_t code, code_symbol, rodata_symbol;

    static std::vector<std::string> fields() {
        std::vector<std::string> all = sound_modinfo();
        all.insert(all.end(), {"depends=usb_hcd", "import_ns=SPACE", "intree=Y", "livepatxx=Y"});
        return all;
    }

    FullModule() : Sound(fields()) {
        code = section(".text.g", SHF_ALLOC | SHF_EXECINSTR, std::vector<std::byte>(256));
        code_symbol = symbol_of(code);
        const uint32_t rodata = section(".rodata", SHF_ALLOC, std::vector<std::byte>(64, std::byte{1}));
        rodata_symbol = symbol_of(rodata);
        symbol_of(modinfo);
        define("g", code, STT_FUNC);
        add_code();
        add_tables();
        add_data();
        builder.sections[versions].data = version_of("module_layout", 0x77);
        for (const char* name : imports) {
            std::vector<std::byte> more = version_of(name, 0x1234);
            builder.sections[versions].data.insert(builder.sections[versions].data.end(), more.begin(), more.end());
        }
        builder.sections[text].data[23] = std::byte{0xe8}; // the call of `helper`
    }

private:
    uint32_t symbol_of(uint32_t of) {
        return builder.add_symbol({.type = STT_SECTION, .place = elf::Place::section, .section = of});
    }
    void put(size_t at, std::initializer_list<unsigned> values) {
        std::ranges::copy(bytes_from(values), builder.sections[code].data.begin() + static_cast<std::ptrdiff_t>(at));
    }
    void call(size_t at, unsigned opcode, const char* target) {
        put(at, {opcode});
        relocate(code, at + 1, undefined(target, STB_GLOBAL));
    }
    void add_code() {
        put(0, {0xe8});
        relocate(code, 1, printk);
        call(5, 0xe9, "__x86_return_thunk");
        put(10, {0x48, 0x8d, 0x05});
        relocate(code, 13, rodata_symbol, R_X86_64_PC32, 4);
        call(17, 0xe8, "__x86_indirect_thunk_rax");
        put(22, {0x0f, 0x1f, 0x44, 0x00, 0x00});
        call(27, 0xe8, "__SCT__tick");
        put(32, {0x0f, 0x0b});
        put(34, {0xf0, 0x0f, 0xc1, 0x00});
        put(40, {0xf3, 0x0f, 0x1e, 0xfa});
        call(44, 0xe8, "__fentry__");
        put(50, {0x90, 0x90, 0x90, 0x90, 0x90});
        call(60, 0xe8, "hcd_call");
    }
    uint32_t list(const char* name, int64_t site) {
        const uint32_t table = section(name, SHF_ALLOC, std::vector<std::byte>(4));
        relocate(table, 0, code_symbol, R_X86_64_PC32, site);
        return table;
    }
    void add_tables() {
        list(".return_sites", 5);
        list(".retpoline_sites", 17);
        list(".call_sites", 17);
        list(".ibt_endbr_seal", 40);
        list(".smp_locks", 34);
        const uint32_t mcount = section("__mcount_loc", SHF_ALLOC, std::vector<std::byte>(8));
        relocate(mcount, 0, code_symbol, R_X86_64_64, 44);
        const uint32_t bugs = section("__bug_table", SHF_ALLOC | SHF_WRITE, std::vector<std::byte>(12));
        relocate(bugs, 0, code_symbol, R_X86_64_PC32, 32);
        relocate(bugs, 4, rodata_symbol, R_X86_64_PC32, 4);
        const uint32_t exceptions = section("__ex_table", SHF_ALLOC, std::vector<std::byte>(12));
        relocate(exceptions, 0, code_symbol, R_X86_64_PC32, 34);
        relocate(exceptions, 4, code_symbol, R_X86_64_PC32, 44);
        const uint32_t calls = section(".static_call_sites", SHF_ALLOC | SHF_WRITE, std::vector<std::byte>(8));
        relocate(calls, 0, code_symbol, R_X86_64_PC32, 27);
        relocate(calls, 4, undefined("__SCT__tick", STB_GLOBAL), R_X86_64_PC32, 4);
        add_alternative();
        const uint32_t places = section(".orc_unwind_ip", SHF_ALLOC, std::vector<std::byte>(8));
        relocate(places, 0, code_symbol, R_X86_64_PC32, 8);
        relocate(places, 4, code_symbol, R_X86_64_PC32, 16);
        section(".orc_unwind", SHF_ALLOC, std::vector<std::byte>(12, std::byte{1}));
        section(".orc_header", SHF_ALLOC, orc_header());
    }
    void add_alternative() {
        const uint32_t instead =
            section(".altinstr_replacement", SHF_ALLOC | SHF_EXECINSTR, bytes_from({0x0f, 0x1f, 0x44, 0, 0}));
        std::vector<std::byte> entry = bytes_from({0, 0, 0, 0, 0, 0, 0, 0, 17, 1, 5, 5});
        const uint32_t table = section(".altinstructions", SHF_ALLOC, std::move(entry));
        relocate(table, 0, code_symbol, R_X86_64_PC32, 50);
        relocate(table, 4, symbol_of(instead), R_X86_64_PC32, 0);
    }
    void add_data() {
        const auto data = std::ranges::find(builder.sections, ".data", &elf::NewSection::name);
        relocate(static_cast<uint32_t>(data - builder.sections.begin()), 8, replacement, R_X86_64_64, 0);
        section(".data..percpu", SHF_ALLOC | SHF_WRITE, std::vector<std::byte>(16, std::byte{1}));
        builder.add_section(
            {.name = ".bss", .type = SHT_NOBITS, .flags = SHF_ALLOC | SHF_WRITE, .alignment = 8, .nobits_size = 64});
        builder.add_section({.name = ".BTF", .alignment = 4, .data = btf_of_module(8, 0, 4)});
    }
};

inline FakeKernel full_target() {
    FakeKernel kernel = target();
    for (const char* name : FullModule::imports)
        kernel.exported.add(name, {"vmlinux", "", 0x1234, false});
    kernel.exported.add("module_layout", {"vmlinux", "", 0x77, false});
    kernel.exported.add("hcd_call", {"usb_hcd", "SPACE", 0x1234, false});
    kernel.add("usb_hcd", {{"hcd_call", 0}});
    kernel.add("livepatch_z", {{"z", 0}});
    kernel.add("vmlinux", {{"_stext", 0x1000},
                           {"cmdline_show", 0x1010},
                           {"klp_enable_patch", 0x1020},
                           {"retpoline_module_ok", 0x1030},
                           {"_etext", 0x2000},
                           {"hidden", 0x2100, "", STT_OBJECT}});
    ModuleMaker image;
    image.builder.add_section({.name = ".BTF", .data = btf_of_module(256, 128, 192)});
    image.builder.add_section({.name = ".orc_header", .data = orc_header()});
    kernel.add_image("vmlinux", image.object());
    return kernel;
}

// A module's file, and ways to change one thing in it.
class ModuleImage {
public:
    explicit ModuleImage(std::vector<std::byte> file) : bytes(std::move(file)) {}

    Elf64_Ehdr header() const { return read<Elf64_Ehdr>(0); }
    Elf64_Shdr section(uint32_t index) const { return read<Elf64_Shdr>(header_at(index)); }
    Elf64_Shdr section(std::string_view name) const { return section(index_of(name)); }
    std::string_view name_of(uint32_t index) const {
        return text_at(section(header().e_shstrndx).sh_offset + section(index).sh_name);
    }
    uint32_t index_of(std::string_view name) const {
        for (uint32_t index = 1; index < header().e_shnum; ++index)
            if (name_of(index) == name)
                return index;
        FAIL("no section ", std::string(name));
        return 0;
    }
    size_t symbols() const { return section(".symtab").sh_size / sizeof(Elf64_Sym); }
    Elf64_Sym symbol(uint32_t index) const { return read<Elf64_Sym>(symbol_at(index)); }
    uint32_t symbol_index(std::string_view name) const {
        for (uint32_t index = 1; index < symbols(); ++index)
            if (text_at(section(".strtab").sh_offset + symbol(index).st_name) == name)
                return index;
        FAIL("no symbol ", std::string(name));
        return 0;
    }
    uint32_t section_symbol(std::string_view name) const {
        for (uint32_t index = 1; index < symbols(); ++index)
            if (ELF64_ST_TYPE(symbol(index).st_info) == STT_SECTION && symbol(index).st_shndx == index_of(name))
                return index;
        FAIL("no symbol of section ", std::string(name));
        return 0;
    }

    void edit_header(const std::function<void(Elf64_Ehdr&)>& change) { edit(0, change); }
    void edit_section(uint32_t index, const std::function<void(Elf64_Shdr&)>& change) {
        edit(header_at(index), change);
    }
    void edit_section(std::string_view name, const std::function<void(Elf64_Shdr&)>& change) {
        edit_section(index_of(name), change);
    }
    void edit_symbol(uint32_t index, const std::function<void(Elf64_Sym&)>& change) { edit(symbol_at(index), change); }
    void edit_symbol(std::string_view name, const std::function<void(Elf64_Sym&)>& change) {
        edit_symbol(symbol_index(name), change);
    }
    void edit_relocation(std::string_view table, size_t index, const std::function<void(Elf64_Rela&)>& change) {
        edit(section(table).sh_offset + index * sizeof(Elf64_Rela), change);
    }
    // In the first place where `from` stands; both are of one length.
    void replace(std::string_view from, std::string_view to) {
        REQUIRE(from.size() == to.size());
        std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        const size_t at = all.find(from);
        REQUIRE(at != std::string_view::npos);
        std::memcpy(bytes.data() + at, to.data(), to.size());
    }
    void rename_section(std::string_view from, std::string_view to) {
        elf::Builder builder = elf::Builder::copy_of(elf::Object::from_bytes("x.ko", bytes));
        auto found = std::ranges::find(builder.sections, from, &elf::NewSection::name);
        auto table = std::ranges::find(builder.relocations, from, &elf::NewRelocationTable::name);
        if (found != builder.sections.end())
            found->name = to;
        else if (table != builder.relocations.end())
            table->name = to;
        else
            FAIL("no section ", std::string(from));
        bytes = builder.bytes();
    }
    // Copies the section headers to a place `beyond` bytes after one that is aligned.
    void move_section_table(size_t beyond) {
        const size_t size = header().e_shnum * sizeof(Elf64_Shdr);
        const std::vector<std::byte> table(bytes.begin() + static_cast<std::ptrdiff_t>(header().e_shoff),
                                           bytes.begin() + static_cast<std::ptrdiff_t>(header().e_shoff + size));
        bytes.resize((bytes.size() + 7) / 8 * 8 + beyond);
        const size_t place = bytes.size();
        bytes.insert(bytes.end(), table.begin(), table.end());
        edit_header([&](Elf64_Ehdr& wanted) { wanted.e_shoff = place; });
    }
    // gabi, "ELF Header": e_shnum is 0, and section 0 has the number.
    void number_in_section_0() {
        const uint16_t number = header().e_shnum;
        edit_section(0, [&](Elf64_Shdr& wanted) { wanted.sh_size = number; });
        edit_header([](Elf64_Ehdr& wanted) { wanted.e_shnum = 0; });
    }
    // 40 bytes, struct module_signature that says `length`, and the marker.
    void sign(unsigned kind, unsigned last, uint32_t length) {
        bytes.insert(bytes.end(), 40, std::byte{0xaa});
        for (unsigned value :
             {0u, 0u, kind, 0u, 0u, 0u, 0u, last, length >> 24, length >> 16 & 0xff, length >> 8 & 0xff, length & 0xff})
            bytes.push_back(std::byte(value));
        for (char c : std::string_view("~Module signature appended~\n"))
            bytes.push_back(std::byte(c));
    }

    std::vector<std::byte> bytes;

private:
    template <typename Value>
    Value read(uint64_t at) const {
        Value value = {};
        REQUIRE(at + sizeof(value) <= bytes.size());
        std::memcpy(&value, bytes.data() + at, sizeof(value));
        return value;
    }
    template <typename Value>
    void edit(uint64_t at, const std::function<void(Value&)>& change) {
        auto value = read<Value>(at);
        change(value);
        std::memcpy(bytes.data() + at, &value, sizeof(value));
    }
    uint64_t header_at(uint32_t index) const { return header().e_shoff + index * sizeof(Elf64_Shdr); }
    uint64_t symbol_at(uint32_t index) const { return section(".symtab").sh_offset + index * sizeof(Elf64_Sym); }
    std::string_view text_at(uint64_t at) const { return reinterpret_cast<const char*>(bytes.data()) + at; }
};

// The text for as long as the program runs.
inline const char* keep(std::string text) {
    static std::list<std::string> kept;
    return kept.emplace_back(std::move(text)).c_str();
}

} // namespace klp::test
