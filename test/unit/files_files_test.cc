#include "compile.h"
#include "files/digest.h"
#include "files/files.h"
#include "files/mapping.h"
#include "report/finding.h"

#include <doctest/doctest.h>
#include <functional>
#include <future>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace klp;
namespace fs = std::filesystem;

namespace {

template <typename Action>
report::Finding finding_of(const Action& action) {
    try {
        action();
    } catch (const report::Refusal& refusal) {
        return refusal.findings().front();
    }
    return {};
}

size_t files_in(const fs::path& folder) {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

} // namespace

TEST_CASE("what is written is read, and replaces what was there") {
    const test::ScratchDirectory folder;
    const fs::path path = folder.path() / "x";
    const std::string text("a\0b\n", 4);
    files::write(path, "longer than what comes next");
    files::write(path, text);
    CHECK(files::read_text(path) == text);
    CHECK(files::read_bytes(path).size() == 4);
    CHECK(files::read_start(path, 2) == std::string("a\0", 2));
    CHECK(files::read_start(path, 100) == text);
    const files::Mapping mapping = files::Mapping::of(path);
    CHECK(std::string(reinterpret_cast<const char*>(mapping.data()), mapping.size()) == text);
    files::write_synced(path, {});
    CHECK(files::read_text(path).empty());
    CHECK(files::Mapping::of(path).size() == 0);
    CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("a new file has the mode that the umask leaves") {
    const test::ScratchDirectory folder;
    const mode_t before = umask(027);
    files::write(folder.path() / "x", "");
    umask(before);
    struct stat status{};
    REQUIRE(stat((folder.path() / "x").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0640);
}

TEST_CASE("a pipe is read to its end") {
    const test::ScratchDirectory folder;
    const fs::path pipe = folder.path() / "pipe";
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    const std::string text(300000, 'x'); // more than a pipe and one read hold
    std::thread writer([&] {
        FILE* file = fopen(pipe.c_str(), "w");
        fwrite(text.data(), 1, text.size(), file);
        fclose(file);
    });
    CHECK(files::read_text(pipe) == text);
    writer.join();
}

TEST_CASE("what cannot be read or written says which file and why") {
    const test::ScratchDirectory folder;
    const fs::path missing = folder.path() / "no" / "x";
    for (const auto& read :
         {std::function<void(const fs::path&)>([](const fs::path& it) { files::read_text(it); }),
          std::function<void(const fs::path&)>([](const fs::path& it) { files::Mapping::of(it); })}) {
        const report::Finding absent = finding_of([&] { read(missing); });
        CHECK(absent.code == "file.unreadable");
        CHECK(absent.where == missing);
        CHECK(absent.message == "cannot be read: No such file or directory");
        const report::Finding directory = finding_of([&] { read(folder.path()); });
        CHECK(directory.code == "file.unreadable");
        CHECK(directory.message == "cannot be read: Is a directory");
    }
    CHECK(files::read_start(missing, 4).empty());
    CHECK(files::read_start(folder.path(), 4).empty());
    const report::Finding nowhere = finding_of([&] { files::write(missing, ""); });
    CHECK(nowhere.code == "file.unwritable");
    CHECK(nowhere.message == "cannot be written: No such file or directory");
    fs::create_directories(folder.path() / "y");
    const report::Finding onto_folder = finding_of([&] { files::write(folder.path() / "y", "text"); });
    CHECK(onto_folder.code == "file.unwritable");
    CHECK(onto_folder.message == "cannot be written: Is a directory");
    CHECK(files_in(folder.path()) == 1); // no temporary file stays
}

TEST_CASE("a full disk is told from other trouble, by the line that speaks of it") {
    const report::Finding full = finding_of(
        [] { files::refuse_full_disk("tar: x\ntar: y: No space left on device\ntar: exiting\n", "the archive"); });
    CHECK(full.code == "file.disk-full");
    CHECK(full.where == "the archive");
    CHECK(full.message == "the disk is full: tar: y: No space left on device");
    CHECK(finding_of([] { files::refuse_full_disk("Disk quota exceeded", "x"); }).code == "file.disk-full");
    CHECK(finding_of([] { files::refuse_full_disk("tar: some other trouble", "x"); }).code.empty());
}

TEST_CASE("a state of a file has a name of its own") {
    const test::ScratchDirectory folder;
    const fs::path path = folder.path() / "x";
    CHECK(files::stamp(path) == path.string() + " absent");
    files::write(path, "one");
    const std::string before = files::stamp(path);
    CHECK(before.starts_with(path.string() + " 3 "));
    files::write(path, "longer");
    CHECK(files::stamp(path) != before);
}

TEST_CASE("files: SHA-1 as the standard's example has it") {
    CHECK(files::sha1("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST_CASE("files: SHA-256 as the standard's examples have it") {
    auto digest = [](std::string_view text) { return files::sha256(std::as_bytes(std::span(text))); };
    CHECK(digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("what is no file is written to, and a link is followed") {
    const test::ScratchDirectory scratch;
    const std::string text = "new";
    const auto bytes = std::as_bytes(std::span(text));
    const std::filesystem::path pipe = scratch.path() / "pipe", file = scratch.path() / "file",
                                link = scratch.path() / "link";
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    auto read = std::async(std::launch::async, [&] { return files::read_text(pipe); });
    files::write(pipe, bytes);
    CHECK(read.get() == text);
    CHECK(std::filesystem::is_fifo(pipe));
    std::filesystem::create_symlink("file", link);
    for (int round = 0; round < 2; ++round) { // to nothing, and to a file
        files::write(link, bytes);
        CHECK(std::filesystem::is_symlink(link));
        CHECK(files::read_text(file) == text);
    }
    files::write("/dev/null", bytes);
    CHECK(std::filesystem::is_character_file("/dev/null"));
}
