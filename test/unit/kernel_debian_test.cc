// Debian's kernels by name: suites, packages, compilers. What the archive says is given as text.
#include "kernel/catalogue.h"
#include "kernel/debian_name.h"
#include "kernel/suites.h"
#include "kernel/toolchain.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

using namespace klp::kernel;

namespace {

std::optional<DebianName> parse(std::string_view text) {
    return parse_debian_name(text, "amd64", "6.1.0-9-amd64");
}

// Packages of one version, as apt-cache madison prints them.
PackageVersions archive_with(const std::string& version, const std::vector<std::string>& packages) {
    std::string text;
    for (const std::string& package : packages)
        text += package + " | " + version + " | http://x suite/main amd64 Packages\n";
    return parse_madison(text);
}

std::vector<DebianPackages> kernels_with(const std::vector<std::pair<const char*, const char*>>& releases) {
    std::vector<DebianPackages> kernels;
    for (const auto& [suite, release] : releases) {
        kernels.emplace_back();
        kernels.back().suite = suite;
        kernels.back().release = release;
        kernels.back().debug = "linux-image-dbg";
    }
    return kernels;
}

} // namespace

TEST_CASE("names of Debian kernels") {
    CHECK(parse("6.1.0-56-cloud-amd64")->release == "6.1.0-56-cloud-amd64");
    CHECK(parse("6.12.117+deb12-cloud-amd64")->release == "6.12.117+deb12-cloud-amd64");
    CHECK(parse("running")->release == "6.1.0-9-amd64");
    const auto cloud = parse("6.1-cloud");
    REQUIRE(cloud);
    CHECK(cloud->release.empty());
    CHECK(cloud->suite.empty());
    CHECK(cloud->series == "6.1");
    CHECK(cloud->flavour == "cloud");
    CHECK(parse("6.1-cloud-amd64")->flavour == "cloud");
    CHECK(parse("6.1")->flavour.empty());
    CHECK(parse("6.1-amd64")->flavour.empty());
    for (const char* bad : {"", "6", "6.", "x", "6.1/../..", "6.1.0-../x", "6.1-a b", "cloud", "sid/", "sid/x y",
                            "sid/6", "/6.1", "nosuch/6.1", "sid/6.1/x"})
        CHECK_MESSAGE(!parse(bad), bad);
}

TEST_CASE("a name may say the suite, and is written as it was read") {
    CHECK(parse("trixie")->suite == "trixie");
    CHECK(parse("trixie")->series.empty());
    CHECK(parse("sid/cloud")->flavour == "cloud");
    CHECK(parse("sid/amd64")->flavour.empty());
    CHECK(parse("bookworm/6.12")->series == "6.12");
    CHECK(parse("bookworm-backports/6.12-rt-amd64")->flavour == "rt");
    CHECK(parse("sid/7.2.13+deb14-cloud-amd64")->release == "7.2.13+deb14-cloud-amd64");
    for (const char* name : {"6.1-cloud", "6.1", "trixie", "sid/cloud", "bookworm/6.12", "bookworm/6.12-rt",
                             "6.1.0-56-cloud-amd64", "sid/7.2.13+deb14-cloud-amd64"})
        CHECK(to_text(*parse(name)) == name);
}

TEST_CASE("which releases belong to a series") {
    const DebianName cloud = *parse("6.1-cloud"), plain = *parse("6.1"), any = *parse("trixie/cloud");
    CHECK(is_of_series("6.1.0-56-cloud-amd64", cloud, "amd64"));
    CHECK_FALSE(is_of_series("6.12.1-cloud-amd64", cloud, "amd64"));
    CHECK_FALSE(is_of_series("6.1.0-56-amd64", cloud, "amd64"));
    CHECK(is_of_series("6.1.0-56-amd64", plain, "amd64"));
    CHECK_FALSE(is_of_series("6.1.0-56-cloud-amd64", plain, "amd64"));
    CHECK_FALSE(is_of_series("6.1.0-56-rt-amd64", plain, "amd64"));
    CHECK_FALSE(is_of_series("6.1-amd64", plain, "amd64"));
    CHECK(is_of_series("6.1.0-56-cloud-amd64", any, "amd64"));
    CHECK(is_of_series("7.2.13+deb14-cloud-amd64", any, "amd64"));
    CHECK_FALSE(is_of_series("7.2.13+deb14-amd64", any, "amd64"));
}

TEST_CASE("newer and older releases") {
    CHECK(compare_releases("6.1.0-9-amd64", "6.1.0-56-amd64") < 0);
    CHECK(compare_releases("6.12.117+deb12-amd64", "6.12.20+deb12-amd64") > 0);
    CHECK(compare_releases("6.1.0-56", "6.1.0-056") == 0);
    CHECK(compare_releases("6.1", "6.1.1") < 0);
}

TEST_CASE("only a release that the archive has whole can be used") {
    const PackageVersions archive = parse_madison(
        "linux-image-6.1.0-56-cloud-amd64-unsigned | 6.1.192-2 | http://x bookworm-security/main amd64 Packages\n"
        "linux-image-6.1.0-56-cloud-amd64-dbg | 6.1.192-2 | http://x bookworm-security/main amd64 Packages\n"
        "linux-headers-6.1.0-56-cloud-amd64 |  6.1.192-2 | http://x bookworm-security/main amd64 Packages\n"
        "linux-source-6.1 |  6.1.192-2 | http://x bookworm-security/main amd64 Packages\n"
        "linux-source-6.1 |  6.1.176-1 | http://x bookworm/main amd64 Packages\n"
        "linux-source-6.1 |  6.1.1-1 | http://x bookworm/main Sources\n"
        "linux-image-6.1.0-40-cloud-amd64-unsigned | 6.1.100-1 | http://x bookworm/main amd64 Packages\n");
    CHECK(archive.at("linux-source-6.1").size() == 2);
    const DebianPackages whole = packages_of("6.1.0-56-cloud-amd64", archive);
    CHECK(whole.is_whole());
    CHECK(whole.version == "6.1.192-2");
    CHECK(whole.debug == "linux-image-6.1.0-56-cloud-amd64-dbg");
    const DebianPackages lacking = packages_of("6.1.0-40-cloud-amd64", archive);
    CHECK(lacking.missing ==
          std::vector<std::string>{"linux-headers-6.1.0-40-cloud-amd64 6.1.100-1", "linux-source-6.1 6.1.100-1"});
    CHECK(lacking.debug.empty());
    CHECK(packages_of("5.10.0-1-amd64", archive).missing == std::vector<std::string>{"linux-image-5.10.0-1-amd64"});
}

TEST_CASE("an image is one package, or three since Linux 7, signed or not") {
    const std::string release = "7.2.13+deb14-amd64";
    const std::vector<std::string> common = {"linux-headers-" + release, "linux-source-7.2", "linux-image-" + release,
                                             "linux-modules-" + release, "linux-base-" + release};
    std::vector<std::string> both = common;
    both.insert(both.end(), {"linux-binary-" + release, "linux-binary-unsigned-" + release});
    const DebianPackages split = packages_of(release, archive_with("7.2.13-1", both));
    CHECK(split.is_whole());
    CHECK(split.image == std::vector<std::string>{"linux-binary-unsigned-" + release, "linux-modules-" + release,
                                                  "linux-base-" + release});
    std::vector<std::string> is_signed = common;
    is_signed.push_back("linux-binary-" + release);
    CHECK(packages_of(release, archive_with("7.2.13-1", is_signed)).image.front() == "linux-binary-" + release);
    // The package that only depends on the others is no image.
    is_signed.erase(is_signed.begin() + 3);
    CHECK(packages_of(release, archive_with("7.2.13-1", is_signed)).missing ==
          std::vector<std::string>{"linux-modules-" + release + " 7.2.13-1"});
    const std::vector<std::string> old = {"linux-image-6.12.9+deb13-amd64", "linux-headers-6.12.9+deb13-amd64",
                                          "linux-source-6.12"};
    CHECK(packages_of("6.12.9+deb13-amd64", archive_with("6.12.9-1", old)).is_whole());
}

TEST_CASE("releases are told from packages that only depend on one") {
    CHECK(releases_of({"linux-image-6.1.0-56-cloud-amd64-unsigned", "linux-image-6.1.0-57-amd64",
                       "linux-image-6.1.0-9-amd64-dbg", "linux-image-6.12-cloud-amd64", "linux-image-cloud-amd64",
                       "linux-image-amd64-dbg", "linux-binary-unsigned-7.2.13+deb14-rt-amd64",
                       "linux-image-7.2.13+deb14-rt-amd64"},
                      "amd64") ==
          std::vector<std::string>{"7.2.13+deb14-rt-amd64", "6.1.0-57-amd64", "6.1.0-56-cloud-amd64", "6.1.0-9-amd64"});
}

TEST_CASE("the newest is one with debug data, if any has it") {
    std::vector<DebianPackages> kernels =
        kernels_with({{"trixie", "6.12.9-amd64"}, {"trixie", "6.12.8-cloud-amd64"}, {"trixie", "6.12.7-cloud-amd64"}});
    const DebianName name = *parse("trixie/cloud");
    CHECK(choose(kernels, name, "amd64")->release == "6.12.8-cloud-amd64");
    kernels[1].debug.clear();
    CHECK(choose(kernels, name, "amd64")->release == "6.12.7-cloud-amd64");
    kernels[2].missing = {"linux-source-6.12"};
    CHECK(choose(kernels, name, "amd64")->release == "6.12.8-cloud-amd64");
    CHECK_FALSE(choose(kernels, *parse("trixie/rt"), "amd64"));
}

TEST_CASE("the nearest are of the series, then of the flavour, then of the suite") {
    const std::vector<DebianPackages> kernels = kernels_with({{"sid", "7.2.13+deb14-amd64"},
                                                              {"sid", "7.2.13+deb14-cloud-amd64"},
                                                              {"trixie", "6.12.118+deb13-amd64"},
                                                              {"trixie", "6.12.118+deb13-cloud-amd64"},
                                                              {"bookworm", "6.1.0-57-cloud-amd64"}});
    CHECK(nearest(kernels, *parse("6.12.90-cloud-amd64")) ==
          std::vector<std::string>{"debian:6.12.118+deb13-cloud-amd64", "debian:6.12.118+deb13-amd64",
                                   "debian:7.2.13+deb14-cloud-amd64"});
    CHECK(nearest(kernels, *parse("bookworm/zzz")).front() == "debian:6.1.0-57-cloud-amd64");
}

TEST_CASE("sources of packages in both formats") {
    CHECK(
        parse_apt_sources("# deb http://no bookworm main\n"
                          "deb [arch=amd64 signed-by=/x] http://one/debian/ bookworm main contrib\n"
                          "deb-src http://one/debian bookworm main\n"
                          "deb\thttp://two/debian-security bookworm-security main\n") ==
        std::vector<AptSource>{{"http://one/debian", "bookworm"}, {"http://two/debian-security", "bookworm-security"}});
    CHECK(parse_apt_sources(
              "Types: deb deb-src\nURIs: http://one/debian\nSuites: trixie\n trixie-updates\nComponents: main\n"
              "\nTypes: deb\nEnabled: no\nURIs: http://off\nSuites: sid\n"
              "\n# said\nTypes: deb-src\nURIs: http://source\nSuites: sid\n") ==
          std::vector<AptSource>{{"http://one/debian", "trixie"}, {"http://one/debian", "trixie-updates"}});
}

TEST_CASE("mirrors and the suite are those of the host") {
    const std::filesystem::path root = std::filesystem::temp_directory_path() / "klp-suites-test";
    std::filesystem::remove_all(root);
    std::filesystem::create_directories(root / "etc/apt/sources.list.d");
    CHECK(mirrors_of_host(root).main == Mirrors().main);
    CHECK(suite_of_host(root).empty());
    std::ofstream(root / "etc/apt/sources.list.d/a.list")
        << "deb http://other/stable nodistro main\ndeb http://mine/debian trixie main\n"
           "deb http://mine/security trixie-security main\ndeb http://second/debian trixie main\n";
    std::ofstream(root / "etc/os-release") << "ID=debian\nVERSION_CODENAME=trixie\n";
    CHECK(mirrors_of_host(root).main == "http://mine/debian");
    CHECK(mirrors_of_host(root).security == "http://mine/security");
    CHECK(suite_of_host(root) == "trixie");
    std::filesystem::remove_all(root);
    CHECK(sources_of("trixie", {"m", "s"}) ==
          std::vector<AptSource>{{"m", "trixie"}, {"m", "trixie-updates"}, {"s", "trixie-security"}});
    CHECK(sources_of("trixie-backports", {"m", "s"}) == std::vector<AptSource>{{"m", "trixie-backports"}});
}

TEST_CASE("a kernel is looked for where its release says, then in the host's suite") {
    CHECK(suites_to_search("6.12.117+deb13-amd64", "bookworm").front() == "trixie");
    CHECK(suites_to_search("7.2.13+deb14.1-amd64", "bookworm").front() == "forky");
    CHECK(suites_to_search("6.1.0-57-amd64", "trixie").front() == "trixie");
    CHECK(suites_to_search("6.1.0-57-amd64", "").size() == known_suites().size());
}

TEST_CASE("the package of a kernel's compiler") {
    CHECK(package_of_compiler("gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0") ==
          CompilerPackage{"gcc-12", "12.2.0-14+deb12u1"});
    CHECK(package_of_compiler("x86_64-linux-gnu-gcc-16 (Debian 16.2.0-4) 16.2.0") ==
          CompilerPackage{"gcc-16", "16.2.0-4"});
    CHECK(package_of_compiler("gcc (Debian 14.2.0-19) 14.2.0") == CompilerPackage{"gcc-14", "14.2.0-19"});
    for (const char* other :
         {"", "gcc (GCC) 14.2.0", "Debian clang version 19.1.7 (3)", "gcc-13 (Ubuntu 13.2.0-4) 13.2.0",
          "mygcc-12 (Debian 12.2.0-14) 12.2.0", "gcc-12 (Debian 12.2.0"})
        CHECK_MESSAGE(!package_of_compiler(other), other);
}

TEST_CASE("what apt-get would fetch") {
    const auto files = parse_print_uris("Reading package lists...\n"
                                        "'http://x/make_4.3-4.1_amd64.deb' make_4.3-4.1_amd64.deb 395940 SHA256:12\n");
    REQUIRE(files.size() == 1);
    CHECK(files[0].name == "make_4.3-4.1_amd64.deb");
    CHECK(files[0].bytes == 395940);
}
