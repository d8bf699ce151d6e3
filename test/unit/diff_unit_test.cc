// A unit's pieces, references and special entries, on objects made by hand (x86-64 encodings: Intel SDM volume 2).
#include "diff/unit.h"
#include "hand_made.h"
#include "report/finding.h"

#include <doctest/doctest.h>

using namespace klp;
using namespace klp::diff;
using test::code_of;
using test::HandMade;

namespace {

constexpr uint64_t data_flags = SHF_ALLOC | SHF_WRITE;

struct Made {
    elf::Object object;
    Unit unit;

    explicit Made(const HandMade& maker, const arch::EntrySizes& sizes = {})
        : object(maker.object()), unit(object, sizes) {}
    const elf::Symbol& symbol(std::string_view name) const {
        for (const elf::Symbol& it : object.symbols())
            if (it.name == name && !it.is_section())
                return it;
        FAIL("no symbol " << name);
        return object.symbol(0);
    }
    uint32_t index_of(std::string_view name) const { return unit.piece_of_symbol(symbol(name).index); }
    const Piece& piece(std::string_view name) const {
        REQUIRE(index_of(name) != none);
        return unit.piece(index_of(name));
    }
    uint32_t section(std::string_view name) const { return object.find_section(name)->index; }
    // What the relocation at an offset of a section means.
    Reference at(std::string_view section_name, uint64_t offset) const {
        for (const elf::Relocation& it : object.relocations(section(section_name)))
            if (it.offset == offset)
                return unit.reference(section(section_name), it);
        FAIL("no relocation at " << offset);
        return {};
    }
};

// Two variables of eight bytes each, side by side, and code that refers to offset 8, where one ends and one begins.
struct Neighbours : HandMade {
    uint32_t data, data_symbol, text;
    explicit Neighbours(std::vector<std::byte> code, uint8_t binding = STB_GLOBAL) {
        data = section(".data..read_mostly", data_flags, std::vector<std::byte>(16));
        data_symbol = section_symbol(data);
        define("first", data, STT_OBJECT, 0, 8, binding);
        define("second", data, STT_OBJECT, 8, 8, binding);
        const uint64_t size = code.size();
        text = this->code(".text.f", std::move(code));
        define("f", text, STT_FUNC, 0, size, STB_GLOBAL);
    }
};

} // namespace

TEST_CASE("pieces: alone in a section, a symbol has all of it") {
    HandMade maker;
    const uint32_t text = maker.code(".text.f", std::vector<std::byte>(32));
    maker.define("f", text, STT_FUNC, 16, 10, STB_GLOBAL); // sixteen bytes of padding before it
    const Made made(maker);
    const Piece& f = made.piece("f");
    CHECK(f.kind == PieceKind::function);
    CHECK(f.is_own_section);
    CHECK(f.start == 0);
    CHECK(f.entry == 16);
    CHECK(f.end == 32);
    CHECK_FALSE(made.unit.is_local(f));
}

TEST_CASE("pieces: several in a section, aliases and inner symbols join, what has no symbol is a fragment") {
    HandMade maker;
    const uint32_t data = maker.section(".data", data_flags, std::vector<std::byte>(40));
    maker.define("table", data, STT_OBJECT, 0, 16, STB_GLOBAL);
    maker.define("alias", data, STT_OBJECT, 0, 16, STB_GLOBAL);
    maker.define("inner", data, STT_NOTYPE, 8, 0);
    maker.define("other", data, STT_OBJECT, 24, 16);
    const Made made(maker);
    CHECK(made.index_of("alias") == made.index_of("table"));
    CHECK(made.index_of("inner") == made.index_of("table"));
    CHECK(made.piece("table").kind == PieceKind::variable);
    CHECK_FALSE(made.piece("table").is_own_section);
    CHECK(made.piece("other").start == 24);
    CHECK(made.piece("other").end == 40);
    CHECK(made.unit.is_local(made.piece("other")));
    // 16 to 24 belongs to nobody.
    const uint32_t gap = made.unit.piece_at(data, 16);
    REQUIRE(gap != none);
    CHECK(made.unit.piece(gap).kind == PieceKind::fragment);
    CHECK(made.unit.piece(gap).start == 16);
    CHECK(made.unit.piece(gap).end == 24);
    CHECK(made.unit.piece_at(data, 15) == made.index_of("table"));
    CHECK(made.unit.piece_at(data, 24) == made.index_of("other"));
    CHECK(made.unit.piece_at(data, 40) == made.index_of("other")); // the very end belongs to the last
}

TEST_CASE("pieces: a function takes the padding that a __pfx_ symbol marks as its") {
    HandMade maker;
    const uint32_t text = maker.code(".text", std::vector<std::byte>(48));
    maker.define("f", text, STT_FUNC, 0, 8, STB_GLOBAL);
    maker.define("__pfx_g", text, STT_FUNC, 16, 16, STB_GLOBAL);
    maker.define("g", text, STT_FUNC, 32, 16, STB_GLOBAL);
    const Made made(maker);
    CHECK(made.piece("g").start == 16);
    CHECK(made.piece("g").entry == 32);
    CHECK(made.piece("f").end == 8); // between functions there is only padding
}

TEST_CASE("pieces: an unlikely part belongs to its function") {
    HandMade maker;
    const uint32_t text = maker.code(".text.f", std::vector<std::byte>(16));
    const uint32_t cold = maker.code(".text.unlikely.f", std::vector<std::byte>(8));
    maker.define("f", text, STT_FUNC, 0, 16, STB_GLOBAL);
    maker.define("f.cold", cold, STT_FUNC, 0, 8);
    const Made made(maker);
    CHECK(made.piece("f.cold").parent == made.index_of("f"));
    CHECK(made.unit.root_of(made.index_of("f.cold")) == made.index_of("f"));
    CHECK(made.unit.root_of(made.index_of("f")) == made.index_of("f"));
    CHECK(made.unit.parts_of(made.index_of("f")) == std::vector<uint32_t>{made.index_of("f.cold")});
}

TEST_CASE("references: to a symbol, a variable and a string") {
    HandMade maker;
    const uint32_t data = maker.section(".data.pair", data_flags, std::vector<std::byte>(16));
    const uint32_t strings = maker.section(".rodata.str1.1", SHF_ALLOC | SHF_MERGE | SHF_STRINGS,
                                           test::text_of(std::string_view("one\0two\0", 8)), 1);
    // call g; mov pair+8(%rip), %rax; mov $"two", %rdi; movl $7, pair(%rip); ret
    const uint32_t text =
        maker.code(".text.f", code_of({0xe8, 0, 0, 0, 0,    0x48, 0x8b, 0x05, 0, 0, 0, 0, 0x48, 0xc7, 0xc7,
                                       0,    0, 0, 0, 0xc7, 0x05, 0,    0,    0, 0, 7, 0, 0,    0,    0xc3}));
    const uint32_t string_symbol = maker.section_symbol(strings);
    const uint32_t pair = maker.define("pair", data, STT_OBJECT, 0, 16);
    maker.define("f", text, STT_FUNC, 0, 30, STB_GLOBAL);
    const uint32_t g = maker.undefined("g");
    maker.relocate(text, 1, R_X86_64_PLT32, g, -4);
    maker.relocate(text, 8, R_X86_64_PC32, pair, 8 - 4);
    maker.relocate(text, 15, R_X86_64_32S, string_symbol, 4);
    maker.relocate(text, 21, R_X86_64_PC32, pair, -8); // four bytes follow the field
    const Made made(maker);

    const Reference call = made.at(".text.f", 1);
    CHECK(call.to == Reference::To::symbol);
    CHECK(made.unit.target_name(call) == "g");
    const Reference member = made.at(".text.f", 8);
    CHECK(member.to == Reference::To::piece);
    CHECK(member.id == made.index_of("pair"));
    CHECK(member.offset == 8);
    CHECK(member.bias == 4);
    const Reference text_at = made.at(".text.f", 15);
    CHECK(text_at.to == Reference::To::literal);
    CHECK(text_at.id == strings);
    CHECK(text_at.offset == 4);
    CHECK(text_at.anchor == 4);
    CHECK(made.unit.text_at(text_at) == "two");
    const Reference stored = made.at(".text.f", 21);
    CHECK(stored.offset == 0);
    CHECK(stored.bias == 8);
}

TEST_CASE("references: a name says what is meant even where the addend leads out of it") {
    HandMade maker;
    const uint32_t data = maker.section(".data", data_flags, std::vector<std::byte>(32));
    const uint32_t first = maker.define("first", data, STT_OBJECT, 0, 8);
    const uint32_t second = maker.define("second", data, STT_OBJECT, 8, 8);
    const uint32_t user = maker.section(".data.rel", data_flags, std::vector<std::byte>(16));
    maker.define("user", user, STT_OBJECT, 0, 16);
    maker.relocate(user, 0, R_X86_64_64, first, 16);
    maker.relocate(user, 8, R_X86_64_64, second, -8);
    const Made made(maker);
    CHECK(made.at(".data.rel", 0).id == made.index_of("first"));
    CHECK(made.at(".data.rel", 0).offset == 16);
    CHECK(made.at(".data.rel", 8).id == made.index_of("second"));
    CHECK(made.at(".data.rel", 8).offset == -8);
}

TEST_CASE("literals: where a string or constant begins and ends") {
    HandMade maker;
    const uint32_t strings = maker.section(".rodata.str1.1", SHF_ALLOC | SHF_MERGE | SHF_STRINGS,
                                           test::text_of(std::string_view("ab\0\0cde\0", 8)), 1);
    const uint32_t constants =
        maker.section(".rodata.cst8", SHF_ALLOC | SHF_MERGE, std::vector<std::byte>(16, std::byte{1}), 8);
    const Made made(maker);
    auto literal = [&](uint32_t section, uint64_t offset) {
        const Unit::Literal it = made.unit.literal_at(section, offset);
        return std::pair(it.start, it.bytes.size());
    };
    CHECK(literal(strings, 0) == std::pair(uint64_t{0}, size_t{3})); // with its final zero
    CHECK(literal(strings, 1) == std::pair(uint64_t{0}, size_t{3})); // a pointer into it
    CHECK(literal(strings, 3) == std::pair(uint64_t{3}, size_t{1})); // the empty string
    CHECK(literal(strings, 6) == std::pair(uint64_t{4}, size_t{4}));
    CHECK(literal(constants, 12) == std::pair(uint64_t{8}, size_t{8}));
    CHECK(literal(constants, 16).second == 0);
}

TEST_CASE("references: in a shared section the calls that the assembler resolved") {
    HandMade maker;
    // f: call g, six bytes on; ret; padding. g: ret
    const uint32_t text = maker.code(".text", code_of({0xe8, 3, 0, 0, 0, 0xc3, 0x90, 0x90, 0xc3, 0x90}));
    maker.define("f", text, STT_FUNC, 0, 6, STB_GLOBAL);
    maker.define("g", text, STT_FUNC, 8, 2, STB_GLOBAL);
    const Made made(maker);
    CHECK(made.unit.has_resolved(text));
    CHECK(made.unit.resolved_width(text, 1) == 4);
    CHECK_FALSE(made.unit.is_stuck(text, 1));
    const auto relocations = made.unit.relocations(made.piece("f"));
    REQUIRE(relocations.size() == 1);
    CHECK(relocations[0].offset == 1);
    const Reference call = made.unit.reference(text, relocations[0]);
    CHECK(call.to == Reference::To::piece);
    CHECK(call.id == made.index_of("g"));
    CHECK(call.offset == 0);
    CHECK(made.unit.relocations(made.piece("g")).empty());
}

TEST_CASE("references: so too on s390x, where the distance is in halfwords") {
    HandMade maker(test::s390x);
    // f: brasl %r14, g (5 * 2 bytes on); br %r14; padding. g: br %r14
    const uint32_t text = maker.code(".text", code_of({0xc0, 0xe5, 0, 0, 0, 5, 0x07, 0xfe, 0x07, 0x07, 0x07, 0xfe}));
    maker.define("f", text, STT_FUNC, 0, 8, STB_GLOBAL);
    maker.define("g", text, STT_FUNC, 10, 2, STB_GLOBAL);
    const Made made(maker);
    const auto relocations = made.unit.relocations(made.piece("f"));
    REQUIRE(relocations.size() == 1);
    CHECK(relocations[0].offset == 2); // the field, two bytes into the instruction
    CHECK(made.unit.reference(text, relocations[0]).id == made.index_of("g"));
    CHECK(made.unit.reference(text, relocations[0]).offset == 0);
}

TEST_CASE("boundaries: who reads there means what begins") {
    Neighbours maker(code_of({0x48, 0x8b, 0x05, 0, 0, 0, 0, 0xc3})); // mov .data..read_mostly+8(%rip), %rax; ret
    maker.relocate(maker.text, 3, R_X86_64_PC32, maker.data_symbol, 8 - 4);
    const Made made(maker);
    const Reference reference = made.at(".text.f", 3);
    CHECK(reference.id == made.index_of("second"));
    CHECK(reference.offset == 0);
    CHECK(reference.rival == none);
}

TEST_CASE("boundaries: an address that only goes away may be either's") {
    // lea .data..read_mostly+8(%rip), %rax; ret
    Neighbours maker(code_of({0x48, 0x8d, 0x05, 0, 0, 0, 0, 0xc3}));
    maker.relocate(maker.text, 3, R_X86_64_PC32, maker.data_symbol, 8 - 4);
    const Made made(maker);
    const Reference reference = made.at(".text.f", 3);
    CHECK(reference.id == made.index_of("second"));
    CHECK(reference.rival == made.index_of("first"));
}

TEST_CASE("boundaries: an address that is read through means what begins, however it was taken") {
    for (const bool is_lea : {true, false}) {
        CAPTURE(is_lea);
        // lea .data..read_mostly+8(%rip), %rax, or mov $.data..read_mostly+8, %rax; then mov (%rax), %eax; ret
        Neighbours maker(is_lea ? code_of({0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x8b, 0x00, 0xc3})
                                : code_of({0x48, 0xc7, 0xc0, 0, 0, 0, 0, 0x8b, 0x00, 0xc3}));
        maker.relocate(maker.text, 3, is_lea ? R_X86_64_PC32 : R_X86_64_32S, maker.data_symbol, is_lea ? 8 - 4 : 8);
        const Made made(maker);
        CHECK(made.at(".text.f", 3).id == made.index_of("second"));
        CHECK(made.at(".text.f", 3).rival == none);
    }
}

TEST_CASE("boundaries: what an address of the first is compared with is its end") {
    // mov $first, %rbx; add $4, %rbx; cmp $.data..read_mostly+8, %rbx; ret
    Neighbours maker(code_of({0x48, 0xc7, 0xc3, 0, 0, 0, 0, 0x48, 0x83, 0xc3, 4, 0x48, 0x81, 0xfb, 0, 0, 0, 0, 0xc3}));
    maker.relocate(maker.text, 3, R_X86_64_32S, maker.data_symbol, 0);
    maker.relocate(maker.text, 14, R_X86_64_32S, maker.data_symbol, 8);
    const Made made(maker);
    const Reference end = made.at(".text.f", 14);
    CHECK(end.id == made.index_of("first"));
    CHECK(end.offset == 8);
    CHECK(end.rival == none);
}

TEST_CASE("boundaries: a local variable to which nothing else leads is meant") {
    // lea .data..read_mostly+8(%rip), %rax; mov .data..read_mostly(%rip), %rcx; ret
    Neighbours maker(code_of({0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x48, 0x8b, 0x0d, 0, 0, 0, 0, 0xc3}), STB_LOCAL);
    maker.relocate(maker.text, 3, R_X86_64_PC32, maker.data_symbol, 8 - 4);
    maker.relocate(maker.text, 10, R_X86_64_PC32, maker.data_symbol, -4); // first has another user
    const Made made(maker);
    CHECK(made.at(".text.f", 3).id == made.index_of("second"));
    CHECK(made.at(".text.f", 3).rival == none);
}

namespace {

// Two functions, and a table with an entry for each and one for nobody.
struct WithBugs : HandMade {
    uint32_t table;
    explicit WithBugs(unsigned entry_size) {
        const uint32_t f = code(".text.f", code_of({0x0f, 0x0b, 0xc3})); // ud2; ret
        const uint32_t g = code(".text.g", code_of({0x90, 0x0f, 0x0b, 0xc3}));
        table = section("__bug_table", data_flags, std::vector<std::byte>(2 * entry_size));
        const uint32_t of_f = section_symbol(f), of_g = section_symbol(g);
        define("f", f, STT_FUNC, 0, 3, STB_GLOBAL);
        define("g", g, STT_FUNC, 0, 4, STB_GLOBAL);
        relocate(table, 0, R_X86_64_PC32, of_g, 1);
        relocate(table, entry_size, R_X86_64_PC32, of_f, 0);
    }
};

} // namespace

TEST_CASE("special entries: each with the function that its tie leads to") {
    for (const unsigned size : {8, 12, 16, 24}) {
        CAPTURE(size);
        const Made made{WithBugs(size)};
        REQUIRE(made.unit.special_tables().size() == 1);
        CHECK(made.unit.special_tables()[0].entry_size == size);
        const auto of_f = made.unit.entries_of(made.index_of("f"));
        REQUIRE(of_f.size() == 1);
        CHECK(of_f[0].start == size);
        CHECK(of_f[0].size == size);
        const auto of_g = made.unit.entries_of(made.index_of("g"));
        REQUIRE(of_g.size() == 1);
        CHECK(of_g[0].start == 0);
        CHECK(made.unit.table_of(of_g[0]).kind->name == "__bug_table");
        CHECK(made.unit.relocations(of_g[0]).size() == 1);
    }
}

TEST_CASE("special entries: sizes that are said must agree with the relocations") {
    arch::EntrySizes sizes;
    sizes.given["__bug_table"] = 12;
    CHECK(Made(WithBugs(12), sizes).unit.special_tables()[0].entry_size == 12);
    CHECK_THROWS_AS(Made(WithBugs(16), sizes), report::Refusal);
    arch::EntrySizes of_kernel;
    of_kernel.kernel["__bug_table"] = 16;
    CHECK(Made(WithBugs(16), of_kernel).unit.special_tables()[0].entry_size == 16);
    CHECK_THROWS_AS(Made(WithBugs(12), of_kernel), report::Refusal);
}

TEST_CASE("special entries: of a parallel section as many as of the first") {
    HandMade maker;
    const uint32_t text = maker.code(".text.f", std::vector<std::byte>(8, std::byte{0x90}));
    const uint32_t places = maker.section(".orc_unwind_ip", SHF_ALLOC, std::vector<std::byte>(8));
    const uint32_t unwind = maker.section(".orc_unwind", SHF_ALLOC, std::vector<std::byte>(12));
    const uint32_t symbol = maker.section_symbol(text);
    maker.define("f", text, STT_FUNC, 0, 8, STB_GLOBAL);
    maker.relocate(places, 0, R_X86_64_PC32, symbol, 0);
    maker.relocate(places, 4, R_X86_64_PC32, symbol, 4);
    const Made made(maker);
    REQUIRE(made.unit.special_tables().size() == 1);
    CHECK(made.unit.special_tables()[0].parallel == unwind);
    CHECK(made.unit.special_tables()[0].parallel_size == 6);
    CHECK(made.unit.entries_of(made.index_of("f")).size() == 2);
}

TEST_CASE("ftrace locations: by call and by list") {
    HandMade maker;
    const uint32_t called = maker.code(".text.called", code_of({0xe8, 0, 0, 0, 0, 0xc3}));
    const uint32_t listed = maker.code(".text.listed", code_of({0x0f, 0x1f, 0x44, 0, 0, 0xc3}));
    const uint32_t plain = maker.code(".text.plain", code_of({0xc3}));
    const uint32_t list = maker.section("__mcount_loc", SHF_ALLOC, std::vector<std::byte>(8));
    maker.define("called", called, STT_FUNC, 0, 6, STB_GLOBAL);
    const uint32_t of_listed = maker.define("listed", listed, STT_FUNC, 0, 6, STB_GLOBAL);
    maker.define("plain", plain, STT_FUNC, 0, 1, STB_GLOBAL);
    maker.relocate(called, 1, R_X86_64_PLT32, maker.undefined("__fentry__"), -4);
    maker.relocate(list, 0, R_X86_64_64, of_listed, 0);
    const Made made(maker);
    CHECK(made.unit.has_ftrace_location(made.index_of("called")));
    CHECK(made.unit.has_ftrace_location(made.index_of("listed")));
    CHECK_FALSE(made.unit.has_ftrace_location(made.index_of("plain")));
}
