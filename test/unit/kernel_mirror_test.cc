#include "compile.h"
#include "files/files.h"
#include "kernel/mirror.h"
#include "kernel/patched_tree.h"
#include "report/finding.h"

#include <csignal>
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace klp;
using namespace klp::host;
using namespace klp::kernel;
namespace fs = std::filesystem;

namespace {

fs::path make_tree(const fs::path& folder) {
    files::make_folder(folder / "include/config");
    files::make_folder(folder / "arch/x86/include/generated");
    files::make_folder(folder / "kernel");
    files::write(folder / "Makefile", "top");
    files::write(folder / ".config", "CONFIG_X=y");
    files::write(folder / "include/config/auto.conf", "");
    files::write(folder / "include/a.h", "a");
    files::write(folder / "arch/x86/include/generated/g.h", "");
    files::write(folder / "kernel/fork.c", "original");
    files::write(folder / "kernel/fork.o", "");
    files::write(folder / "kernel/.fork.o.cmd", "");
    return folder;
}

} // namespace

TEST_CASE("a mirror has the sources and not what a build left") {
    const test::ScratchDirectory folder;
    const fs::path tree = make_tree(folder.path() / "tree");
    const fs::path mirror = folder.path() / "mirror";
    synchronize_mirror(tree, mirror);
    CHECK(files::read_text(mirror / "kernel/fork.c") == "original");
    CHECK(fs::is_symlink(mirror / "kernel/fork.c"));
    CHECK(fs::symlink_status(mirror / "kernel").type() == fs::file_type::directory);
    for (const char* product :
         {".config", "include/config", "arch/x86/include/generated", "kernel/fork.o", "kernel/.fork.o.cmd"})
        CHECK_MESSAGE(!fs::exists(mirror / product), product);
    // Files come and go.
    files::write(tree / "kernel/new.c", "new");
    fs::remove(tree / "include/a.h");
    synchronize_mirror(tree, mirror);
    CHECK(files::read_text(mirror / "kernel/new.c") == "new");
    CHECK_FALSE(fs::is_symlink(mirror / "include/a.h"));
}

TEST_CASE("a mirror follows its tree, whatever a name stands for there") {
    const test::ScratchDirectory folder;
    const fs::path tree = make_tree(folder.path() / "tree"), mirror = folder.path() / "mirror";
    // So old that the times of folders can be relied on.
    const auto make_old = [&] {
        const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
        for (const char* name : {"", "kernel", "include", "arch", "arch/x86"})
            if (fs::is_directory(fs::symlink_status(tree / name)))
                fs::last_write_time(tree / name, old);
    };
    make_old();
    synchronize_mirror(tree, mirror);

    // A link in a folder's place: nothing is written through it.
    fs::rename(tree / "kernel", folder.path() / "elsewhere");
    fs::create_directory_symlink(folder.path() / "elsewhere", tree / "kernel");
    synchronize_mirror(tree, mirror);
    CHECK(fs::is_symlink(mirror / "kernel"));
    CHECK(fs::is_regular_file(fs::symlink_status(folder.path() / "elsewhere/fork.c")));
    CHECK(fs::exists(folder.path() / "elsewhere/fork.o"));

    // The folder is back, with the time that it had.
    fs::remove(tree / "kernel");
    fs::rename(folder.path() / "elsewhere", tree / "kernel");
    synchronize_mirror(tree, mirror);
    CHECK(fs::is_symlink(mirror / "kernel/fork.c"));
    CHECK_FALSE(fs::exists(mirror / "kernel/fork.o"));

    // Folders in folders come and go.
    files::make_folder(tree / "drivers/net/ethernet");
    files::write(tree / "drivers/net/ethernet/e.c", "e");
    fs::remove_all(tree / "arch");
    synchronize_mirror(tree, mirror);
    CHECK(files::read_text(mirror / "drivers/net/ethernet/e.c") == "e");
    CHECK_FALSE(fs::exists(mirror / "arch"));

    // What changes in a folder deep down is found though those above it keep their times.
    make_old();
    fs::last_write_time(tree / "drivers", fs::file_time_type::clock::now() - std::chrono::hours(1));
    synchronize_mirror(tree, mirror);
    files::write(tree / "drivers/net/ethernet/f.c", "f");
    fs::remove(tree / "drivers/net/ethernet/e.c");
    synchronize_mirror(tree, mirror);
    CHECK(files::read_text(mirror / "drivers/net/ethernet/f.c") == "f");
    CHECK_FALSE(fs::is_symlink(mirror / "drivers/net/ethernet/e.c"));

    // A list of folders that is not whole is not relied on.
    files::write(fs::path(mirror.string() + ".folders"), "12");
    fs::remove(mirror / "drivers/net/ethernet/f.c");
    synchronize_mirror(tree, mirror);
    CHECK(files::read_text(mirror / "drivers/net/ethernet/f.c") == "f");
}

TEST_CASE("a mirror of a mirror leads to the real file") {
    const test::ScratchDirectory folder;
    const fs::path tree = make_tree(folder.path() / "tree");
    synchronize_mirror(tree, folder.path() / "one");
    synchronize_mirror(folder.path() / "one", folder.path() / "two");
    CHECK(fs::read_symlink(folder.path() / "two/kernel/fork.c") == tree / "kernel/fork.c");
}

TEST_CASE("a patched tree shows the patch, and the tree behind it stays as it was") {
    const test::ScratchDirectory folder;
    const fs::path tree = make_tree(folder.path() / "tree");
    fs::path root;
    {
        PatchedTree patched = PatchedTree::acquire(tree, folder.path() / "patched");
        root = patched.root();
        patched.replace("kernel/fork.c", "patched");
        patched.replace("kernel/sub/new.c", "new");
        patched.replace("include/a.h", std::nullopt);
        CHECK(files::read_text(root / "kernel/fork.c") == "patched");
        CHECK(files::read_text(root / "kernel/sub/new.c") == "new");
        CHECK_FALSE(fs::exists(root / "include/a.h"));
        CHECK(files::read_text(tree / "kernel/fork.c") == "original");
        CHECK(fs::exists(tree / "include/a.h"));
        // A second run at the same time gets another one.
        const PatchedTree other = PatchedTree::acquire(tree, folder.path() / "patched");
        CHECK(other.root() != root);
        CHECK(files::read_text(other.root() / "kernel/fork.c") == "original");
        for (const char* bad : {"../x", "/etc/x", "a/../../x", ""})
            CHECK_THROWS_AS(patched.replace(bad, "x"), report::Refusal);
    }
    CHECK(files::read_text(root / "kernel/fork.c") == "original");
    CHECK_FALSE(fs::exists(root / "kernel/sub"));
    CHECK(fs::exists(root / "include/a.h"));
}

TEST_CASE("what a killed run patched is taken back by the next one") {
    const test::ScratchDirectory folder;
    const fs::path tree = make_tree(folder.path() / "tree");
    const pid_t runner = fork();
    if (runner == 0) {
        PatchedTree patched = PatchedTree::acquire(tree, folder.path() / "patched");
        patched.replace("kernel/fork.c", "patched");
        kill(getpid(), SIGKILL);
    }
    waitpid(runner, nullptr, 0);
    REQUIRE(files::read_text(folder.path() / "patched/patched-0/kernel/fork.c") == "patched");
    const PatchedTree next = PatchedTree::acquire(tree, folder.path() / "patched");
    CHECK(files::read_text(next.root() / "kernel/fork.c") == "original");
}

TEST_CASE("folders of a patched tree are links until something in them is replaced") {
    const test::ScratchDirectory folder;
    const fs::path tree = make_tree(folder.path() / "tree");
    files::make_folder(tree / "drivers/amd/amdgpu");
    files::make_folder(tree / "drivers/amd/display");
    files::write(tree / "drivers/amd/display/dc.c", "original");
    fs::path root;
    {
        PatchedTree patched = PatchedTree::acquire(tree, folder.path() / "patched");
        root = patched.root();
        patched.replace("kernel/fork.c", "patched");
        CHECK(fs::is_symlink(root / "drivers"));
        CHECK_FALSE(fs::is_symlink(root / "kernel"));

        // "../" in a linked folder is the tree's own.
        patched.replace("drivers/amd/display/dc.c", "patched");
        CHECK(fs::is_symlink(root / "drivers/amd/amdgpu"));
        CHECK(files::read_text(root / "drivers/amd/amdgpu/../display/dc.c") == "original");
        patched.open("drivers/amd/amdgpu/../display");
        CHECK(files::read_text(root / "drivers/amd/amdgpu/../display/dc.c") == "patched");
        CHECK(fs::is_symlink(root / "include"));
        patched.open_all();
        CHECK_FALSE(fs::is_symlink(root / "include"));
        CHECK_FALSE(fs::is_symlink(root / "arch/x86"));
        CHECK(files::read_text(root / "kernel/fork.c") == "patched");
        CHECK_FALSE(fs::exists(root / "kernel/fork.o"));
    }
    CHECK(files::read_text(tree / "drivers/amd/display/dc.c") == "original");
    CHECK(files::read_text(root / "drivers/amd/display/dc.c") == "original");
    CHECK(fs::is_symlink(root / "drivers/amd/display/dc.c"));
}

TEST_CASE("a patched tree with folders of its own follows the source") {
    const test::ScratchDirectory folder;
    const fs::path tree = make_tree(folder.path() / "tree");
    for (const bool is_whole : {false, true}) {
        CAPTURE(is_whole);
        const fs::path place = folder.path() / (is_whole ? "whole" : "part");
        {
            PatchedTree patched = PatchedTree::acquire(tree, place);
            patched.open("kernel");
            if (is_whole)
                patched.open_all();
        }
        files::make_folder(tree / "kernel/events");
        files::write(tree / "kernel/events/core.c", "events");
        files::write(tree / "include/b.h", "b");
        fs::remove(tree / "kernel/fork.c");
        PatchedTree patched = PatchedTree::acquire(tree, place);
        patched.bring_up_to_date();
        CHECK(files::read_text(patched.root() / "kernel/events/core.c") == "events");
        CHECK(fs::is_symlink(patched.root() / "kernel/events") != is_whole);
        CHECK(files::read_text(patched.root() / "include/b.h") == "b");
        CHECK_FALSE(fs::is_symlink(patched.root() / "kernel/fork.c"));
        fs::remove_all(tree / "kernel/events");
        fs::remove(tree / "include/b.h");
        files::write(tree / "kernel/fork.c", "original");
    }
}

TEST_CASE("a folder that a killed run left between its link and itself is there again") {
    const test::ScratchDirectory folder;
    const fs::path tree = make_tree(folder.path() / "tree");
    const fs::path root = folder.path() / "patched/patched-0";
    {
        PatchedTree::acquire(tree, folder.path() / "patched").open("kernel");
    }
    // As after the end of the link: what was to take its place is beside.
    fs::remove(root / "include");
    files::make_folder(fs::path(root.string() + ".opening"));
    PatchedTree next = PatchedTree::acquire(tree, folder.path() / "patched");
    CHECK(files::read_text(root / "include/a.h") == "a");
    CHECK_FALSE(fs::exists(root.string() + ".opening"));
}

TEST_CASE("nothing is written through a link of the tree") {
    const test::ScratchDirectory folder;
    const fs::path tree = make_tree(folder.path() / "tree");
    fs::create_directory_symlink("kernel", tree / "alias");
    PatchedTree patched = PatchedTree::acquire(tree, folder.path() / "patched");
    CHECK_THROWS_AS(patched.replace("alias/fork.c", "patched"), report::Refusal);
    CHECK(files::read_text(tree / "kernel/fork.c") == "original");
}
