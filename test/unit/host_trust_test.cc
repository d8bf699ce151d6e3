#include "compile.h"
#include "files/files.h"
#include "host/cache.h"
#include "host/seal.h"
#include "host/trust.h"
#include "report/finding.h"

#include <doctest/doctest.h>

#include <string>
#include <sys/stat.h>
#include <unistd.h>

using namespace klp;
using namespace klp::host;
namespace fs = std::filesystem;

namespace {

std::string code_of(const auto& work) {
    try {
        work();
    } catch (const report::Refusal& refusal) {
        return refusal.findings().front().code;
    }
    return {};
}

// What a maker puts into an entry in these tests.
void make_small(const fs::path& folder) {
    files::write(folder / "file", "content");
    files::make_folder(folder / "deep/er");
    files::write(folder / "deep/er/program", "#!/bin/sh\n");
    fs::create_symlink("file", folder / "link");
}

} // namespace

TEST_CASE("who else can write") {
    const test::ScratchDirectory folder;
    const fs::path path = folder.path() / "x";
    CHECK_FALSE(who_else_can_write(path)); // what is not there is made by us
    files::write(path, "");
    CHECK_FALSE(who_else_can_write(path));
    constexpr gid_t of_others = 65534; // nogroup
    if (geteuid() == 0 && chown(path.c_str(), static_cast<uid_t>(-1), of_others) == 0) {
        chmod(path.c_str(), 0664);
        REQUIRE(who_else_can_write(path));
        CHECK(who_else_can_write(path)->find("its group") != std::string::npos);
        // The user's private group: root's own, as for each user on many distributions.
        CHECK(chown(path.c_str(), static_cast<uid_t>(-1), 0) == 0);
        CHECK_FALSE(who_else_can_write(path));
    } else {
        MESSAGE("not root: groups are not looked at");
    }
    chmod(path.c_str(), 0646);
    CHECK(who_else_can_write(path) == "everybody can write to it");
    // A link has the mode 777 and is what its folder lets it be.
    fs::create_symlink("x", folder.path() / "link");
    CHECK_FALSE(who_else_can_write(folder.path() / "link"));
}

TEST_CASE("a cache below a folder in which others can put another one in its place") {
    const test::ScratchDirectory folder;
    const fs::path cache = folder.path() / "a/cache";
    files::make_folder(cache);
    require_own_place(cache);
    chmod(folder.path().c_str(), 0777);
    CHECK(code_of([&] { require_own_place(cache); }) == "cache.untrusted");
    chmod(folder.path().c_str(), 01777); // the sticky bit: only who owns an entry may rename it
    require_own_place(cache);
    chmod(cache.c_str(), 01777); // in the cache itself it helps nobody: others may add what is not there yet
    CHECK(code_of([&] { require_own_place(cache); }) == "cache.untrusted");
}

TEST_CASE("an entry that others could have changed is refused") {
    const test::ScratchDirectory folder;
    const Cache cache(folder.path());
    const fs::path entry = cache.entry("kernel/a", make_small);
    const auto again = [&] { cache.entry("kernel/a", [](const fs::path&) {}); };
    CHECK(code_of(again).empty());
    for (const fs::path& path : {entry, entry / "file", entry / "deep", entry.parent_path()}) {
        CAPTURE(path.string());
        const fs::perms before = fs::status(path).permissions();
        fs::permissions(path, fs::perms::others_write, fs::perm_options::add);
        CHECK(code_of(again) == "cache.untrusted");
        fs::permissions(path, before);
        CHECK(code_of(again).empty());
    }
}

TEST_CASE("a sealed folder is known again, and every change of it is seen") {
    const test::ScratchDirectory folder;
    const fs::path entry = folder.path() / "entry";
    const fs::path memory = folder.path() / "own/memory";
    const auto check = [&] { check_seal(entry, memory); };
    const auto let_write = [&](const fs::path& path) {
        fs::permissions(path, fs::perms::owner_all, fs::perm_options::add);
    };
    files::make_folder(entry);
    make_small(entry);
    CHECK(code_of(check) == "cache.unsealed");
    seal(entry);
    for (const fs::path& path : {entry, entry / "file", entry / "deep", entry / "deep/er/program"}) {
        struct stat status{};
        REQUIRE(stat(path.c_str(), &status) == 0);
        CHECK((status.st_mode & 0222) == 0);
    }
    CHECK(code_of(check).empty());
    CHECK(code_of(check).empty()); // by memory

    SUBCASE("another content of the same size, with the old time of change of content") {
        const fs::path program = entry / "deep/er/program";
        const fs::file_time_type time = fs::last_write_time(program);
        let_write(program);
        std::ofstream(program) << "#!/bin/ah\n";
        fs::last_write_time(program, time);
    }
    SUBCASE("one more file") {
        let_write(entry / "deep");
        files::write(entry / "deep/more.h", "");
    }
    SUBCASE("one file less") {
        let_write(entry);
        fs::remove(entry / "file");
    }
    SUBCASE("the last file is gone") {
        let_write(entry);
        fs::remove(entry / "link");
    }
    SUBCASE("a link that leads elsewhere") {
        let_write(entry);
        fs::remove(entry / "link");
        fs::create_symlink("/etc/passwd", entry / "link");
    }
    CHECK(code_of(check) == "cache.changed");
    break_seal(entry);
    CHECK_FALSE(fs::exists(entry));
}

TEST_CASE("a cache on top of one that a group shares") {
    const test::ScratchDirectory folder;
    files::make_folder(folder.path() / "shared");
    chmod((folder.path() / "shared").c_str(), 0777);
    int made = 0;
    const auto make = [&](const fs::path& path) {
        ++made;
        make_small(path);
    };
    const Cache one(folder.path() / "one", folder.path() / "shared", Sharing::group);
    const Cache two(folder.path() / "two", folder.path() / "shared", Sharing::group);
    const fs::path entry = one.common_entry("kernel/a", make);
    CHECK(entry == folder.path() / "shared/kernel/a");
    CHECK(two.common_entry("kernel/a", make) == entry);
    CHECK(made == 1);
    // Others may add entries beside it.
    CHECK((fs::status(entry.parent_path()).permissions() & fs::perms::others_write) != fs::perms::none);
    // What is not the same for everybody, and what runs add, is each one's own.
    CHECK(one.entry("module/m", make) == folder.path() / "one/module/m");
    CHECK(one.state_of("kernel/a").string().starts_with((folder.path() / "one").string()));
    CHECK(two.state_of("kernel/a").string().starts_with((folder.path() / "two").string()));
    break_seal(entry); // who is not root cannot remove what is in it otherwise
}

TEST_CASE("a cache on top of one that may only be read") {
    const test::ScratchDirectory folder;
    const fs::path below = folder.path() / "below";
    const Cache maker(below);
    maker.entry("kernel/a", make_small);
    const Cache cache(folder.path() / "own", below, Sharing::none);
    const auto never = [](const fs::path&) { FAIL("it is there"); };
    CHECK(cache.common_entry("kernel/a", never) == below / "kernel/a");
    CHECK(cache.state_of("kernel/a") != below / "kernel/a");
    // What it has not got is made in the own one.
    CHECK(cache.common_entry("kernel/b", make_small) == folder.path() / "own/kernel/b");
    CHECK(cache.state_of("kernel/b") == folder.path() / "own/kernel/b");
    CHECK_FALSE(cache.seals_common_entries());
    // And it must be trusted like any other.
    chmod(below.c_str(), 0777);
    CHECK(code_of([&] { Cache(folder.path() / "own", below, Sharing::none); }) == "cache.untrusted");
}
