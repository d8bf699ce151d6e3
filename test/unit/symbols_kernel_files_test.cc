#include "compile.h"
#include "files/files.h"
#include "livepatch_modules.h"
#include "report/finding.h"
#include "symbols/kernel_files.h"

#include <doctest/doctest.h>
#include <lzma.h>
#include <zstd.h>

using namespace klp;

namespace {

std::vector<std::byte> module_of(const std::string& function, const std::string& release = "6.1.0-x") {
    test::ModuleMaker maker({"vermagic=" + release + " SMP "});
    maker.define(function, maker.text, STT_FUNC);
    return maker.builder.bytes();
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

std::string code_of(auto&& action) {
    try {
        action();
    } catch (const report::Refusal& refusal) {
        return refusal.findings().front().code;
    }
    return "accepted";
}

} // namespace

TEST_CASE("modules are found by the kernel's name, packed or not") {
    test::ScratchDirectory scratch;
    std::filesystem::create_directories(scratch.path() / "kernel" / "drivers");
    files::write(scratch.path() / "kernel" / "plain-one.ko", module_of("a"));
    files::write(scratch.path() / "kernel" / "drivers" / "in-xz.ko.xz", xz(module_of("b")));
    files::write(scratch.path() / "kernel" / "in_zstd.ko.zst", zstd(module_of("c")));
    symbols::KernelPaths paths;
    paths.modules = scratch.path();
    symbols::KernelFiles kernel(paths);
    CHECK(kernel.knows_modules());
    for (auto [module, function] : {std::pair{"plain_one", "a"}, {"in_xz", "b"}, {"in_zstd", "c"}}) {
        const symbols::SymbolTable* table = kernel.table(module);
        REQUIRE(table);
        CHECK(table->find(function).size() == 1);
        REQUIRE(kernel.image(module));
        CHECK(kernel.image(module)->find_section(".modinfo"));
    }
    CHECK(kernel.table("nowhere") == nullptr);
    CHECK(kernel.table("vmlinux") == nullptr);
    CHECK(kernel.exports() == nullptr);
    CHECK(kernel.vermagic() == "6.1.0-x SMP ");
}

TEST_CASE(
    "modules from outside of the tree are found, go before those of the folder, and do not speak for the kernel") {
    test::ScratchDirectory scratch;
    std::filesystem::create_directories(scratch.path() / "kernel");
    files::write(scratch.path() / "kernel" / "same.ko", module_of("in_tree"));
    files::write(scratch.path() / "same.ko", module_of("from_outside", "6.0.0-y"));
    files::write(scratch.path() / "a-new.ko", module_of("only_outside", "6.0.0-y"));
    symbols::KernelPaths paths;
    paths.modules = scratch.path() / "kernel";
    paths.oot_modules = {scratch.path() / "same.ko", scratch.path() / "a-new.ko"};
    symbols::KernelFiles kernel(paths);
    REQUIRE(kernel.table("same"));
    CHECK(kernel.table("same")->find("from_outside").size() == 1);
    REQUIRE(kernel.table("a_new"));
    CHECK(kernel.table("a_new")->find("only_outside").size() == 1);
    CHECK(kernel.vermagic() == "6.1.0-x SMP ");
}

TEST_CASE("files that were named and cannot be read are refused") {
    test::ScratchDirectory scratch;
    files::write(scratch.path() / "broken.ko.xz", test::bytes_of("\xfd"
                                                                 "7zXZ and no more"));
    symbols::KernelPaths paths;
    paths.modules = scratch.path();
    paths.symvers = scratch.path() / "Module.symvers";
    paths.vmlinux = scratch.path() / "vmlinux";
    symbols::KernelFiles kernel(paths);
    CHECK(code_of([&] { kernel.table("broken"); }) == "elf.not-elf");
    CHECK(code_of([&] { kernel.exports(); }) == "file.unreadable");
    CHECK(code_of([&] { kernel.table("vmlinux"); }) == "file.unreadable");
    paths.modules = scratch.path() / "nowhere";
    CHECK(code_of([&] { symbols::KernelFiles(paths).table("x"); }) == "file.unreadable");
}
