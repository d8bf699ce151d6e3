// Commands in a system of their own: how they are called, and what they see.
#include "compile.h"
#include "files/files.h"
#include "host/enclosure.h"
#include "report/finding.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fs = std::filesystem;
using namespace klp;
using namespace klp::host;

namespace {

size_t place_of(const std::vector<std::string>& argv, const std::vector<std::string>& words) {
    return static_cast<size_t>(std::ranges::search(argv, words).begin() - argv.begin());
}

// Nothing where the means does not work here.
std::optional<Enclosure> enclosure_by(Enclosure::Means means, Enclosure enclosure) {
    enclosure.means = means;
    const Outcome outcome = run(enclose({.argv = {"true"}}, enclosure));
    if (outcome.status == 0)
        return enclosure;
    MESSAGE("skipped, since commands cannot be enclosed here: ", outcome.errors);
    return std::nullopt;
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

TEST_CASE("an enclosed command can do what it may") {
    const test::ScratchDirectory folder;
    const fs::path readable = folder.path() / "readable", writable = folder.path() / "writable";
    for (const fs::path& path : {readable, writable})
        fs::create_directories(path);
    klp::files::write(readable / "file", "text");
    for (const Enclosure::Means means : {Enclosure::Means::namespaces, Enclosure::Means::tracing}) {
        // This system's own programs, as another system.
        const std::optional<Enclosure> enclosure = enclosure_by(means, {"/", {writable}, {readable}});
        if (!enclosure)
            continue;
        CAPTURE(means);
        const auto status = [&](const std::string& script) {
            return run(enclose({.argv = {"sh", "-c", script}, .directory = writable}, *enclosure)).status;
        };
        CHECK(run(enclose({.argv = {"cat", (readable / "file").string()}}, *enclosure)).output == "text");
        CHECK(run(enclose({.argv = {"pwd"}, .directory = writable}, *enclosure)).output == writable.string() + "\n");
        CHECK(status("exit 7") == 7);
        CHECK(status("kill -9 $$") != 0);
        CHECK(status("echo new >file") == 0);
        CHECK(klp::files::read_text(writable / "file") == "new\n");
        CHECK(status("test \"$PATH\" = /usr/sbin:/usr/bin && >/tmp/klp-enclosed && rm /tmp/klp-enclosed") == 0);
    }
}

TEST_CASE("namespaces keep an enclosed command from all else") {
    const test::ScratchDirectory folder;
    klp::files::write(folder.path() / "file", "text");
    const std::optional<Enclosure> enclosure = enclosure_by(Enclosure::Means::namespaces, {"/", {}, {folder.path()}});
    if (!enclosure)
        return;
    const auto status = [&](const std::string& script) {
        return run(enclose({.argv = {"sh", "-c", script}}, *enclosure)).status;
    };
    CHECK(status("test -e " + (folder.path() / "file").string()) == 0);
    CHECK(status("echo new >" + (folder.path() / "file").string()) != 0);
    CHECK(status("echo new >/usr/bin/klp-no-such") != 0);
    CHECK(status("test -e /home || test -e /root || test -e /var") != 0);
    // No network but the loopback device, which is down.
    CHECK(status("! grep -v -e lo: -e '|' /proc/net/dev") == 0);
}

TEST_CASE("the better of the means that work is taken") {
    const test::ScratchDirectory folder;
    if (enclosure_by(Enclosure::Means::namespaces, {"/", {}, {}}))
        CHECK(enclosure_here({"/", {}, {}}).means == Enclosure::Means::namespaces);
    // A folder that is no system.
    fs::create_directories(folder.path() / "usr");
    fs::create_directories(folder.path() / "etc");
    const bool has_means = find_program("bwrap") || find_program("proot");
    CHECK_THROWS_WITH_AS(enclosure_here({folder.path(), {}, {}}),
                         doctest::Contains(has_means ? "toolchain.no-namespaces" : "kernel.missing-tool"),
                         klp::report::Refusal);
}
