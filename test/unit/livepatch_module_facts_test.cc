#include "sound_module.h"

#include "livepatch/module_facts.h"
#include "report/finding.h"

#include <doctest/doctest.h>

using namespace klp;

TEST_CASE("what a live patch says of itself") {
    std::vector<std::string> fields = test::sound_modinfo();
    fields.insert(fields.end(), {"klp_build_id=00ff", "klp_build_id=usbcore:1234", "klp_patch=abcd fix one.patch",
                                 "klp_patch=ef01 two.patch", "klp_cve=CVE-2026-12345", "klp_made_by=klp-build 9"});
    const livepatch::ModuleFacts facts = livepatch::read_module_facts(test::Sound(fields).object());
    CHECK(facts.name == "livepatch_x");
    CHECK(facts.runtime == elf::Runtime::kernel);
    CHECK(facts.release == "6.1.0-test");
    CHECK(facts.kernel_build_id == "00ff");
    CHECK(facts.module_ids.at("usbcore") == "1234");
    CHECK(facts.knows_functions);
    REQUIRE(facts.objects.size() == 2);
    CHECK(facts.objects[0].name == "usbcore");
    REQUIRE(facts.objects[1].functions.size() == 1);
    CHECK(facts.objects[1].functions[0].name == "cmdline_show");
    CHECK(facts.objects[1].functions[0].sympos == 1);
    REQUIRE(facts.patch_files.size() == 2);
    CHECK(facts.patch_files[0].name == "fix one.patch");
    CHECK(facts.patch_files[0].sha256 == "abcd");
    CHECK(facts.cves == std::vector<std::string>{"CVE-2026-12345"});
    CHECK(facts.made_by == "klp-build 9");
    CHECK_FALSE(facts.is_signed);
    CHECK(facts.sha256.size() == 64);
}

TEST_CASE("a module that says nothing of where it comes from is still described") {
    const livepatch::ModuleFacts facts = livepatch::read_module_facts(test::Sound().object());
    CHECK(facts.kernel_build_id.empty());
    CHECK(facts.patch_files.empty());
    CHECK(facts.made_by.empty());
}

TEST_CASE("a patch tag without a name") {
    std::vector<std::string> fields = test::sound_modinfo();
    fields.emplace_back("klp_patch=abcd");
    const livepatch::ModuleFacts facts = livepatch::read_module_facts(test::Sound(fields).object());
    REQUIRE(facts.patch_files.size() == 1);
    CHECK(facts.patch_files[0].sha256 == "abcd");
    CHECK(facts.patch_files[0].name.empty());
}

TEST_CASE("an ordinary module is no live patch") {
    const test::ModuleMaker maker({"license=GPL", "name=dummy"});
    try {
        livepatch::read_module_facts(maker.object());
        FAIL("not refused");
    } catch (const report::Refusal& refusal) {
        CHECK(refusal.findings().front().code == "livepatch.not-a-livepatch");
    }
}
