// Units that kbuild compiles without ftrace's calls, and the line that makes it so.
#include "compile.h"
#include "kernel/untraced.h"

#include <doctest/doctest.h>

using namespace klp;

namespace {

struct Tree {
    test::ScratchDirectory scratch;
    kernel::Target target;

    explicit Tree(const std::string& makefile) {
        std::filesystem::create_directories(scratch.path() / "lib");
        scratch.write("lib/Makefile", makefile);
        target.source = scratch.path();
    }
    std::string untraced_by(const std::string& object, const std::vector<std::string>& arguments) const {
        kernel::BuildUnit unit;
        unit.object = object;
        unit.compile = arguments;
        return kernel::untraced_by(target, unit);
    }
};

} // namespace

TEST_CASE("a unit with ftrace's calls has nobody who took them away") {
    const Tree tree("ccflags-remove-y += $(CC_FLAGS_FTRACE)\n");
    CHECK(tree.untraced_by("lib/sort.o", {"gcc", "-pg", "-mfentry"}).empty());
    CHECK(tree.untraced_by("lib/sort.o", {"gcc", "-fpatchable-function-entry=4,2"}).empty());
    CHECK(tree.untraced_by("lib/sort.o", {"gcc", "-fpatchable-function-entry=2"}).empty());
}

TEST_CASE("the line of the folder, or of the object") {
    const Tree folder("# not CC_FLAGS_FTRACE\nccflags-remove-$(CONFIG_FUNCTION_TRACER) += $(CC_FLAGS_FTRACE)\n");
    const std::string line = "lib/Makefile:2: ccflags-remove-$(CONFIG_FUNCTION_TRACER) += $(CC_FLAGS_FTRACE)";
    CHECK(folder.untraced_by("lib/sort.o", {"gcc"}) == line);
    // CONFIG_CALL_PADDING: all of the no-ops are before the entry.
    CHECK(folder.untraced_by("lib/sort.o", {"gcc", "-fpatchable-function-entry=16,16"}) == line);

    const Tree objects("CFLAGS_REMOVE_tsc.o = -pg\nCFLAGS_REMOVE_sort.o = -pg\nCFLAGS_test.o = $(CC_FLAGS_FTRACE)\n");
    CHECK(objects.untraced_by("lib/sort.o", {"gcc"}) == "lib/Makefile:2: CFLAGS_REMOVE_sort.o = -pg");
    CHECK(objects.untraced_by("lib/test.o", {"gcc"}) == "kbuild");
    CHECK(objects.untraced_by("elsewhere/x.o", {"gcc"}) == "kbuild");
}
