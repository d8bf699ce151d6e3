#include "report/finding.h"
#include "report/json.h"

#include <doctest/doctest.h>

using namespace klp::report;

TEST_CASE("a finding says what, where, why and what to do") {
    Finding finding{"diff.data-changed", Severity::error, "fs/proc/meminfo.o", "table", "it was changed", "use a callback"};
    CHECK(to_text(finding) ==
          "error[diff.data-changed]: fs/proc/meminfo.o: table: it was changed\n  hint: use a callback");
}

TEST_CASE("what a finding does not have is not printed") {
    CHECK(to_text({"x", Severity::warning, "", "", "text", ""}) == "warning[x]: text");
    nlohmann::ordered_json json = to_json(Finding{"x", Severity::note, "", "f", "text", ""});
    CHECK(json.dump() == R"({"code":"x","severity":"note","function":"f","message":"text"})");
}

TEST_CASE("a refusal of several findings says them all") {
    Refusal refusal(std::vector<Finding>{{"a", Severity::error, "", "", "one", ""}, {"b", Severity::error, "", "", "two", ""}});
    CHECK(std::string(refusal.what()) == "error[a]: one\nerror[b]: two");
    CHECK(refusal.findings().size() == 2);
}
