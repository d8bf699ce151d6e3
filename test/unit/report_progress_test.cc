// What people see while the tools work.
#include "report/progress.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <functional>
#include <pty.h>
#include <string>
#include <unistd.h>

using namespace klp::report;

namespace {

// What is printed to a terminal, as it gets it.
std::string on_terminal(const std::function<void(Progress&)>& work) {
    int ours = -1, theirs = -1;
    REQUIRE(openpty(&ours, &theirs, nullptr, nullptr, nullptr) == 0);
    std::FILE* terminal = fdopen(theirs, "w");
    REQUIRE(terminal != nullptr);
    {
        Progress progress(terminal);
        work(progress);
    }
    std::fclose(terminal);
    std::string all;
    char text[256];
    // Once nobody has the terminal open, reading ends with an error.
    for (ssize_t size; (size = read(ours, text, sizeof(text))) > 0;)
        all.append(text, static_cast<size_t>(size));
    close(ours);
    return all;
}

std::string in_file(const std::function<void(Progress&)>& work) {
    std::FILE* file = std::tmpfile();
    REQUIRE(file != nullptr);
    {
        Progress progress(file);
        work(progress);
    }
    std::rewind(file);
    char text[1024];
    const size_t size = std::fread(text, 1, sizeof(text), file);
    std::fclose(file);
    return {text, size};
}

void fetch(Progress& progress) {
    progress.begin("fetch", "fetch it");
    progress.part(0, 450, "MB");
    progress.part(225, 450, "MB");
    progress.part(450, 450, "MB");
    progress.end("a kernel");
}

} // namespace

TEST_CASE("a terminal shows a bar, which the stage's line replaces") {
    const std::string text = on_terminal(fetch);
    CHECK(text.find("fetch it [==========>         ] 225 of 450 MB, about ") != text.npos);
    CHECK(text.find("fetch it [====================] 450 of 450 MB") != text.npos);
    CHECK(text.find("[>") == text.npos); // nothing is told of nothing
    const size_t last = text.rfind("\r\033[K");
    CHECK(text.substr(last + 4).starts_with("  fetch it: a kernel ("));
}

TEST_CASE("elsewhere a stage is one line, when it is done") {
    const std::string text = in_file(fetch);
    CHECK(text.starts_with("  fetch it: a kernel ("));
    CHECK(text.find('\n') == text.size() - 1);
}
