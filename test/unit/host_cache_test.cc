#include "compile.h"
#include "files/files.h"
#include "host/cache.h"
#include "report/finding.h"

#include <csignal>
#include <doctest/doctest.h>
#include <stdexcept>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace klp;
using namespace klp::host;
namespace fs = std::filesystem;

TEST_CASE("an entry is made once") {
    const test::ScratchDirectory folder;
    const Cache cache(folder.path() / "cache");
    int calls = 0;
    const auto make = [&](const fs::path& path) {
        ++calls;
        files::write(path / "x", "made");
    };
    const fs::path entry = cache.entry("a/b", make);
    CHECK(cache.entry("a/b", make) == entry);
    CHECK(calls == 1);
    CHECK(files::read_text(entry / "x") == "made");
    CHECK(cache.has("a/b"));
}

TEST_CASE("an entry whose making failed is not there") {
    const test::ScratchDirectory folder;
    const Cache cache(folder.path());
    CHECK_THROWS_AS(cache.entry("a",
                                [](const fs::path& path) {
                                    files::write(path / "half", "");
                                    throw std::runtime_error("x");
                                }),
                    std::runtime_error);
    CHECK_FALSE(cache.has("a"));
    CHECK_FALSE(fs::exists(folder.path() / "a"));
}

TEST_CASE("an entry that a killed run left half made is made anew") {
    const test::ScratchDirectory folder;
    const Cache cache(folder.path());
    const pid_t runner = fork();
    if (runner == 0) {
        cache.entry("a", [](const fs::path& path) {
            files::write(path / "half", "");
            kill(getpid(), SIGKILL);
        });
        _exit(0);
    }
    waitpid(runner, nullptr, 0);
    REQUIRE(fs::exists(folder.path() / "a/half"));
    const fs::path entry = cache.entry("a", [](const fs::path& path) { CHECK(fs::is_empty(path)); });
    CHECK(fs::is_empty(entry));
}

TEST_CASE("of two runs at once, one makes the entry and the other waits for it") {
    const test::ScratchDirectory folder;
    const Cache cache(folder.path());
    int begun[2];
    REQUIRE(pipe(begun) == 0);
    const pid_t runner = fork();
    if (runner == 0) {
        cache.entry("a", [&](const fs::path& path) {
            [[maybe_unused]] const ssize_t written = write(begun[1], "x", 1);
            files::write(path / "who", "first");
        });
        _exit(0);
    }
    char byte;
    REQUIRE(read(begun[0], &byte, 1) == 1); // the other one has the lock now
    const fs::path entry = cache.entry("a", [](const fs::path& path) { files::write(path / "who", "second"); });
    CHECK(files::read_text(entry / "who") == "first");
    waitpid(runner, nullptr, 0);
    close(begun[0]);
    close(begun[1]);
}

TEST_CASE("temporary folders go with their owner, and a killed run's with the next run") {
    const test::ScratchDirectory folder;
    {
        const Cache cache(folder.path());
        fs::path path;
        {
            const TemporaryFolder temporary = cache.temporary();
            path = temporary.path();
            files::write(path / "x", "");
        }
        CHECK_FALSE(fs::exists(path));
    }
    const pid_t runner = fork();
    if (runner == 0) {
        const Cache cache(folder.path());
        const TemporaryFolder temporary = cache.temporary();
        files::write(temporary.path() / "x", "");
        kill(getpid(), SIGKILL);
    }
    waitpid(runner, nullptr, 0);
    CHECK_FALSE(fs::is_empty(folder.path() / "tmp"));
    const Cache cache(folder.path());
    CHECK(fs::is_empty(folder.path() / "tmp"));
    const TemporaryFolder alive = cache.temporary();
    const Cache other(folder.path()); // sweeps nothing that is in use
    CHECK(fs::exists(alive.path()));
}

TEST_CASE("names of entries are told apart") {
    CHECK(fingerprint("a") != fingerprint("b"));
    CHECK(fingerprint("") == "cbf29ce484222325"); // the hash's offset basis
}
