#include "kernel/plan.h"
#include "report/finding.h"

#include <algorithm>
#include <doctest/doctest.h>

using namespace klp;
using namespace klp::kernel;
using source::ChangedFile;
using source::FileKind;

namespace {

Unit unit(const std::string& object, const std::string& owner = "vmlinux") {
    Unit result;
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
        Unit entry = unit("arch/x86/entry/entry_64.o");
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
        return make_plan(files, {.units = units,
                                 .source = "/src",
                                 .build = "/build",
                                 .included_sources = included,
                                 .include_graph = [this] { return graph(); },
                                 .patched_units = [this](const std::string&) { return patched; },
                                 .in_patched_tree = [](const Unit& it) { return it; }});
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

    std::vector<Unit> units;
    std::vector<Unit> patched;
    std::set<std::string> included = {"deadline.c"};
    int scans = 0;
    std::vector<source::IncludeGraph::Failure> failures;

private:
    source::IncludeGraph graph() {
        ++scans;
        return source::IncludeGraph({"/src/include/x.h", "/src/kernel/fork.c", "/src/drivers/net/a.c",
                                     "/src/kernel/sched/deadline.c", "/src/kernel/sched/build_policy.c",
                                     "/src/arch/x86/entry/vdso/vclock_gettime.c"},
                                    {{"/src/kernel/fork.c", {0, 1}},
                                     {"/src/drivers/net/a.c", {0, 2}},
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
    CHECK(world.scans == 1);
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
    Unit other = unit("kernel/fork.o");
    other.compile.insert(other.compile.begin() + 1, "-DDEBUG");
    world.patched = {other, unit("kernel/sched/build_policy.o")};
    const Plan plan = world.plan({changed("kernel/Makefile")});
    REQUIRE(plan.changes.size() == 1);
    CHECK(plan.changes[0].unit.object == "kernel/fork.o");
    CHECK(plan.changes[0].patched.compile[1] == "-DDEBUG");
}

TEST_CASE("comments concern nobody") {
    World world;
    ChangedFile comment = changed("kernel/fork.c");
    comment.is_token_equal = true;
    CHECK(world.objects({comment, changed("drivers/net/b.c")}) == std::vector<std::string>{"drivers/net/b.o"});
    CHECK(world.refusal({comment}) == "plan.nothing-built");
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
