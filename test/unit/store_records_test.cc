#include "fake_machine.h"

#include "store/records.h"

#include <doctest/doctest.h>

using namespace klp;

namespace {

livepatch::ModuleFacts facts_of(const std::string& name, const std::string& build_id) {
    livepatch::ModuleFacts facts;
    facts.name = name;
    facts.build_id = build_id;
    facts.sha256 = "77";
    facts.patch_files = {{"a.patch", "11"}, {"b.patch", "22"}};
    facts.cves = {"CVE-2026-1000"};
    return facts;
}

std::string forty(const std::string& byte) {
    std::string id;
    for (int at = 0; at < 20; ++at)
        id += byte;
    return id;
}

} // namespace

TEST_CASE("a record tells where a loaded patch came from") {
    const test::FakeMachine machine;
    machine.module("lp_a", '\x05');
    store::Record record = store::make_record(facts_of("lp_a", forty("05")), "/x/lp_a.ko", "kernel-livepatch-a");
    record.replaced_by = "lp_b";
    store::write_record(machine.system(), record);
    const std::optional<store::Record> read = store::find_record(machine.system(), "lp_a");
    REQUIRE(read);
    CHECK(read->file == "/x/lp_a.ko");
    CHECK(read->package == "kernel-livepatch-a");
    CHECK(read->replaced_by == "lp_b");
    CHECK(read->patch_files == std::vector<std::string>{"a.patch", "b.patch"});
    CHECK(read->cves == std::vector<std::string>{"CVE-2026-1000"});
    CHECK(read->loaded_at.size() == std::string("2026-11-29T03:44:03Z").size());
    store::drop_record(machine.system(), "lp_a");
    CHECK_FALSE(store::find_record(machine.system(), "lp_a"));
}

TEST_CASE("a record of another module of that name, or a damaged one, says nothing") {
    const test::FakeMachine machine;
    machine.module("lp_a", '\x05');
    store::write_record(machine.system(), store::make_record(facts_of("lp_a", forty("06")), "/x/lp_a.ko", ""));
    CHECK_FALSE(store::find_record(machine.system(), "lp_a"));
    for (const char* text : {"", "{", "[1]", "{\"build_id\": 5}", "\xff\xfe"}) {
        machine.write("/run/klp/loaded/lp_a.json", text);
        CHECK_FALSE(store::find_record(machine.system(), "lp_a"));
    }
}
