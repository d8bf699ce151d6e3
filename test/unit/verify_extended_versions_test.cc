// Versions of imports in the form without a limit to names (CONFIG_EXTENDED_MODVERSIONS).
#include "verify_codes.h"

#include <doctest/doctest.h>

using namespace klp;
using namespace klp::test;

namespace {


// A sound module whose import has its version in that form.
struct Extended : Sound {
    Extended(uint32_t crc, std::string_view names) {
        std::vector<std::byte> data(sizeof(crc));
        std::memcpy(data.data(), &crc, sizeof(crc));
        section("__version_ext_crcs", SHF_ALLOC, std::move(data));
        section("__version_ext_names", SHF_ALLOC, bytes_of(names));
    }
    // Kernels may have the other form switched off (CONFIG_BASIC_MODVERSIONS).
    Extended& alone() {
        builder.sections[versions].name = ".rodata.nothing";
        return *this;
    }
};

constexpr std::string_view printk_name("_printk\0", 8);

} // namespace

TEST_CASE("extended versions: those of a module as modpost makes it are right") {
    CHECK(codes_of(Extended(0x1234, printk_name)) == Codes{});
    CHECK(codes_of(Extended(0x1234, printk_name).alone()) == Codes{});
}

TEST_CASE("extended versions: the kernel goes by them alone") {
    CHECK(codes_of(Extended(0x1235, printk_name).alone()) == Codes{"match.crc"});
    // What they do not name is taken with a word in the log.
    CHECK(codes_of(Extended(0x1234, std::string_view("other\0", 6)).alone()) == Codes{});
}

TEST_CASE("extended versions: the halves go together") {
    CHECK(codes_of(Extended(0x1234, "_printk").alone()) == Codes{"form.versions"});                 // no end
    CHECK(codes_of(Extended(0x1234, std::string_view("\0", 1)).alone()).contains("form.versions")); // no name
    Sound half;
    half.section("__version_ext_crcs", SHF_ALLOC, std::vector<std::byte>(4));
    CHECK(codes_of(half) == Codes{"form.versions"});
    CHECK(codes_of(Extended(0x1235, printk_name)).contains("form.versions")); // the other form says another
}
