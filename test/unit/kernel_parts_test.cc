#include "compile.h"
#include "elf/build_id.h"
#include "files/files.h"
#include "kernel/archive.h"
#include "kernel/banner.h"
#include "kernel/parts.h"

#include <doctest/doctest.h>

#include <chrono>

using namespace klp;
using namespace klp::kernel;
namespace fs = std::filesystem;

namespace {

// A small vmlinux whose banner reads `banner`.
fs::path image_with(const test::ScratchDirectory& folder, const std::string& name, const std::string& banner,
                    const std::string& more = {}) {
    const fs::path source = folder.write(name + ".c", "const char linux_banner[] = \"" + banner + "\";\n" + more);
    const fs::path image = folder.path() / name;
    test::run("gcc -nostdlib -static -Wl,--build-id=sha1 -Wl,-e,0 -o " + image.string() + " " + source.string());
    return image;
}

} // namespace

TEST_CASE("an image is known by what it is, not by its name and times") {
    const test::ScratchDirectory folder;
    const fs::path one = image_with(folder, "one", "Linux version 6.1.2 (x) #1");
    const std::string identity = identity_of_image(one);
    const fs::path copy = folder.path() / "copy";
    fs::copy_file(one, copy);
    fs::last_write_time(copy, fs::file_time_type::clock::now() - std::chrono::hours(1000));
    CHECK(identity_of_image(copy) == identity);
    const fs::path two = image_with(folder, "two", "Linux version 6.1.3 (x) #1");
    CHECK(identity_of_image(two) != identity);
    // Cut short, the same build id is no proof.
    fs::resize_file(copy, fs::file_size(copy) - 1);
    CHECK(identity_of_image(copy) != identity);
    // What has no build id is known by its content.
    const fs::path text = folder.write("text", "no image");
    CHECK(elf::build_id_of(text).empty());
    CHECK(elf::build_id_of(one).size() == 40); // SHA-1 in hexadecimal
    CHECK(elf::build_id_of(one) == elf::build_id(elf::Object::open(one)));
    CHECK(identity_of_image(text) != identity_of_image(folder.write("other", "no-image")));
    CHECK(identity_of_image(text) == identity_of_image(folder.write("again", "no image")));
}

TEST_CASE("the package that an image is of") {
    const test::ScratchDirectory folder;
    const auto of = [&](const char* name, const std::string& banner) {
        return read_package_of(image_with(folder, name, banner));
    };
    const PackagedAs debian =
        of("a", "Linux version 6.1.0-57-cloud-amd64 (d@l) (gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0) #1 SMP "
                "PREEMPT_DYNAMIC Debian 6.1.192-3 (2026-11-11)\\n");
    CHECK(debian.version == "6.1.192-3");
    using namespace std::chrono;
    CHECK(debian.date == sys_seconds(sys_days(2026y / November / 11)).time_since_epoch().count());
    CHECK(of("b", "Linux version 6.1.2 (me@here) (gcc 12.2.0) #1 SMP Thu Jan 1 00:00:00 UTC 1970\\n").version.empty());
}

TEST_CASE("modules are listed by the kernel's names, and read again") {
    const test::ScratchDirectory folder;
    fs::create_directories(folder.path() / "kernel/drivers");
    folder.write("kernel/drivers/snd-pcm.ko", "");
    folder.write("kernel/loop.ko.xz", "");
    folder.write("kernel/notes.txt", "");
    const auto modules = parse_index(index_modules(folder.path()));
    CHECK(modules.size() == 2);
    CHECK(modules.at("snd_pcm") == folder.path() / "kernel/drivers/snd-pcm.ko");
    CHECK(modules.contains("loop"));
    CHECK(parse_index(index_modules({})).empty());
}
