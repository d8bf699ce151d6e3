#include "fake_machine.h"
#include "sound_module.h"

#include "livepatch/module_facts.h"
#include "report/finding.h"
#include "store/guard.h"
#include "store/snapshot.h"
#include "store/store.h"

#include "files/files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

using namespace klp;

namespace {

std::vector<std::string> fields_of(const std::string& patch, const std::string& name = "livepatch_x") {
    return {"livepatch=Y", "license=GPL", "name=" + name, "vermagic=6.1.0-test SMP ", "klp_patch=aa " + patch};
}

size_t files_in(const std::filesystem::path& folder) {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

struct Shop {
    test::FakeMachine machine;
    livepatch::System system = machine.system();
    store::Store store{system};

    store::Installed install(const std::string& patch, const std::string& kernel = "k1") {
        const elf::Object module = test::Sound(fields_of(patch)).object();
        return store.install(module, livepatch::read_module_facts(module), kernel, "package-x", {});
    }
};

} // namespace

TEST_CASE("what is installed is there, byte for byte") {
    Shop shop;
    const store::Installed installed = shop.install("one.patch");
    CHECK(installed.release == "6.1.0-test");
    CHECK(installed.patch_files == std::vector<std::string>{"one.patch"});
    CHECK_FALSE(installed.is_accepted());
    const std::optional<store::Installed> found = shop.store.find("k1", "livepatch_x");
    REQUIRE(found);
    CHECK(found->package == "package-x");
    CHECK(found->sha256 == installed.sha256);
    const elf::Object module = test::Sound(fields_of("one.patch")).object();
    const std::vector<std::byte> bytes = files::read_bytes(shop.store.module_path(*found));
    CHECK(std::ranges::equal(bytes, module.file()));
    CHECK(shop.store.all().size() == 1);
    CHECK(shop.store.of_kernel("k2").empty());
    shop.store.uninstall(*found);
    CHECK(shop.store.all().empty());
    CHECK_FALSE(std::filesystem::exists(shop.machine.path("/var/lib/klp/k1")));
}

TEST_CASE("the same again stays accepted, another one of its name does not, and leaves nothing of the old one") {
    Shop shop;
    store::Installed installed = shop.install("one.patch");
    installed.accepted_at = "2026-11-29T03:44:03Z";
    shop.store.update(installed);
    CHECK(shop.install("one.patch").is_accepted());
    CHECK_FALSE(shop.install("two.patch").is_accepted());
    CHECK(files_in(shop.machine.path("/var/lib/klp/k1")) == 2);
    CHECK(shop.store.find("k1", "livepatch_x")->patch_files == std::vector<std::string>{"two.patch"});
}

TEST_CASE("what a killed run left, or somebody else wrote, is not installed") {
    Shop shop;
    shop.machine.write("/var/lib/klp/k1/livepatch_x-1234.ko", "half");
    CHECK(shop.store.all().empty());
    for (const char* text : {"", "{\"name\": \"livepatch_x\"", "[]",
                             R"({"name": "livepatch_x", "kernel": "k1", "file": "../../../etc/passwd"})",
                             R"({"name": "other", "kernel": "k1", "file": "x.ko"})",
                             R"({"name": "livepatch_x", "kernel": "k2", "file": "x.ko"})"}) {
        CAPTURE(text);
        shop.machine.write("/var/lib/klp/k1/livepatch_x.json", text);
        CHECK(shop.store.all().empty());
    }
    shop.machine.write("/var/lib/klp/k1/livepatch_x.json.77-0", "half");
    shop.machine.write("/var/lib/klp/k1/saved-state", "kept");
    shop.install("one.patch");
    CHECK(shop.store.all().size() == 1);
    CHECK(files_in(shop.machine.path("/var/lib/klp/k1")) == 3);
    CHECK(files::read_text(shop.machine.path("/var/lib/klp/k1/saved-state")) == "kept");
}

TEST_CASE("klp_core.ko goes with the last one that may need it") {
    Shop shop;
    const elf::Object module = test::Sound(fields_of("one.patch")).object();
    const std::vector<std::byte> core = test::bytes_of("core");
    const store::Installed installed = shop.store.install(module, livepatch::read_module_facts(module), "k1", "", core);
    CHECK(files::read_text(shop.machine.path("/var/lib/klp/k1/klp_core.ko")) == "core");
    shop.store.uninstall(installed);
    CHECK_FALSE(std::filesystem::exists(shop.machine.path("/var/lib/klp/k1/klp_core.ko")));
}

TEST_CASE("what somebody else loaded is known by its build id") {
    Shop shop;
    shop.machine.kernel("6.1.0-test");
    store::Installed installed = shop.install("one.patch", test::FakeMachine::kernel_build_id());
    shop.machine.patch("livepatch_x", true, false, {"f,1"});
    const livepatch::LoadedPatch loaded = livepatch::find_patch(shop.system, "livepatch_x").value();
    CHECK(shop.store.origin_of(loaded).file.empty()); // another build, or none
    installed.build_id = loaded.build_id;
    shop.store.update(installed);
    const store::Record record = shop.store.origin_of(loaded);
    CHECK(record.file == shop.store.module_path(installed).string());
    CHECK(record.package == "package-x");
    CHECK(record.patch_files == std::vector<std::string>{"one.patch"});
    CHECK(record.loaded_at.empty());
}

TEST_CASE("the crash guard") {
    Shop shop;
    store::Installed installed = shop.install("one.patch");
    store::begin_trial(shop.store, installed, "boot-1");
    auto now = [&] { return shop.store.find("k1", "livepatch_x").value(); };
    SUBCASE("a trial of this boot says nothing yet") {
        store::Installed same = now();
        store::judge(shop.store, same, "boot-1");
        CHECK(same.blocked.empty());
        CHECK(now().trial_boot == "boot-1");
    }
    SUBCASE("one that was survived is over") {
        store::end_trial(shop.store, installed, "boot-1");
        store::Installed later = now();
        store::judge(shop.store, later, "boot-2");
        CHECK(later.blocked.empty());
    }
    SUBCASE("one that another boot ended blocks the patch, for good") {
        store::Installed later = now();
        store::judge(shop.store, later, "boot-2");
        CHECK(later.blocked.find("within a minute") != std::string::npos);
        store::Installed again = now();
        store::judge(shop.store, again, "boot-3");
        CHECK_FALSE(now().blocked.empty());
    }
    SUBCASE("the end of an older trial does not end a newer one") {
        store::Installed newer = now();
        newer.trial_at = "2999-01-01T00:00:00Z";
        shop.store.update(newer);
        store::end_trial(shop.store, installed, "boot-1");
        CHECK(now().trial_boot == "boot-1");
    }
    SUBCASE("a patch that is gone has no trial") {
        shop.store.uninstall(installed);
        CHECK_NOTHROW(store::end_trial(shop.store, installed, "boot-1"));
        CHECK(shop.store.all().empty());
    }
}

TEST_CASE("a state is read as it was saved") {
    const test::FakeMachine machine;
    machine.kernel("6.1.0-test");
    machine.patch("lp_a", true, false, {"f,1"});
    machine.patch("lp_b", false, true, {"f,1"});
    const store::Snapshot taken = store::take_snapshot(machine.system());
    REQUIRE(taken.patches.size() == 1);
    CHECK(taken.patches[0].name == "lp_a");
    CHECK(taken.patches[0].file.empty());
    const std::filesystem::path file = machine.path("/var/lib/klp/state");
    store::write_snapshot(file, {"k1", {{"lp_a", "01", "/x.ko", "77"}}});
    const store::Snapshot read = store::read_snapshot(file);
    CHECK(read.kernel == "k1");
    REQUIRE(read.patches.size() == 1);
    CHECK(read.patches[0].file == "/x.ko");
    CHECK(read.patches[0].sha256 == "77");
    machine.write("/var/lib/klp/state", "{}");
    CHECK_THROWS_AS(store::read_snapshot(file), report::Refusal);
    CHECK_THROWS_AS(store::read_snapshot(machine.path("/none")), report::Refusal);
}
