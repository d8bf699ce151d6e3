// Callbacks belong to the object that the author names.
#include "diff_units.h"

#include <fmt/format.h>

using namespace klp;
using namespace klp::test;

namespace {

const std::string unit = "extern int of_module(int), exported(int);\nint f(int x) { return x + 1; }\n";

std::string kernel_callback(const std::string& object, const std::string& function = "before",
                            const std::string& kind = "pre_patch") {
    return fmt::format("__attribute__((section(\".discard.klp_callback_ptrs\"), used)) static void "
                       "*__klp_{}_callback_{} = (void *){};\n",
                       kind, object, function);
}

std::string kpatch_callback(const std::string& object, const std::string& number = "1") {
    return "__attribute__((section(\".kpatch.callbacks.post_unpatch\"), used)) static struct { void *fn; const char "
           "*object; } listed" +
           number + " = { (void *)before, " + object + " };\n";
}

const std::string before = "static int before(void *object) { return 0; }\n";

// The strings that the entries of the output's table of callbacks lead to, sorted.
Names objects_in_table(const Outcome& outcome) {
    Names names;
    const elf::Section* table = outcome.output->find_section(elf::build_callbacks_section);
    REQUIRE(table);
    for (const elf::Relocation& relocation : outcome.output->relocations(table->index))
        if (relocation.offset % 24 == 8) {
            const elf::Symbol& symbol = outcome.output->symbol(relocation.symbol);
            names.emplace_back(elf::Object::string_at(outcome.output->section(symbol.section),
                                                      symbol.value + static_cast<uint64_t>(relocation.addend)));
        }
    std::ranges::sort(names);
    return names;
}

void make_owner(UnitPair& pair, const std::string& owner) {
    pair.resolver.owner = owner;
    pair.resolver.special["of_module"] = {symbols::Resolution::Kind::livepatch, owner, 0, true, {}, false, {}};
}

} // namespace

TEST_CASE("callbacks: the kernel's macro names the object in the variable's name") {
    UnitPair pair;
    Outcome outcome = pair.run(unit, unit + before + kernel_callback("ext4") + kernel_callback("vmlinux"));
    REQUIRE(outcome.codes.empty());
    CHECK(objects_in_table(outcome) == Names{"ext4", "vmlinux"});
    REQUIRE(outcome.diff.callbacks.size() == 2);
    CHECK(outcome.diff.callbacks[0].object != outcome.diff.callbacks[1].object);
}

TEST_CASE("callbacks: kbuild's name of the unit's own module is the module") {
    UnitPair pair;
    make_owner(pair, "fuse");
    Outcome outcome = pair.run(unit, unit + before + kernel_callback("kmod_fuse"));
    REQUIRE(outcome.codes.empty());
    CHECK(objects_in_table(outcome) == Names{"fuse"});
}

TEST_CASE("callbacks: a module whose name has a kind in it") {
    UnitPair pair;
    Outcome outcome = pair.run(unit, unit + before + kernel_callback("pre_patch_callback_x", "before", "post_patch"));
    REQUIRE(outcome.codes.empty());
    CHECK(objects_in_table(outcome) == Names{"pre_patch_callback_x"});
    CHECK(outcome.diff.callbacks.front().kind == elf::CallbackKind::post_patch);
}

TEST_CASE("callbacks: kpatch's entries name the object or leave it to the unit") {
    UnitPair pair;
    Outcome outcome = pair.run(unit, unit + before + kpatch_callback("\"nf-tables\"", "1") + kpatch_callback("0", "2"));
    REQUIRE(outcome.codes.empty());
    CHECK(objects_in_table(outcome) == Names{"nf_tables", "vmlinux"});
    CHECK(outcome.diff.callbacks.front().kind == elf::CallbackKind::post_unpatch);
}

TEST_CASE("callbacks: of another object, it must not need the unit's own module") {
    UnitPair pair;
    make_owner(pair, "fuse");
    const std::string far = "static __attribute__((noinline)) int deep(int x) { return of_module(x) + 1; }\n"
                            "static int before(void *object) { return deep(1); }\n";
    CHECK(pair.run(unit, unit + far + kernel_callback("ext4")).codes == Codes{"diff.callback-object"});
    CHECK(pair.run(unit, unit + far + kernel_callback("fuse")).codes.empty());
    const std::string of_kernel = "static int before(void *object) { return exported(1); }\n";
    CHECK(pair.run(unit, unit + of_kernel + kernel_callback("ext4")).codes.empty());
}

TEST_CASE("callbacks: an object has one of each kind") {
    UnitPair pair;
    const std::string two = before + kernel_callback("ext4") + kpatch_callback("\"ext4\"", "1");
    CHECK(pair.run(unit, unit + two).codes.empty());
    CHECK(pair.run(unit, unit + two + kpatch_callback("\"ext4\"", "2")).codes == Codes{"diff.callback-twice"});
}

TEST_CASE("callbacks: an entry without a kind or an object is refused") {
    UnitPair pair;
    const std::string nameless = "__attribute__((section(\".discard.klp_callback_ptrs\"), used)) static void *thing = "
                                 "(void *)before;\n";
    CHECK(pair.run(unit, unit + before + nameless).codes == Codes{"diff.macro"});
    const std::string unknown =
        "__attribute__((section(\".kpatch.unheard_of\"), used)) static void *thing = (void *)before;\n";
    CHECK(pair.run(unit, unit + before + unknown).codes == Codes{"diff.macro"});
}
