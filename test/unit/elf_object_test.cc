#include "elf/builder.h"
#include "elf/object.h"
#include "report/finding.h"

#include <doctest/doctest.h>
#include <elf.h>

using namespace klp;

namespace {

// .text with one function, a string section, and a reference from the first to the second.
elf::Builder small_object() {
    elf::Builder builder;
    builder.machine = EM_X86_64;
    builder.sections.resize(1);
    builder.symbols.resize(1);
    uint32_t text = builder.add_section(
        {.name = ".text.f", .flags = SHF_ALLOC | SHF_EXECINSTR, .alignment = 16, .data = std::vector<std::byte>(16)});
    uint32_t strings = builder.add_section({.name = ".rodata.str1.1",
                                            .flags = SHF_ALLOC | SHF_MERGE | SHF_STRINGS,
                                            .entry_size = 1,
                                            .data = {std::byte{'h'}, std::byte{'i'}, std::byte{0}}});
    builder.add_symbol({.name = "f",
                        .size = 16,
                        .binding = STB_GLOBAL,
                        .type = STT_FUNC,
                        .place = elf::Place::section,
                        .section = text});
    uint32_t section_symbol =
        builder.add_symbol({.type = STT_SECTION, .place = elf::Place::section, .section = strings});
    builder.relocations_of(text).entries.push_back({3, R_X86_64_PC32, section_symbol, -4});
    return builder;
}

std::string code_of(std::vector<std::byte> bytes) {
    try {
        elf::Object::from_bytes("test", std::move(bytes));
    } catch (const report::Refusal& refusal) {
        return refusal.findings().front().code;
    }
    return "accepted";
}

} // namespace

TEST_CASE("what the builder writes, the object reads back") {
    elf::Object object = elf::Object::from_bytes("test", small_object().bytes());
    const elf::Section* text = object.find_section(".text.f");
    REQUIRE(text);
    CHECK(text->is_code());
    CHECK(text->alignment == 16);
    REQUIRE(object.relocations(text->index).size() == 1);
    const elf::Relocation& relocation = object.relocations(text->index)[0];
    CHECK(relocation.offset == 3);
    CHECK(relocation.addend == -4);
    CHECK(object.symbol(relocation.symbol).name == ".rodata.str1.1");
    CHECK(elf::Object::string_at(*object.find_section(".rodata.str1.1"), 0) == "hi");
    // The local section symbol was added after the global one and must come first in the file.
    CHECK(object.symbol(1).is_local());
    CHECK(object.symbol(2).name == "f");
}

TEST_CASE("a big-endian object reads back the same") {
    elf::Builder builder = small_object();
    builder.machine = EM_S390;
    builder.little_endian = false;
    elf::Object object = elf::Object::from_bytes("test", builder.bytes());
    CHECK_FALSE(object.is_little_endian());
    CHECK(object.relocations(object.find_section(".text.f")->index)[0].addend == -4);
}

TEST_CASE("a copy of an object is the same object") {
    elf::Object object = elf::Object::from_bytes("test", small_object().bytes());
    CHECK(elf::Builder::copy_of(object).bytes() ==
          elf::Builder::copy_of(elf::Object::from_bytes("test", elf::Builder::copy_of(object).bytes())).bytes());
}

TEST_CASE("removing a section takes its symbols and relocations along") {
    elf::Builder builder = small_object();
    builder.remove_sections({1});
    elf::Object object = elf::Object::from_bytes("test", builder.bytes());
    CHECK_FALSE(object.find_section(".text.f"));
    CHECK(object.relocation_tables().empty());
    CHECK(object.symbols().size() == 2);
}

TEST_CASE("removing a section that is still referred to is refused") {
    elf::Builder builder = small_object();
    CHECK_THROWS_AS(builder.remove_sections({2}), report::Refusal);
}

TEST_CASE("files that are not what we read get their own refusal") {
    std::vector<std::byte> good = small_object().bytes();
    CHECK(code_of({}) == "elf.not-elf");
    CHECK(code_of(std::vector<std::byte>(100, std::byte{'x'})) == "elf.not-elf");
    std::vector<std::byte> narrow = good;
    narrow[EI_CLASS] = std::byte{ELFCLASS32};
    CHECK(code_of(narrow) == "elf.unsupported");
    CHECK(code_of(good) == "accepted");
}

TEST_CASE("a file cut short anywhere is refused and never crashes") {
    std::vector<std::byte> good = small_object().bytes();
    for (size_t size = 0; size < good.size(); ++size) {
        std::vector<std::byte> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
        CAPTURE(size);
        CHECK(code_of(cut) != "accepted");
    }
}
