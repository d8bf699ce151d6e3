#include "compile.h"
#include "files/files.h"
#include "host/parallel.h"
#include "host/process.h"
#include "report/finding.h"

#include <atomic>
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

using namespace klp;
using namespace klp::host;

TEST_CASE("a program gets its words as they are and its output comes back") {
    const Outcome outcome = run({.argv = {"printf", "%s|", "a b", "$HOME", "'"}});
    CHECK(outcome.status == 0);
    CHECK(outcome.output == "a b|$HOME|'|");
    CHECK(outcome.errors.empty());
}

TEST_CASE("status, standard error, folder and environment") {
    const test::ScratchDirectory folder;
    const Outcome outcome = run({.argv = {"sh", "-c", "pwd; echo $KLP_X$MAKEFLAGS >&2; exit 7"},
                                 .directory = folder.path(),
                                 .environment = {{"KLP_X", "seen"}}});
    CHECK(outcome.status == 7);
    CHECK(outcome.output == std::filesystem::canonical(folder.path()).string() + "\n");
    CHECK(outcome.errors == "seen\n");
}

TEST_CASE("a program gets of our environment where things are, and nothing that could steer it") {
    for (const char* name : {"MAKEFLAGS", "KCFLAGS", "LLVM", "CROSS_COMPILE", "KBUILD_MODPOST_NOFINAL", "NO_SUCH_NAME"})
        setenv(name, "1", 1);
    setenv("KBUILD_SIGN_PIN", "1234", 1);
    setenv("TMPDIR", "/tmp", 1);
    const Outcome outcome = run({.argv = {"sh", "-c",
                                          "echo \"[$MAKEFLAGS$KCFLAGS$LLVM$CROSS_COMPILE"
                                          "$KBUILD_MODPOST_NOFINAL$NO_SUCH_NAME]$KBUILD_SIGN_PIN $TMPDIR\""}});
    for (const char* name : {"MAKEFLAGS", "KCFLAGS", "LLVM", "CROSS_COMPILE", "KBUILD_MODPOST_NOFINAL", "NO_SUCH_NAME",
                             "KBUILD_SIGN_PIN", "TMPDIR"})
        unsetenv(name);
    CHECK(outcome.output == "[]1234 /tmp\n");
}

TEST_CASE("output to both pipes larger than they hold does not block") {
    const Outcome outcome = run({.argv = {"sh", "-c", "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2"}});
    CHECK(outcome.output.size() == 300000);
    CHECK(outcome.errors.size() == 300000);
}

TEST_CASE("output to a file") {
    const test::ScratchDirectory folder;
    run({.argv = {"echo", "text"}, .output = folder.path() / "out"});
    CHECK(files::read_text(folder.path() / "out") == "text\n");
}

TEST_CASE("a program that is not there, that is killed, that fails") {
    CHECK(run({.argv = {"klp-no-such-program"}}).status == 127);
    CHECK(run({.argv = {"sh", "-c", "kill -9 $$"}}).status == 128 + SIGKILL);
    try {
        run_or_refuse({.argv = {"klp-no-such-program"}}, "x.y", "test");
        FAIL("no refusal");
    } catch (const report::Refusal& refusal) {
        CHECK(refusal.findings().front().code == "kernel.missing-tool");
    }
    try {
        run_or_refuse({.argv = {"sh", "-c", "echo first >&2; echo last >&2; exit 1"}}, "x.y", "test");
        FAIL("no refusal");
    } catch (const report::Refusal& refusal) {
        CHECK(refusal.findings().front().code == "x.y");
        CHECK(refusal.findings().front().message.find("last") != std::string::npos);
    }
}

TEST_CASE("a full disk has its own code") {
    try {
        run_or_refuse({.argv = {"sh", "-c", "echo 'cc1: No space left on device' >&2; exit 1"}}, "x.y", "test");
        FAIL("no refusal");
    } catch (const report::Refusal& refusal) {
        CHECK(refusal.findings().front().code == "file.disk-full");
    }
}

TEST_CASE("a killed run leaves no children") {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    const pid_t runner = fork();
    if (runner == 0) {
        // The grandchild of a shell keeps the pipe open as long as it lives.
        run({.argv = {"sh", "-c", "echo started >&" + std::to_string(ends[1]) + "; sleep 1000 & wait"}});
        _exit(0);
    }
    close(ends[1]);
    char text[8];
    REQUIRE(read(ends[0], text, sizeof text) > 0);
    kill(runner, SIGKILL);
    waitpid(runner, nullptr, 0);
    CHECK(read(ends[0], text, sizeof text) == 0); // end of file: nobody has it any more
    close(ends[0]);
}

TEST_CASE("a command as text for a shell") {
    CHECK(to_shell({.argv = {"gcc", "-DX=\"y\"", "it's"}, .directory = "/a b"}) ==
          "cd '/a b' && gcc '-DX=\"y\"' 'it'\\''s'");
}

TEST_CASE("last lines") {
    CHECK(last_lines("a\nb\nc\n", 2) == "b\nc");
    CHECK(last_lines("a\nb", 5) == "a\nb");
    CHECK(last_lines("", 3).empty());
}

TEST_CASE("work in parallel is all done, and the first failure is thrown") {
    std::atomic<int> sum = 0;
    parallel_for(100, 4, [&](size_t i) { sum += static_cast<int>(i); });
    CHECK(sum == 4950);
    CHECK_THROWS_WITH(parallel_for(8, 1,
                                   [](size_t i) {
                                       if (i > 2)
                                           throw std::runtime_error(std::to_string(i));
                                   }),
                      "3");
    parallel_for(0, 0, [](size_t) { FAIL("called"); });
}
