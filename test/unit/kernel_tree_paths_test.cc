// The names of source files in objects.
#include "compile.h"

#include "elf/object.h"
#include "kernel/tree_paths.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace klp;
using namespace klp::test;

namespace {

bool has_string(const elf::Object& object, std::string_view wanted) {
    return std::ranges::any_of(object.sections(), [&](const elf::Section& section) {
        const std::string_view text(reinterpret_cast<const char*>(section.data.data()), section.data.size());
        return section.is_allocated() &&
               (text.starts_with(wanted) || text.find(std::string("\0", 1).append(wanted)) != text.npos);
    });
}

} // namespace

TEST_CASE("the places of a sanitizer's checks are named by the file, not by the folder that it was compiled in") {
    const ScratchDirectory scratch;
    const std::string unit = "int a[4];\nint f(int i) { return a[i]; }\nconst char *const other = \"at \" __FILE__;\n";
    const std::filesystem::path object = compile_unit(scratch, "unit", unit, "-fsanitize=bounds");
    const std::string tree = scratch.path().string() + "/";
    REQUIRE(has_string(elf::Object::open(object), tree + "unit.c"));
    kernel::take_off_tree(object, tree);
    const elf::Object after = elf::Object::open(object);
    CHECK(has_string(after, "unit.c"));
    CHECK_FALSE(has_string(after, tree));
    CHECK(has_string(after, "at " + tree + "unit.c")); // begins otherwise
}

TEST_CASE("the tree of a unit, as its command and as its headers name it") {
    using Trees = std::vector<std::string>;
    CHECK(kernel::trees_named_by("/src/mm/slub.c", "mm/slub.c") == Trees{"/src/"});
    CHECK(kernel::trees_named_by("/src/arch/x86/kvm/../../../virt/kvm/vfio.c", "virt/kvm/vfio.c") ==
          Trees{"/src/arch/x86/kvm/../../../", "/src/"});
    CHECK(kernel::trees_named_by("mm/slub.c", "mm/slub.c") == Trees{});
    CHECK(kernel::trees_named_by("/src/mm/slub.c", "mm/slab.c") == Trees{});
}
