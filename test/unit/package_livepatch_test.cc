#include "package/livepatch_package.h"
#include "package/statements.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace klp::package;

namespace {

LivepatchPackage example() {
    LivepatchPackage package;
    package.module = "Fix_two";
    package.version = "2";
    package.kernel = "6.1.0-57-cloud-amd64";
    package.kernel_version = "6.1.192-3";
    package.machine = "amd64";
    package.patches = {"CVE-2026-1000.patch"};
    package.cves = {"CVE-2026-1000"};
    package.date = 1767225600; // 2026-01-01
    return package;
}

// The value of a field of a control file; empty if it has none.
std::string field(const std::string& control, const std::string& name) {
    const std::string key = "\n" + name + ": ";
    const std::string text = "\n" + control;
    const size_t at = text.find(key);
    return at == std::string::npos ? "" : text.substr(at + key.size(), text.find('\n', at + 1) - at - key.size());
}

Origin example_origin() {
    Origin origin;
    origin.tool_version = "1.2";
    origin.compiler = "gcc-12 12.2.0";
    origin.kernel = "6.1.0-57-cloud-amd64";
    origin.kernel_build_id = "abcd";
    origin.parameters = {{"kernel", "debian:6.1-cloud"}};
    origin.inputs = {{"fix one.patch", "patch", std::string(64, 'a')}, {"vmlinux", "vmlinux", std::string(64, 'b')}};
    origin.results = {{"fix.ko", "module", std::string(64, 'c'), std::string(40, 'd')}};
    origin.date = 1767225600;
    return origin;
}

} // namespace

TEST_CASE("a package's name and files are what both formats allow") {
    const LivepatchPackage package = example();
    CHECK(package_name(package) == "kernel-livepatch-6.1.0-57-cloud-amd64-fix-two");
    CHECK(file_name(package, Format::deb) == "kernel-livepatch-6.1.0-57-cloud-amd64-fix-two_2_amd64.deb");
    CHECK(file_name(package, Format::rpm) == "kernel-livepatch-6.1.0-57-cloud-amd64-fix-two-2-1.amd64.rpm");
    CHECK(module_place(package) == "/usr/lib/klp-livepatch/6.1.0-57-cloud-amd64/Fix_two.ko");
}

TEST_CASE("a package needs exactly its kernel, and a cumulative one takes the place of others") {
    LivepatchPackage package = example();
    const std::string control = deb_control(package, 100);
    CHECK(field(control, "Depends") == "linux-image-6.1.0-57-cloud-amd64 (= 6.1.192-3) | "
                                       "linux-image-6.1.0-57-cloud-amd64-unsigned (= 6.1.192-3)");
    const std::string family = "kernel-livepatch-6.1.0-57-cloud-amd64";
    for (const char* name : {"Provides", "Conflicts", "Replaces"})
        CHECK(field(control, name) == family);
    package.is_cumulative = false;
    const std::string stacked = deb_control(package, 100);
    CHECK(field(stacked, "Provides") == family);
    CHECK(field(stacked, "Conflicts").empty());
    CHECK(field(stacked, "Replaces").empty());
    package.kernel_version.clear();
    CHECK(field(deb_control(package, 1), "Depends").find('(') == std::string::npos);
}

TEST_CASE("an rpm needs its kernel by version, or by its folder where the release is no version") {
    LivepatchPackage package = example();
    CHECK(rpm_spec(package).find("\nRequires: /lib/modules/6.1.0-57-cloud-amd64\n") != std::string::npos);
    package.kernel = "5.14.0-70.el9.x86_64";
    CHECK(rpm_spec(package).find("\nRequires: kernel-uname-r = 5.14.0-70.el9.x86_64\n") != std::string::npos);
}

TEST_CASE("no text from outside is a macro of the spec") {
    LivepatchPackage package = example();
    package.patches = {"%(touch made).patch"};
    package.maintainer = "%{lua:os.exit()} <a@b>";
    package.contents = {{document_folder(package) / patch_place(1, package.patches[0]), "/tmp/x"}};
    const std::string spec = rpm_spec(package);
    for (size_t at = spec.find("touch"); at != std::string::npos; at = spec.find("touch", at + 1))
        CHECK(spec.substr(at - 3, 3) == "%%(");
    CHECK(spec.find("%%{lua:") != std::string::npos);
    CHECK(spec.find(" %{lua:") == std::string::npos);
}

TEST_CASE("nothing that klpctl says fails the package manager") {
    for (const std::string& script : {deb_postinst(example()), deb_prerm(example())}) {
        CAPTURE(script);
        // Each call stands in a condition or before ||.
        for (size_t at = script.find("klpctl "); at != std::string::npos; at = script.find("klpctl ", at + 1)) {
            const size_t begin = script.rfind('\n', at) + 1;
            const std::string line = script.substr(begin, script.find('\n', at) - begin);
            const bool is_said = line.find("echo") != std::string::npos && line.find("|| echo") == std::string::npos;
            CHECK((line.find("||") != std::string::npos || line.find("if ") != std::string::npos || is_said));
        }
    }
}

TEST_CASE("an SLSA statement names what was made and of what, by hash") {
    const auto statement = provenance_statement(example_origin());
    CHECK(statement["_type"] == "https://in-toto.io/Statement/v1");
    CHECK(statement["predicateType"] == "https://slsa.dev/provenance/v1");
    REQUIRE(statement["subject"].size() == 1);
    CHECK(statement["subject"][0]["name"] == "fix.ko");
    CHECK(statement["subject"][0]["digest"]["sha256"] == std::string(64, 'c'));
    const auto& definition = statement["predicate"]["buildDefinition"];
    CHECK(definition["buildType"].is_string());
    CHECK(definition["externalParameters"]["kernel"] == "debian:6.1-cloud");
    REQUIRE(definition["resolvedDependencies"].size() == 2);
    CHECK(definition["resolvedDependencies"][0]["digest"]["sha256"] == std::string(64, 'a'));
    CHECK(statement["predicate"]["runDetails"]["builder"]["id"].is_string());
}

TEST_CASE("a bill of materials has one name for each element, and relations only between those") {
    const auto bill = bill_of_materials(example_origin());
    CHECK(bill["spdxVersion"] == "SPDX-2.3");
    CHECK(bill["dataLicense"] == "CC0-1.0");
    CHECK(bill["creationInfo"]["created"] == "2026-01-01T00:00:00Z");
    std::set<std::string> names = {"SPDXRef-DOCUMENT"};
    for (const char* kind : {"packages", "files"})
        for (const auto& element : bill[kind]) {
            const std::string name = element["SPDXID"];
            CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
                  std::string::npos);
            CHECK(names.insert(name).second);
        }
    for (const auto& relation : bill["relationships"]) {
        CHECK(names.contains(relation["spdxElementId"]));
        CHECK(names.contains(relation["relatedSpdxElement"]));
    }
}

// What the SPDX project's reader refuses otherwise; test/statements asks it.
TEST_CASE("a bill of materials has the sums that SPDX wants: of files SHA-1, of the package all of those") {
    const auto bill = bill_of_materials(example_origin());
    REQUIRE(bill["files"].size() == 1);
    CHECK(bill["files"][0]["checksums"][0]["algorithm"] == "SHA1");
    CHECK(bill["files"][0]["checksums"][0]["checksumValue"] == std::string(40, 'd'));
    const std::string made = bill["relationships"][0]["relatedSpdxElement"];
    for (const auto& package : bill["packages"]) {
        CHECK(package["filesAnalyzed"] == (package["SPDXID"] == made));
        CHECK(package.contains("packageVerificationCode") == (package["SPDXID"] == made));
    }
    // sha1sum of forty d's.
    CHECK(bill["packages"][0]["packageVerificationCode"]["packageVerificationCodeValue"] ==
          "4e99f0e6374ba7bf9d2de46fc79ae98e03a21126");
    std::set<std::string> inputs;
    for (const auto& relation : bill["relationships"])
        if (relation["relationshipType"] == "GENERATED_FROM")
            inputs.insert(relation["relatedSpdxElement"]);
    for (const auto& package : bill["packages"])
        if (inputs.erase(package["SPDXID"]) != 0)
            CHECK(package["checksums"][0]["algorithm"] == "SHA256");
    CHECK(inputs.empty());
}
