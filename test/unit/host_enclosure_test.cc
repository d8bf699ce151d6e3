// Commands in a system of their own: how they are called, and what they see.
#include "compile.h"
#include "files/files.h"
#include "host/enclosure.h"
#include "report/finding.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace fs = std::filesystem;
using namespace klp;
using namespace klp::host;

namespace {

size_t place_of(const std::vector<std::string>& argv, const std::vector<std::string>& words) {
    return static_cast<size_t>(std::ranges::search(argv, words).begin() - argv.begin());
}

bool can_enclose(const Enclosure& enclosure) {
    try {
        require_enclosing(enclosure);
        return true;
    } catch (const klp::report::Refusal& refusal) {
        MESSAGE("skipped, since commands cannot be enclosed here: ", refusal.what());
        return false;
    }
}

} // namespace

TEST_CASE("without an enclosure a command stays as it is") {
    const Command command = enclose({.argv = {"make", "x"}, .directory = "/d"}, {});
    CHECK(command.argv == std::vector<std::string>{"make", "x"});
    CHECK(command.directory == "/d");
}

TEST_CASE("an enclosed command sees the other system's programs, and of this one what it is given") {
    const test::ScratchDirectory folder;
    for (const char* name : {"usr/bin", "usr/lib", "usr/local", "usr/src", "etc"})
        fs::create_directories(folder.path() / name);
    const std::string root = folder.path().string();
    const Command command = enclose({.argv = {"gcc-14", "a b"}, .directory = "/work"},
                                    {folder.path(), {"/cache"}, {"/source", "/cache/part"}});
    const std::vector<std::string>& argv = command.argv;
    CHECK(argv.front() == "bwrap");
    CHECK(place_of(argv, {"--unshare-net"}) < argv.size());
    CHECK(place_of(argv, {"--ro-bind", root + "/usr/bin", "/usr/bin"}) < argv.size());
    // These are this system's: a source tree or an installed klp-build may lie there.
    CHECK(place_of(argv, {"--ro-bind", root + "/usr/local", "/usr/local"}) == argv.size());
    CHECK(place_of(argv, {"--ro-bind", root + "/usr/src", "/usr/src"}) == argv.size());
    CHECK(place_of(argv, {"--ro-bind", "/source", "/source"}) < argv.size());
    // What may be written to stays so, whatever else lies in it.
    CHECK(place_of(argv, {"--ro-bind", "/cache/part", "/cache/part"}) < place_of(argv, {"--bind", "/cache", "/cache"}));
    CHECK(place_of(argv, {"--chdir", "/work"}) < argv.size());
    CHECK(place_of(argv, {"--", "gcc-14", "a b"}) + 3 == argv.size());
}

TEST_CASE("an enclosed command can do what it may, and no more") {
    const test::ScratchDirectory folder;
    const fs::path readable = folder.path() / "readable", writable = folder.path() / "writable";
    for (const fs::path& path : {readable, writable})
        fs::create_directories(path);
    klp::files::write(readable / "file", "text");
    // This system's own programs, as another system.
    const Enclosure enclosure{"/", {writable}, {readable}};
    if (!can_enclose(enclosure))
        return;
    const auto status = [&](const std::string& script) {
        return run(enclose({.argv = {"sh", "-c", script}, .directory = writable}, enclosure)).status;
    };
    CHECK(run(enclose({.argv = {"cat", (readable / "file").string()}}, enclosure)).output == "text");
    CHECK(status("exit 7") == 7);
    CHECK(status("echo new >file") == 0);
    CHECK(klp::files::read_text(writable / "file") == "new\n");
    CHECK(status("echo new >" + (readable / "file").string()) != 0);
    CHECK(status("echo new >/usr/bin/klp-no-such") != 0);
    CHECK(status("test -e /home || test -e /root || test -e /var") != 0);
    // No network but the loopback device, which is down.
    CHECK(status("! grep -v -e lo: -e '|' /proc/net/dev") == 0);
}
