// Boot images made here: kallsyms tables in both layouts, in an ELF image, packed each way, behind a bzImage's header.
#include "elf/builder.h"
#include "report/finding.h"
#include "symbols/boot_image.h"
#include "symbols/unpack.h"

#include <algorithm>
#include <cstring>
#include <doctest/doctest.h>
#include <elf.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

using namespace klp;

namespace {

struct Entry {
    uint64_t address;
    std::string name; // with the type letter in front
};

constexpr uint64_t base = 0xffffffff81000000;
constexpr uint64_t rodata_address = base + 0x8000; // between the first symbol and the last

// 300 functions, a per-CPU variable at 0x20, two namesakes, and one name of more than 127 characters.
std::vector<Entry> entries() {
    std::vector<Entry> list{{0x20, "Apercpu"}, {base, "T_text"}, {base + 8, "ttwice"}, {base + 16, "ttwice"}};
    for (unsigned at = 0; at < 300; ++at)
        list.push_back({base + 32 + 16 * at, "Tfunction_" + std::to_string(at)});
    list.push_back({base + 0x10000, "d" + std::string(200, 'x')});
    return list;
}

class Tables {
public:
    std::string text;
    size_t alignment = 8;

    void align() { text.resize((text.size() + alignment - 1) / alignment * alignment); }
    void put(uint64_t value, unsigned width) {
        for (unsigned at = 0; at < width; ++at)
            text += static_cast<char>(value >> (8 * at));
    }
    void addresses(const std::vector<Entry>& list) {
        align();
        for (const Entry& entry : list)
            put(entry.address < base ? entry.address : base - 1 - entry.address, 4);
        align();
        put(base, 8);
    }
    void addresses_from_places(const std::vector<Entry>& list) {
        align();
        for (const Entry& entry : list)
            put(entry.address - (rodata_address + text.size()), 4);
    }
    void names(const std::vector<Entry>& list) {
        align();
        put(list.size(), 4);
        align();
        std::vector<size_t> markers;
        size_t start = text.size();
        for (size_t at = 0; at < list.size(); ++at) {
            if (at % 256 == 0)
                markers.push_back(text.size() - start);
            size_t length = list[at].name.size();
            if (length > 127)
                put((length & 127) | 128, 1);
            put(length > 127 ? length >> 7 : length, 1);
            text += list[at].name;
        }
        align();
        for (size_t marker : markers)
            put(marker, 4);
    }
    void seqs(const std::vector<Entry>& list) {
        align();
        for (size_t at = list.size(); at-- > 0;) // any order
            for (const unsigned shift : {16, 8, 0})
                put((at >> shift) & 255, 1);
    }
    // A token per character that occurs; the others are free and here stand for two characters.
    void tokens() {
        align();
        std::vector<size_t> index;
        size_t start = text.size();
        for (unsigned token = 0; token < 256; ++token) {
            index.push_back(text.size() - start);
            bool is_used = std::isalnum(static_cast<int>(token)) || token == '_';
            text += (is_used ? std::string(1, static_cast<char>(token)) : token == 1 ? "ab" : "") + '\0';
        }
        align();
        for (size_t offset : index)
            put(offset, 2);
    }
};

std::string old_layout(const std::vector<Entry>& list) {
    Tables tables;
    tables.text = std::string(1000, 'j');
    tables.addresses(list);
    tables.names(list);
    tables.seqs(list);
    tables.tokens();
    tables.text += std::string(5000, 'k');
    return tables.text;
}

std::string new_layout(const std::vector<Entry>& list) {
    Tables tables;
    tables.text = std::string(1000, 'j');
    tables.names(list);
    tables.tokens();
    tables.addresses(list);
    tables.seqs(list);
    tables.text += std::string(5000, 'k');
    return tables.text;
}

// Without what has no address: since 6.15 per-CPU variables of x86 have one.
std::vector<Entry> entries_of_7() {
    std::vector<Entry> list = entries();
    list.erase(list.begin());
    return list;
}

std::string layout_of_7(const std::vector<Entry>& list) {
    Tables tables;
    tables.text = std::string(1004, 'j');
    tables.alignment = 4;
    tables.names(list);
    tables.tokens();
    tables.addresses_from_places(list);
    tables.seqs(list);
    tables.text += std::string(5000, 'k');
    return tables.text;
}

std::vector<std::byte> image_with(const std::string& rodata) {
    elf::Builder builder;
    builder.machine = EM_X86_64;
    builder.sections.resize(1);
    builder.symbols.resize(1);
    const auto* data = reinterpret_cast<const std::byte*>(rodata.data());
    const uint32_t section = builder.add_section(
        {.name = ".rodata", .flags = SHF_ALLOC, .alignment = 4096, .data = {data, data + rodata.size()}});
    std::vector<std::byte> image = builder.bytes();
    // An image, unlike an object, has its sections at addresses.
    Elf64_Ehdr header;
    std::memcpy(&header, image.data(), sizeof(header));
    std::memcpy(image.data() + header.e_shoff + section * sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_addr),
                &rodata_address, sizeof(rodata_address));
    return image;
}

symbols::SymbolTable table_of(const std::string& rodata) {
    return symbols::read_kallsyms(elf::Object::from_bytes("vmlinux", image_with(rodata)));
}

std::string code_of(auto&& action) {
    try {
        action();
    } catch (const report::Refusal& refusal) {
        return refusal.findings().front().code;
    }
    return "accepted";
}

// ---- packing ----

std::vector<std::byte> gzip(const std::vector<std::byte>& data) {
    z_stream stream = {};
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    std::vector<std::byte> out(data.size() + 1024);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(data.data()));
    stream.avail_in = static_cast<uInt>(data.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::vector<std::byte> xz(const std::vector<std::byte>& data) {
    std::vector<std::byte> out(data.size() + 1024);
    size_t size = 0;
    REQUIRE(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const uint8_t*>(data.data()),
                                    data.size(), reinterpret_cast<uint8_t*>(out.data()), &size, out.size()) == LZMA_OK);
    out.resize(size);
    return out;
}

std::vector<std::byte> zstd(const std::vector<std::byte>& data) {
    std::vector<std::byte> out(ZSTD_compressBound(data.size()));
    out.resize(ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 3));
    return out;
}

std::vector<std::byte> lz4(const std::vector<std::byte>& data) {
    std::vector<std::byte> out(8 + static_cast<size_t>(LZ4_compressBound(static_cast<int>(data.size()))));
    int size = LZ4_compress_default(reinterpret_cast<const char*>(data.data()), reinterpret_cast<char*>(out.data() + 8),
                                    static_cast<int>(data.size()), static_cast<int>(out.size() - 8));
    const uint32_t header[] = {0x184c2102, static_cast<uint32_t>(size)};
    std::memcpy(out.data(), header, sizeof(header));
    out.resize(8 + static_cast<size_t>(size));
    return out;
}

std::vector<std::byte> boot_image(const std::vector<std::byte>& payload) {
    constexpr size_t start = 1024 + 64;
    std::vector<std::byte> image(start + payload.size() + 4, std::byte{0x55}); // the unpacked size is at the end
    std::fill_n(image.begin(), start, std::byte{0});
    image[0x1f1] = std::byte{1};
    std::memcpy(image.data() + 0x202, "HdrS", 4);
    image[0x206] = std::byte{0x0f};
    image[0x207] = std::byte{0x02};
    const uint32_t place[] = {64, static_cast<uint32_t>(payload.size() + 4)};
    std::memcpy(image.data() + 0x248, place, sizeof(place));
    std::ranges::copy(payload, image.begin() + start);
    return image;
}

} // namespace

TEST_CASE("kallsyms tables are found in the layouts of 6.1, of 6.12 and of 7.2") {
    for (const auto& [list, rodata] :
         {std::pair(entries(), old_layout(entries())), std::pair(entries(), new_layout(entries())),
          std::pair(entries_of_7(), layout_of_7(entries_of_7()))}) {
        symbols::SymbolTable table = table_of(rodata);
        CHECK(table.object() == "vmlinux");
        REQUIRE(table.symbols().size() == list.size());
        for (size_t at = 0; at < table.symbols().size(); ++at) {
            CHECK(table.symbols()[at].name == list[at].name.substr(1));
            CHECK(table.symbols()[at].address == list[at].address);
        }
        REQUIRE(table.find("twice").size() == 2);
        const symbols::KernelSymbol& second = table.symbols()[table.find("twice")[1]];
        CHECK(second.address == base + 16);
        CHECK(table.sympos(second) == 2);
        CHECK_FALSE(second.global);
        CHECK(second.type == STT_FUNC);
        CHECK(table.symbols()[table.find("_text")[0]].global);
    }
}

TEST_CASE("tables that contradict themselves are not taken") {
    std::vector<Entry> falling = entries();
    std::swap(falling[5].address, falling[50].address);
    CHECK(code_of([&] { table_of(layout_of_7({falling.begin() + 1, falling.end()})); }) == "boot.no-kallsyms");
    CHECK(code_of([&] { table_of(old_layout(falling)); }) == "boot.no-kallsyms");
    CHECK(code_of([&] { table_of(std::string(10000, '\0')); }) == "boot.no-kallsyms");
    std::string broken = new_layout(entries());
    broken[broken.find("function_99")] = '\0'; // fine: a token like another
    CHECK(code_of([&] { table_of(broken); }) == "accepted");
    std::string marker = new_layout(entries());
    size_t digits = marker.find(std::string("0\0001\0002", 5));
    REQUIRE(digits != std::string::npos);
    marker[digits + 4] = 'q';
    CHECK(code_of([&] { table_of(marker); }) == "boot.no-kallsyms");
    for (size_t cut : {900, 3000, 6000})
        CHECK(code_of([&] { table_of(new_layout(entries()).substr(0, cut)); }) == "boot.no-kallsyms");
}

TEST_CASE("the kernel inside a bzImage is unpacked, however it is packed") {
    std::vector<std::byte> vmlinux = image_with(new_layout(entries()));
    for (const auto& payload : {gzip(vmlinux), xz(vmlinux), zstd(vmlinux), lz4(vmlinux), vmlinux}) {
        elf::Object object = symbols::unpack_boot_image(boot_image(payload), "vmlinuz");
        CHECK(symbols::read_kallsyms(object).symbols().size() == entries().size());
    }
    CHECK(symbols::unpack_boot_image(vmlinux, "vmlinux").machine() == EM_X86_64);
}

TEST_CASE("a boot image that is none, or damaged, is refused") {
    auto open = [](std::vector<std::byte> image) { return [=] { symbols::unpack_boot_image(image, "vmlinuz"); }; };
    std::vector<std::byte> vmlinux = image_with(new_layout(entries()));
    std::vector<std::byte> image = boot_image(gzip(vmlinux));
    CHECK(code_of(open({})) == "boot.unknown-format");
    CHECK(code_of(open(std::vector<std::byte>(5000))) == "boot.unknown-format");
    CHECK(code_of(open(boot_image(std::vector<std::byte>(100)))) == "boot.unknown-format");
    CHECK(code_of(open({image.begin(), image.begin() + 1500})) == "boot.damaged");
    for (auto pack : {gzip, xz, zstd, lz4}) {
        std::vector<std::byte> packed = pack(vmlinux);
        packed.resize(packed.size() / 2);
        CHECK(code_of(open(boot_image(packed))) == "unpack.damaged");
    }
    CHECK(code_of([&] {
              symbols::unpack(gzip(std::vector<std::byte>(5 << 20)), symbols::Packing::gzip, "bomb", 1 << 20);
          }) == "unpack.too-large");
}
