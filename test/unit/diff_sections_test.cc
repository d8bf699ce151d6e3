// The table of special sections, row by row, on objects that are made here: no compiler emits all of them.
#include "diff_units.h"

#include "arch/special_sections.h"

#include <fmt/format.h>

#include <elf.h>

using namespace klp;
using namespace klp::test;

namespace {

// Functions f, g and h of sixteen bytes, each in a section of its own and known to ftrace. The number in f is `number`.
class ObjectMaker {
public:
    explicit ObjectMaker(uint8_t number) {
        builder_.machine = EM_X86_64;
        builder_.sections.resize(1);
        builder_.symbols.resize(1);
        for (const char* name : {"f", "g", "h"}) {
            elf::NewSection section;
            section.name = std::string(".text.") + name;
            section.flags = SHF_ALLOC | SHF_EXECINSTR;
            section.data.assign(16, std::byte{0x90});
            section.data[0] = std::byte{0xe8}; // call __fentry__
            if (*name == 'f') {
                section.data[5] = std::byte{0xb8}; // mov $number, %eax
                section.data[6] = std::byte{number};
                std::fill_n(section.data.begin() + 7, 3, std::byte{0});
            }
            symbols_.push_back(add_symbol(name, builder_.add_section(std::move(section)), 16));
        }
    }
    uint32_t add_symbol(std::string_view name, uint32_t section, uint64_t size) {
        elf::NewSymbol symbol;
        symbol.name = name;
        symbol.size = size;
        symbol.binding = STB_GLOBAL;
        if (section != 0) {
            symbol.type = STT_FUNC;
            symbol.place = elf::Place::section;
            symbol.section = section;
        }
        return builder_.add_symbol(std::move(symbol));
    }
    uint32_t add_section(std::string_view name, uint64_t size, uint64_t flags = SHF_ALLOC) {
        elf::NewSection section;
        section.name = name;
        section.flags = flags;
        section.data.resize(size);
        return builder_.add_section(std::move(section));
    }
    // A field of section `table` that leads to `offset` in function number `function`.
    void point(uint32_t table, uint64_t at, size_t function, int64_t offset, uint32_t type = R_X86_64_PC32) {
        builder_.relocations_of(table).entries.push_back({at, type, symbols_[function], offset});
    }
    void point_to(uint32_t table, uint64_t at, uint32_t symbol, int64_t addend = 0) {
        builder_.relocations_of(table).entries.push_back({at, R_X86_64_PC32, symbol, addend});
    }
    elf::Builder& builder() { return builder_; }
    elf::Object object() {
        const uint32_t fentry = add_symbol("__fentry__", 0, 0);
        for (uint32_t function = 1; function <= 3; ++function)
            builder_.relocations_of(function).entries.push_back({1, R_X86_64_PLT32, fentry, -4});
        return elf::Object::from_bytes("object", builder_.bytes());
    }

private:
    elf::Builder builder_;
    std::vector<uint32_t> symbols_;
};

struct Result {
    Codes codes;
    Names changed;
    std::optional<elf::Object> output;

    uint64_t size_of(std::string_view section) const {
        const elf::Section* found = output ? output->find_section(section) : nullptr;
        return found ? found->size : 0;
    }
};

Result compare(const elf::Object& original, const elf::Object& patched, const arch::EntrySizes& sizes = {}) {
    TestResolver resolver;
    diff::Options options;
    options.resolver = &resolver;
    options.entry_sizes = sizes;
    Result result;
    try {
        diff::Diff diff = diff::run(original, patched, options);
        for (const diff::Item& item : diff.items)
            if (item.change == diff::Change::changed)
                result.changed.push_back(item.name);
        if (!diff.nothing_changed)
            result.output = elf::Object::from_bytes("output", diff.output.bytes());
    } catch (const report::Refusal& refusal) {
        for (const report::Finding& finding : refusal.findings())
            result.codes.push_back(finding.code);
    }
    return result;
}

// An object with `entries` entries of one row's section, tied to f, g, h, f, g, h, ... one after the other.
elf::Object with_table(uint8_t number, const arch::SpecialSection& row, unsigned size, unsigned entries) {
    ObjectMaker maker(number);
    const uint32_t table = maker.add_section(row.name, uint64_t{size} * entries);
    for (unsigned at = 0; at < entries; ++at)
        maker.point(table, uint64_t{at} * size + row.tie, at % 3, 8);
    if (!row.parallel.empty())
        maker.add_section(row.parallel, uint64_t{6} * entries);
    return maker.object();
}

} // namespace

TEST_CASE("every special section: entries of the changed function come along, those of others do not") {
    for (const arch::SpecialSection& row : arch::special_sections()) {
        if (row.role != arch::Role::special || row.policy == arch::Policy::constant)
            continue;
        for (unsigned size : row.sizes)
            for (unsigned entries : {3U, 6U, 4U}) {
                CAPTURE(row.name);
                CAPTURE(size);
                CAPTURE(entries);
                elf::Object before = with_table(1, row, size, entries);
                CHECK(compare(before, before).changed.empty());
                Result result = compare(before, with_table(2, row, size, entries));
                CHECK(result.codes == Codes{});
                CHECK(result.changed == Names{"f"});
                const uint64_t own = entries == 3 ? 1 : 2;
                CHECK(result.size_of(row.name) == (row.policy == arch::Policy::drop ? 0 : own * size));
                if (!row.parallel.empty())
                    CHECK(result.size_of(row.parallel) == own * 6);
            }
    }
}

TEST_CASE("every special section: what the table says besides the code is a change, what follows from it is none") {
    for (const arch::SpecialSection& row : arch::special_sections()) {
        if (row.role != arch::Role::special || row.policy == arch::Policy::constant)
            continue;
        CAPTURE(row.name);
        auto table = [&](int64_t offset) {
            ObjectMaker maker(1);
            const unsigned size = row.sizes.front();
            const uint32_t section = maker.add_section(row.name, uint64_t{size} * 2);
            maker.point(section, row.tie, 0, offset);
            maker.point(section, size + row.tie, 1, 8);
            if (!row.parallel.empty())
                maker.add_section(row.parallel, 12);
            return maker.object();
        };
        Result result = compare(table(8), table(9));
        CHECK(result.codes == Codes{});
        CHECK(result.changed == (row.policy == arch::Policy::keep ? Names{"f"} : Names{}));
    }
}

TEST_CASE("entries of eight bytes are not taken for fewer of twelve") {
    // Three entries of { insn, fixup }, as ppc64 has them, are as long as two of { insn, fixup, handler }.
    auto table = [](uint8_t number) {
        ObjectMaker maker(number);
        const uint32_t section = maker.add_section("__ex_table", 24);
        for (unsigned at = 0; at < 3; ++at) {
            maker.point(section, at * 8, at, 8);
            maker.point(section, at * 8 + 4, at, 12);
        }
        return maker.object();
    };
    Result result = compare(table(1), table(2));
    CHECK(result.codes == Codes{});
    CHECK(result.size_of("__ex_table") == 8);
    // And two of twelve, with a handler elsewhere, are not taken for three of eight.
    auto handled = [](uint8_t number) {
        ObjectMaker maker(number);
        const uint32_t section = maker.add_section("__ex_table", 24);
        const uint32_t handler = maker.add_symbol("ex_handler_default", 0, 0);
        for (unsigned at = 0; at < 2; ++at) {
            maker.point(section, at * 12, at, 8);
            maker.point(section, at * 12 + 4, at, 12);
            maker.point_to(section, at * 12 + 8, handler);
        }
        return maker.object();
    };
    result = compare(handled(1), handled(2));
    CHECK(result.codes == Codes{});
    CHECK(result.size_of("__ex_table") == 12);
}

TEST_CASE("annotations say how large entries are, and are checked") {
    auto table = [](uint8_t number, uint64_t second) {
        ObjectMaker maker(number);
        const uint32_t section = maker.add_section("__bug_table", 40);
        maker.point(section, 0, 0, 8);
        maker.point(section, 20, 1, 8);
        const uint32_t marks = maker.add_section(".discard.annotate_data", 16, 0);
        const uint32_t begin = maker.add_symbol("table", section, 0);
        maker.builder().symbols[begin].type = STT_NOTYPE;
        maker.builder().symbols[begin].binding = STB_LOCAL;
        maker.point_to(marks, 0, begin);
        maker.point_to(marks, 8, begin, static_cast<int64_t>(second));
        return maker.object();
    };
    Result result = compare(table(1, 20), table(2, 20));
    CHECK(result.codes == Codes{});
    CHECK(result.size_of("__bug_table") == 20);
    CHECK(compare(table(1, 16), table(2, 16)).codes == Codes{"diff.entry-size"});
    arch::EntrySizes sizes;
    sizes.kernel["__bug_table"] = 20;
    CHECK(compare(table(1, 20), table(2, 20), sizes).codes == Codes{});
    sizes.kernel["__bug_table"] = 40;
    CHECK(compare(table(1, 20), table(2, 20), sizes).codes == Codes{"diff.entry-size"});
}

TEST_CASE("a variable with a section of its own is no unknown table") {
    // As DEFINE_SCHED_CLASS() makes them. A table of pointers without names is unknown.
    auto unit = [](uint8_t number, bool is_named) {
        ObjectMaker maker(number);
        const uint32_t section = maker.add_section("__fair_sched_class", 16);
        maker.point(section, 8, 0, 0, R_X86_64_64);
        if (is_named)
            maker.builder().symbols[maker.add_symbol("fair_sched_class", section, 16)].type = STT_OBJECT;
        return maker.object();
    };
    Result result = compare(unit(1, true), unit(2, true));
    CHECK(result.codes == Codes{});
    CHECK(result.changed == Names{"f"});
    CHECK(compare(unit(1, false), unit(2, false)).codes == Codes{"diff.unknown-section"});
}
