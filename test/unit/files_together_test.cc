// Files that appear together or not at all.
#include "compile.h"
#include "files/files.h"
#include "files/together.h"
#include "report/finding.h"

#include <doctest/doctest.h>

using namespace klp;
namespace fs = std::filesystem;

namespace {

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

size_t files_in(const fs::path& folder) {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::string code_of(const fs::path& path) {
    try {
        files::check_writable(path);
    } catch (const report::Refusal& refusal) {
        return refusal.findings().front().code;
    }
    return {};
}

} // namespace

TEST_CASE("files get their names when all of them are there") {
    test::ScratchDirectory scratch;
    const fs::path one = scratch.write("one", "old"), two = scratch.path() / "new" / "two";
    files::Together together;
    together.add(one, bytes("first"));
    together.add(two, bytes("second"));
    CHECK(files::read_text(one) == "old");
    CHECK_FALSE(fs::exists(two));
    together.put_in_place();
    CHECK(files::read_text(one) == "first");
    CHECK(files::read_text(two) == "second");
    CHECK(files_in(scratch.path() / "new") == 1);
}

TEST_CASE("what is never put in place leaves nothing") {
    test::ScratchDirectory scratch;
    const fs::path one = scratch.write("one", "old");
    {
        files::Together together;
        together.add(one, bytes("first"));
        CHECK_THROWS_AS(together.add(one / "below", bytes("second")), report::Refusal);
    }
    CHECK(files::read_text(one) == "old");
    CHECK(files_in(scratch.path()) == 1);
}

TEST_CASE("whether a name can be written is told without writing") {
    test::ScratchDirectory scratch;
    const fs::path file = scratch.write("file", "text");
    CHECK(code_of(file).empty());
    CHECK(code_of(scratch.path() / "a" / "b" / "file").empty());
    CHECK(code_of(file / "below") == "file.unwritable");
    CHECK(code_of(scratch.path()) == "file.unwritable");
    CHECK(code_of("/proc/sys/no-such-file") == "file.unwritable");
    CHECK(files_in(scratch.path()) == 1);
}
