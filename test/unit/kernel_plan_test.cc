#include "kernel/plan.h"
#include "kernel/shadow.h"
#include "report/finding.h"

#include <algorithm>
#include <doctest/doctest.h>

using namespace klp;
using namespace klp::kernel;
using source::ChangedFile;
using source::FileKind;

namespace {

BuildUnit unit(const std::string& object, const std::string& owner = "vmlinux") {
    BuildUnit result;
    result.object = object;
    result.source = object.substr(0, object.size() - 1) + "c";
    result.owner = owner;
    result.compile = {"gcc", "-c", "-o", object, "/src/" + result.source};
    return result;
}

ChangedFile changed(const std::string& path, ChangedFile::Change change = ChangedFile::Change::modified) {
    ChangedFile file;
    file.path = path;
    file.origin = change == ChangedFile::Change::created ? "" : path;
    file.kind = source::kind_of(path);
    file.change = change;
    return file;
}

// A small kernel: fork.c of vmlinux, build_policy.c that includes deadline.c, a module of two units, and a vDSO.
class World {
public:
    World() {
        BuildUnit entry = unit("arch/x86/entry/entry_64.o");
        entry.source = "arch/x86/entry/entry_64.S";
        entry.is_assembly = true;
        units = {entry,
                 unit("arch/x86/entry/vdso/vclock_gettime.o"),
                 unit("drivers/net/a.o", "mod"),
                 unit("drivers/net/b.o", "mod"),
                 unit("kernel/fork.o"),
                 unit("kernel/sched/build_policy.o")};
    }

    Plan plan(const std::vector<ChangedFile>& files) {
        return make_plan(
            files, {.has_rust = has_rust,
                    .units = units,
                    .source = "/src",
                    .build = "/build",
                    .included_sources = included,
                    .include_graph = [this] { return graph(); },
                    .patched_folder = [this](const std::string&,
                                             const std::string&) { return PatchedFolder{patched, gone, recipes}; },
                    .in_patched_tree = [](const BuildUnit& it) { return it; },
                    .steps = steps,
                    .differences =
                        [this](const std::vector<Reading>& readings) {
                            std::vector<std::optional<std::string>> found;
                            for (const Reading& reading : readings)
                                found.push_back(alike.contains(reading.source) ? std::nullopt
                                                                               : std::optional<std::string>("$5"));
                            return found;
                        },
                    .new_readers =
                        [this](const std::string&, const source::IncludeGraph&) {
                            std::vector<const BuildUnit*> readers;
                            for (const std::string& object : finders)
                                for (const BuildUnit& it : units)
                                    if (it.object == object)
                                        readers.push_back(&it);
                            return readers;
                        }});
    }

    std::vector<std::string> objects(const std::vector<ChangedFile>& files) {
        std::vector<std::string> result;
        for (const UnitChange& change : plan(files).changes)
            result.push_back(change.patched.object);
        return result;
    }

    std::string refusal(const std::vector<ChangedFile>& files) {
        try {
            plan(files);
        } catch (const report::Refusal& refused) {
            return refused.findings().back().code;
        }
        return "";
    }

    bool has_rust = false;
    std::vector<BuildUnit> units;
    std::vector<BuildUnit> patched;
    std::vector<BuildUnit> gone;
    std::vector<Step> recipes; // that the patched Makefile changes
    std::set<std::string> included = {"deadline.c"};
    int scans = 0;
    std::vector<Step> steps;
    std::set<std::string> finders; // objects of units that find a new header
    std::set<std::string> alike;   // sources that read the same with the patch
    std::vector<source::IncludeGraph::Failure> failures;

private:
    source::IncludeGraph graph() {
        ++scans;
        return source::IncludeGraph(
            {"/src/include/x.h", "/src/kernel/fork.c", "/src/drivers/net/a.c", "/src/kernel/sched/deadline.c",
             "/src/kernel/sched/build_policy.c", "/src/arch/x86/entry/vdso/vclock_gettime.c", "/src/include/flags.h",
             "/src/arch/x86/entry/entry_64.S", "/build/kernel/made.h", "/src/arch/x86/entry/calls.S",
             "/src/tools/lib/bpf/relo.c", "/src/drivers/net/b.c"},
            {{"/src/kernel/fork.c", {0, 1, 6, 8}},
             {"/src/arch/x86/entry/entry_64.S", {6, 7, 9}},
             {"/src/drivers/net/a.c", {0, 2}},
             {"/src/drivers/net/b.c", {10, 11}},
             {"/src/kernel/sched/build_policy.c", {3, 4}},
             {"/src/arch/x86/entry/vdso/vclock_gettime.c", {0, 5}}},
            failures);
    }
};

} // namespace

TEST_CASE("a source file concerns its unit, without looking at any header") {
    World world;
    CHECK(world.objects({changed("kernel/fork.c")}) == std::vector<std::string>{"kernel/fork.o"});
    CHECK(world.scans == 0);
}

TEST_CASE("a source file that another one includes concerns that one") {
    World world;
    CHECK(world.objects({changed("kernel/sched/deadline.c")}) ==
          std::vector<std::string>{"kernel/sched/build_policy.o"});
}

TEST_CASE("a header concerns exactly the units that include it, of vmlinux and of modules") {
    World world;
    const Plan plan = world.plan({changed("include/x.h")});
    REQUIRE(plan.changes.size() == 2);
    CHECK(plan.changes[0].unit.owner == "mod");
    CHECK(plan.changes[1].unit.owner == "vmlinux");
    // The vDSO's copy is said to stay.
    REQUIRE(plan.findings.size() == 1);
    CHECK(plan.findings[0].code == "plan.unpatchable-includers");
    CHECK(plan.is_partial);
    CHECK(world.scans == 1);
    world.alike = {"/src/arch/x86/entry/vdso/vclock_gettime.c"};
    const Plan other = world.plan({changed("include/x.h")});
    CHECK(other.findings.empty());
    CHECK_FALSE(other.is_partial);
}

TEST_CASE("a header that assembly sees as well is refused if what assembly gets of it changes") {
    World world;
    CHECK(world.refusal({changed("include/flags.h")}) == "plan.assembly-sees-header");
    world.alike = {"/src/arch/x86/entry/entry_64.S"};
    CHECK(world.objects({changed("include/flags.h")}) == std::vector<std::string>{"kernel/fork.o"});
}

TEST_CASE("assembly that assembly includes is refused, and one that nobody reads is said") {
    World world;
    CHECK(world.refusal({changed("arch/x86/entry/calls.S")}) == "plan.assembly-sees-header");
    world.alike = {"/src/arch/x86/entry/entry_64.S"};
    // The assembler gets the same text: only comments.
    CHECK(world.refusal({changed("arch/x86/entry/entry_64.S")}) == "source.only-comments");
}

TEST_CASE("what a source or header is generated from is refused, alone or beside C code") {
    World world;
    world.steps = {{{"/build/kernel/made.c"}, {"/src/kernel/made.asn1", "/build/scripts/asn1"}, {}, ""},
                   {{"/build/kernel/made.h"}, {"/src/kernel/made.txt"}, {}, ""},
                   {{"/build/lib/log"}, {"/src/lib/log.in"}, {}, ""},
                   {{"/build/scripts/asn1"}, {"/src/scripts/asn1.c"}, {"gcc"}, "/src/scripts/asn1.c"}};
    BuildUnit made = unit("kernel/made.o");
    made.is_generated = true;
    world.units.push_back(made);
    CHECK(world.refusal({changed("kernel/made.asn1")}) == "plan.generated-input");
    CHECK(world.refusal({changed("kernel/made.asn1"), changed("kernel/fork.c")}) == "plan.generated-input");
    CHECK(world.refusal({changed("kernel/made.txt")}) == "plan.generated-input"); // through a header
    CHECK(world.refusal({changed("scripts/asn1.c")}) == "plan.generated-input");  // through a program
    // Nobody is known who uses it, which does not mean that there is nobody.
    CHECK(world.refusal({changed("lib/log.in")}) == "plan.nothing-built"); // it ends in nothing
    CHECK(world.refusal({changed("scripts/checkpatch.pl")}) == "source.no-code");
    world.alike = {"/src/scripts/asn1.c"};
    CHECK(world.refusal({changed("scripts/asn1.c")}) == "source.no-code");
    // A comment is text to a recipe that is no compiler.
    world.steps.push_back({{"/build/kernel/made.c"}, {"/src/kernel/fork.c"}, {}, ""});
    ChangedFile comment = changed("kernel/fork.c");
    comment.is_token_equal = true;
    CHECK(world.refusal({comment}) == "plan.generated-input");
}

TEST_CASE("programs of the build and linker scripts are refused by name") {
    World world;
    world.steps = {{{"/build/tools/objtool/check.o"}, {"/src/tools/objtool/check.c"}, {}, ""},
                   {{"/build/tools/objtool/objtool"}, {"/build/tools/objtool/check.o"}, {}, ""},
                   {{"/build/arch/x86/kernel/vmlinux.lds"},
                    {"/src/arch/x86/kernel/vmlinux.lds.S"},
                    {"gcc"},
                    "/src/arch/x86/kernel/vmlinux.lds.S"}};
    CHECK(world.refusal({changed("tools/objtool/check.c"), changed("kernel/fork.c")}) == "plan.build-tool");
    CHECK(world.refusal({changed("tools/objtool/Build")}) == "plan.build-tool");
    CHECK(world.refusal({changed("tools/testing/selftests/mm/Makefile")}) == "source.no-code");
    CHECK(world.refusal({changed("arch/x86/kernel/vmlinux.lds.S")}) == "plan.linker-script");
    world.alike = {"/src/arch/x86/kernel/vmlinux.lds.S"};
    CHECK(world.refusal({changed("arch/x86/kernel/vmlinux.lds.S")}) == "source.only-comments");
}

TEST_CASE("a new header concerns the units that find it, assembly too") {
    World world;
    world.finders = {"kernel/fork.o"};
    CHECK(world.objects({changed("kernel/x.h", ChangedFile::Change::created)}) ==
          std::vector<std::string>{"kernel/fork.o"});
    world.finders.insert("arch/x86/entry/entry_64.o");
    CHECK(world.refusal({changed("kernel/x.h", ChangedFile::Change::created)}) == "plan.assembly-sees-header");
}

TEST_CASE("units that may find a new header read a namesake and look where the new one lies, or ask for it") {
    BuildUnit beside = unit("kernel/fork.o"), by_option = unit("drivers/net/a.o"), elsewhere = unit("fs/open.o"),
              asking = unit("fs/pipe.o");
    by_option.compile.insert(by_option.compile.begin() + 1, {"-I", "/src/kernel"});
    const std::vector<BuildUnit> units = {beside, by_option, elsewhere, asking};
    const source::IncludeGraph graph({"/src/include/linux/x.h", "/src/kernel/fork.c", "/src/drivers/net/a.c",
                                      "/src/fs/open.c", "/src/fs/pipe.c", "/src/fs/ask.h"},
                                     {{"/src/kernel/fork.c", {0, 1}},
                                      {"/src/drivers/net/a.c", {0, 2}},
                                      {"/src/fs/open.c", {0, 3}},
                                      {"/src/fs/pipe.c", {4, 5}}},
                                     {});
    const auto finders = [&](const std::string& path, const std::set<std::string>& files_asking) {
        std::vector<std::string> objects;
        for (const BuildUnit* it : units_that_may_find(path, units, graph, files_asking, "/src", "/build"))
            objects.push_back(it->object);
        return objects;
    };
    CHECK(finders("kernel/x.h", {}) == std::vector<std::string>{"kernel/fork.o", "drivers/net/a.o"});
    CHECK(finders("kernel/y.h", {}).empty());
    CHECK(finders("mm/x.h", {}).empty());
    CHECK(finders("kernel/linux/x.h", {}) == std::vector<std::string>{"kernel/fork.o", "drivers/net/a.o"});
    CHECK(finders("fs/y.h", {"/src/fs/ask.h"}) == std::vector<std::string>{"fs/pipe.o"});
}

TEST_CASE("a copy is a new file, and its origin stays as it is") {
    World world;
    world.patched = {unit("kernel/fork.o"), unit("kernel/spoon.o")};
    ChangedFile copy = changed("kernel/spoon.c", ChangedFile::Change::copied);
    copy.origin = "kernel/fork.c";
    const Plan plan = world.plan({changed("kernel/Makefile"), copy});
    REQUIRE(plan.changes.size() == 1);
    CHECK(plan.changes[0].is_new());
}

TEST_CASE("a new file comes with its Makefile line") {
    World world;
    world.patched = {unit("scripts/mod/empty.o"), unit("kernel/fork.o"), unit("kernel/klp_new.o")};
    const Plan plan =
        world.plan({changed("kernel/klp_new.c", ChangedFile::Change::created), changed("kernel/Makefile")});
    REQUIRE(plan.changes.size() == 1);
    CHECK(plan.changes[0].is_new());
    CHECK(plan.changes[0].patched.object == "kernel/klp_new.o");
    CHECK(plan.findings.empty());
    CHECK(world.scans == 0);
}

TEST_CASE("flags that a Makefile changes concern the unit") {
    World world;
    BuildUnit other = unit("kernel/fork.o");
    other.compile.insert(other.compile.begin() + 1, "-DDEBUG");
    world.patched = {other, unit("kernel/sched/build_policy.o")};
    const Plan plan = world.plan({changed("kernel/Makefile")});
    REQUIRE(plan.changes.size() == 1);
    CHECK(plan.changes[0].unit.object == "kernel/fork.o");
    CHECK(plan.changes[0].patched.compile[1] == "-DDEBUG");
}

TEST_CASE("a Makefile's other recipes are looked at, and what it no longer makes is said") {
    World world;
    world.patched = {unit("kernel/sched/build_policy.o")};
    world.gone = {unit("kernel/fork.o"), unit("scripts/mod/empty.o")}; // the latter kbuild prepares itself with
    const std::vector<ChangedFile> files = {changed("kernel/Makefile"), changed("drivers/net/a.c")};
    Plan plan = world.plan(files);
    REQUIRE(plan.findings.size() == 1);
    CHECK(plan.findings[0].code == "plan.removed");
    CHECK(plan.findings[0].message.find("kernel/fork.o") != std::string::npos);
    CHECK(plan.is_partial);
    world.gone.clear();
    CHECK(world.plan(files).findings.empty());
    // kernel/made.h, which fork.c includes.
    world.recipes = {{{"/build/kernel/made.h"}, {"/src/kernel/made.txt"}, {}, ""}};
    CHECK(world.refusal(files) == "plan.generated-input");
    world.recipes = {{{"/build/kernel/unknown"}, {"/src/kernel/made.txt"}, {}, ""}};
    plan = world.plan(files);
    REQUIRE(plan.findings.size() == 1);
    CHECK(plan.findings[0].code == "plan.unknown-product");
    CHECK(plan.is_partial);
}

TEST_CASE("a Makefile moves no unit into another module, and brings none") {
    World world;
    const std::vector<ChangedFile> files = {changed("drivers/net/Makefile")};
    world.patched = {unit("drivers/net/a.o", "other")};
    world.patched[0].compile.insert(world.patched[0].compile.begin() + 1, "-DKBUILD_MODFILE=\"drivers/net/other\"");
    CHECK(world.refusal(files) == "plan.moved-unit");
    world.patched = {unit("drivers/net/c.o", "other")};
    CHECK(world.refusal(files) == "plan.new-module");
    world.patched = {unit("drivers/net/c.o", "mod")};
    CHECK(world.objects(files) == std::vector<std::string>{"drivers/net/c.o"});
}

TEST_CASE("the old name of a file that is renamed is not missed") {
    World world;
    ChangedFile file = changed("kernel/spoon.c", ChangedFile::Change::renamed);
    file.origin = "kernel/fork.c";
    world.patched = {unit("kernel/spoon.o")};
    world.gone = {unit("kernel/fork.o")};
    const Plan plan =
        world.plan({file, changed("kernel/fork.c", ChangedFile::Change::removed), changed("kernel/Makefile")});
    CHECK(plan.changes.size() == 1);
    CHECK_FALSE(plan.is_partial);
}

TEST_CASE("what is linked into the kernel is a part of it, whatever folder it lies in") {
    World world;
    const std::string vdso = "arch/x86/entry/vdso/vclock_gettime.c";
    CHECK(world.refusal({changed(vdso)}) == "plan.vdso");
    const auto found = std::ranges::find(world.units, vdso, &BuildUnit::source);
    found->is_built_in = true;
    CHECK(world.objects({changed(vdso)}) == std::vector<std::string>{found->object});
    const Plan plan = world.plan({changed("include/x.h")});
    CHECK(plan.changes.size() == 3);
    CHECK(plan.findings.empty());
}

TEST_CASE("an object that a binary of its own has of a source of the kernel's is none of the kernel's") {
    World world;
    BuildUnit stub = unit("drivers/firmware/efi/libstub/lib-fork.o");
    stub.source = "kernel/fork.c";
    world.units.push_back(stub);
    const Plan plan = world.plan({changed("kernel/fork.c")});
    REQUIRE(plan.changes.size() == 1);
    CHECK(plan.changes[0].patched.object == "kernel/fork.o");
    REQUIRE(plan.findings.size() == 1);
    CHECK(plan.findings[0].code == "plan.unpatchable-includers");
}

TEST_CASE("a file of the build's programs that the kernel includes is a part of the kernel") {
    World world;
    world.included.insert("relo.c");
    CHECK(world.objects({changed("tools/lib/bpf/relo.c")}) == std::vector<std::string>{"drivers/net/b.o"});
}

TEST_CASE("comments concern nobody") {
    World world;
    ChangedFile comment = changed("kernel/fork.c");
    comment.is_token_equal = true;
    CHECK(world.objects({comment, changed("drivers/net/b.c")}) == std::vector<std::string>{"drivers/net/b.o"});
    CHECK(world.refusal({comment}) == "source.only-comments");
}

TEST_CASE("what is not built is said") {
    World world;
    CHECK(world.refusal({changed("fs/nothing.c")}) == "plan.nothing-built");
    const Plan plan = world.plan({changed("fs/nothing.c"), changed("include/unused.h"), changed("kernel/fork.c"),
                                  changed("arch/arm64/kernel/entry.S"), changed("kernel/Kconfig")});
    CHECK(plan.changes.size() == 1);
    CHECK(std::count_if(plan.findings.begin(), plan.findings.end(),
                        [](const report::Finding& finding) { return finding.code == "plan.not-built"; }) == 3);
    CHECK(plan.findings.back().code == "plan.kconfig");
}

TEST_CASE("what cannot be patched live is refused, each for its reason") {
    World world;
    CHECK(world.refusal({changed("arch/x86/entry/entry_64.S")}) == "plan.assembly");
    CHECK(world.refusal({changed("arch/x86/entry/vdso/vclock_gettime.c")}) == "plan.vdso");
    CHECK(world.refusal({changed("arch/x86/realmode/init.c")}) == "plan.realmode");
    CHECK(world.refusal({changed("arch/x86/boot/compressed/misc.c")}) == "plan.boot");
    CHECK(world.refusal({changed("drivers/firmware/efi/libstub/x86-stub.c")}) == "plan.firmware-stub");
    CHECK(world.refusal({changed("Makefile"), changed("kernel/fork.c")}) == "plan.global-makefile");
    CHECK(world.refusal({changed("arch/x86/Makefile")}) == "plan.global-makefile");
    CHECK(world.refusal({changed("scripts/Makefile.build")}) == "plan.global-makefile");
    try {
        world.plan({changed("arch/x86/entry/entry_64.S"), changed("arch/x86/boot/main.c"), changed("kernel/fork.c")});
        FAIL("no refusal");
    } catch (const report::Refusal& refused) {
        CHECK(refused.findings().size() == 2); // all of them at once
    }
}

TEST_CASE("a unit whose headers nobody knows is not passed by in silence") {
    World world;
    auto unread = [&] {
        Plan plan = world.plan({changed("include/x.h")});
        return std::ranges::any_of(plan.findings, [](const report::Finding& finding) {
            return finding.code == "plan.unread-units" && finding.message.find("no x.asn1.h") != std::string::npos;
        });
    };
    CHECK_FALSE(unread());
    world.failures = {{"/src/drivers/net/b.c", "no x.asn1.h"}};
    CHECK(unread());
    world.failures = {{"/src/arch/x86/entry/vdso/vclock_gettime.c", "no x.asn1.h"}}; // never patched in any case
    CHECK_FALSE(unread());
}

TEST_CASE("Rust is no part of the kernel, or refused: never passed by beside C") {
    World world;
    CHECK(world.refusal({changed("rust/kernel/print.rs")}) == "source.no-code");
    const Plan plan = world.plan({changed("drivers/net/phy.rs"), changed("kernel/fork.c")});
    REQUIRE(plan.findings.size() == 1);
    CHECK(plan.findings[0].code == "plan.not-kernel-code");
    world.has_rust = true;
    for (const char* path : {"rust/kernel/print.rs", "drivers/net/phy.rs", "rust/bindings/bindings_helper.h"})
        CHECK(world.refusal({changed(path), changed("kernel/fork.c")}) == "plan.rust");
}
