// The table of special sections: what every row must say, and what the kernel's headers say of some.
#include "arch/special_sections.h"
#include "hand_made.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <set>
#include <utility>

using namespace klp;
using arch::Role;
using arch::SpecialSection;

TEST_CASE("rows: no two for one name, variable or structure") {
    std::set<std::pair<std::string_view, bool>> names;
    std::multiset<std::string_view> others;
    for (const SpecialSection& row : arch::special_sections()) {
        CAPTURE(row.name);
        CHECK_FALSE(row.name.empty());
        CHECK(names.insert({row.name, row.is_prefix}).second);
        for (std::string_view word :
             {row.variable, row.structure, row.parallel, row.parallel_variable, row.parallel_structure}) {
            CHECK_FALSE((!word.empty() && others.contains(word)));
            others.insert(word);
        }
    }
}

TEST_CASE("rows: sizes, pointers and bytes that do not count are within an entry") {
    for (const SpecialSection& row : arch::special_sections()) {
        CAPTURE(row.name);
        auto has_size = [&](unsigned size) { return std::ranges::find(row.sizes, size) != row.sizes.end(); };
        CHECK((row.role != Role::special || !row.sizes.empty()));
        CHECK(std::set<unsigned>(row.sizes.begin(), row.sizes.end()).size() == row.sizes.size());
        for (unsigned size : row.sizes) {
            CAPTURE(size);
            CHECK(size >= row.tie + 4); // a pointer is a distance of 32 bits, or more
        }
        for (const SpecialSection::Blind& blind : row.blind) {
            CHECK(has_size(blind.size));
            CHECK(blind.from < blind.to);
            CHECK(blind.to <= blind.size);
        }
        for (const arch::EntryLayout& layout : row.layouts) {
            CHECK(has_size(layout.size));
            CHECK_FALSE(layout.pointers.empty());
            unsigned end = 0;
            for (const auto& pointer : layout.pointers) {
                CHECK(pointer.at >= end); // in order, and not one in another
                end = pointer.at + 4;
            }
            CHECK(end <= layout.size);
        }
    }
}

TEST_CASE("rows: what the loader reads has a source, and only that can come before the core") {
    for (const SpecialSection& row : arch::special_sections()) {
        CAPTURE(row.name);
        CHECK(row.reader.empty() == row.source.empty());
        CHECK((!row.precedes_core || !row.reader.empty()));
        CHECK((row.policy == arch::Policy::constant) == (row.name.starts_with("runtime_")));
        CHECK((row.policy != arch::Policy::constant || row.is_prefix)); // the variable's name follows
        CHECK(row.parallel.empty() == row.parallel_variable.empty());
        CHECK((row.parallel.empty() || arch::find_row(row.parallel) != nullptr));
        CHECK((row.role == Role::special || (row.key_field.empty() && row.variable.empty() && row.blind.empty())));
    }
}

TEST_CASE("rows: entries are as large as the kernel's structures") {
    auto sizes_of = [](std::string_view name) { return arch::find_row(name)->sizes; };
    auto has = [&](std::string_view name, std::initializer_list<unsigned> wanted) {
        const std::vector<unsigned> sizes = sizes_of(name);
        for (unsigned size : wanted) {
            CAPTURE(name);
            CAPTURE(size);
            CHECK(std::ranges::find(sizes, size) != sizes.end());
        }
    };
    // arch/x86/include/asm/alternative.h: 4 + 4 + 2 + 1 + 1 in 6.1, 4 + 4 + 4 + 1 + 1 since 6.3
    has(".altinstructions", {12, 14});
    // include/asm-generic/bug.h with relative pointers: 4 [+ 4 + 2] + 2; arch/powerpc: two of 8, 2 and 2, padded to 24
    has("__bug_table", {12, 8, 24});
    has("__ex_table", {12, 8});     // insn, fixup, and on x86 and arm64 data
    has("__jump_table", {16});      // s32 code, s32 target, long key
    has(".static_call_sites", {8}); // s32 addr, s32 key
    has("__mcount_loc", {8});       // an address
    has("__ftr_fixup", {48});       // arch/powerpc/include/asm/feature-fixups.h: six of 8
    has("__versions", {64});        // struct modversion_info: MODULE_NAME_LEN + sizeof(long)
    has("__param", {40});           // struct kernel_param: three pointers, u16, s8, u8, padding, a pointer
    CHECK(arch::find_row("__ftr_fixup")->tie == 16); // mask and value come first
    CHECK(arch::find_row("__bug_table")->tie == 0);
}

TEST_CASE("rows: a whole name comes before a beginning") {
    CHECK(arch::find_row("__ksymtab")->sizes == std::vector<unsigned>{12, 24});
    CHECK_FALSE(arch::find_row("__ksymtab_gpl")->is_prefix);
    CHECK(arch::find_row("__ksymtab+printk")->is_prefix);
    CHECK(arch::find_row("__ksymtab+printk")->name == "__ksymtab");
    CHECK(arch::find_row(".init.text")->name == ".init");
    CHECK(arch::find_row("__bug_table.more") == nullptr);
    CHECK(arch::find_row(".made_up") == nullptr);
    CHECK(arch::find_special("runtime_ptr_the_limit")->policy == arch::Policy::constant);
    CHECK(arch::find_special(".orc_unwind") == nullptr); // it goes with .orc_unwind_ip
    CHECK(arch::find_special(".orc_unwind_ip")->parallel == ".orc_unwind");
}

TEST_CASE("rows: read while the module loads, and before the core hears of it") {
    // module_finalize() applies alternatives; jump labels are linked by a notifier that runs with the core's.
    CHECK(arch::find_read_before_core(".altinstructions") != nullptr);
    CHECK(arch::find_read_while_loading("__jump_table") != nullptr);
    CHECK(arch::find_read_before_core("__jump_table") == nullptr);
    CHECK(arch::find_read_while_loading(".printk_index") == nullptr);
    CHECK(arch::find_read_while_loading(".text.f") == nullptr);
}

TEST_CASE("roles of sections") {
    test::HandMade maker;
    struct Expected {
        const char* name;
        uint64_t flags;
        uint64_t entry_size;
        Role role;
    };
    const Expected all[] = {
        {".text.f", SHF_ALLOC | SHF_EXECINSTR, 0, Role::code},
        {".init.text", SHF_ALLOC | SHF_EXECINSTR, 0, Role::code},
        {".fixup", SHF_ALLOC | SHF_EXECINSTR, 0, Role::fragments},
        {".altinstr_replacement", SHF_ALLOC | SHF_EXECINSTR, 0, Role::fragments},
        {".data.x", SHF_ALLOC | SHF_WRITE, 0, Role::data},
        {".rodata.x", SHF_ALLOC, 0, Role::data},
        {".rodata.str1.1", SHF_ALLOC | SHF_MERGE | SHF_STRINGS, 1, Role::strings},
        {".rodata.cst8", SHF_ALLOC | SHF_MERGE, 8, Role::constants},
        {"__bug_table", SHF_ALLOC | SHF_WRITE, 0, Role::special},
        {"__ex_table", SHF_ALLOC, 0, Role::special},
        {".initcall6.init", SHF_ALLOC, 0, Role::registry},
        {"__param", SHF_ALLOC, 0, Role::registry},
        {".modinfo", SHF_ALLOC, 0, Role::registry},
        {".BTF_ids", SHF_ALLOC, 0, Role::data},
        {".debug_info", 0, 0, Role::ignored},
        {".comment", 0, 0, Role::ignored},
        {"__ksymtab+f", SHF_ALLOC, 0, Role::ignored},
        {".kpatch.force", SHF_ALLOC | SHF_WRITE, 0, Role::macros},
        {".discard.klp_callback_ptrs", SHF_ALLOC | SHF_WRITE, 0, Role::macros},
        {".made_up", SHF_ALLOC, 0, Role::unknown},
        {".made_up_and_not_loaded", 0, 0, Role::ignored},
    };
    for (const Expected& it : all)
        maker.section(it.name, it.flags, std::vector<std::byte>(16), it.entry_size);
    const elf::Object object = maker.object();
    CHECK(arch::role_of(object.section(0)) == Role::ignored);
    for (const Expected& it : all) {
        CAPTURE(it.name);
        CHECK(arch::role_of(*object.find_section(it.name)) == it.role);
    }
}

TEST_CASE("what names of sections say of memory") {
    CHECK(arch::is_per_cpu(".data..percpu..read_mostly"));
    CHECK_FALSE(arch::is_per_cpu(".data..read_mostly"));
    CHECK(arch::name_in_module(".data..percpu..shared_aligned") == ".data..percpu");
    CHECK(arch::name_in_module(".data..ro_after_init") == ".data..ro_after_init");
    CHECK(arch::is_ro_after_init(".data..ro_after_init"));
    CHECK(arch::is_init(".init.data"));
    CHECK_FALSE(arch::is_init(".init_array"));
    CHECK(arch::is_exit(".exit.text"));
    CHECK(arch::is_decrypted(".data..decrypted"));
    CHECK(arch::is_decrypted(".bss..decrypted"));
    CHECK(arch::is_filled_by_link(".BTF_ids"));
    CHECK_FALSE(arch::is_filled_by_link(".BTF"));
}
