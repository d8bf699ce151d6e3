// The page: what a reviewer finds on it, for facts made by hand.
#include "report/page.h"
#include "report/picture.h"
#include "report/quoted.h"

#include <doctest/doctest.h>

using namespace klp::report;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

Piece function(const std::string& name, const std::string& change) {
    Piece piece;
    piece.name = name;
    piece.kind = "function";
    piece.change = change;
    return piece;
}

Facts of_one_function() {
    Facts facts;
    facts.tool = "klp-build 1";
    facts.status = "done";
    facts.patches = {"fix.patch"};
    facts.module = ModuleFacts{"out/livepatch-fix.ko", 1234, "5a", "5a", true, 0, {}, {}};
    UnitFacts unit;
    unit.source = "fs/a.c";
    unit.object = "vmlinux";
    unit.is_changed = true;
    unit.proof.functions = unit.proof.proven = 7;
    unit.pieces = {function("a_show", "changed")};
    unit.pieces[0].users = {"a_read"};
    unit.pieces[0].source = {{"fs/a.c, line 3", {{' ', "{"}, {'-', "old();"}, {'+', "if (a < b)"}}}};
    facts.units = {unit};
    facts.stages = {{"compile", 1.5}};
    return facts;
}

} // namespace

TEST_CASE("page: the same facts give the same bytes, and other times differ in the times only") {
    Facts facts = of_one_function();
    const std::string page = to_page(facts);
    CHECK(page == to_page(facts));
    facts.stages[0].seconds = 2.25;
    const std::string other = to_page(facts);
    const size_t times = page.find("id=\"times\"");
    CHECK(page.substr(0, times) == other.substr(0, times));
    CHECK(contains(other, "2.25"));
}

TEST_CASE("page: what was done, for which reader, in one sentence") {
    const std::string page = to_page(of_one_function());
    CHECK(contains(page,
                   "It replaces 1 function of vmlinux. The kernel's image vouches for 7 of the 7 functions of these "
                   "units. There are no findings."));
    CHECK(contains(page, "<del>- old();\n</del><ins>+ if (a &lt; b)\n</ins>"));
}

TEST_CASE("page: a few functions are open, many are folded, and each link has its place") {
    Facts facts = of_one_function();
    CHECK(contains(to_page(facts), "<details open><summary><span class=\"name\">a_show"));
    facts.units[0].pieces.push_back(function("b", "changed"));
    facts.units[0].pieces.push_back(function("c", "new"));
    const std::string page = to_page(facts);
    CHECK(contains(page, "<details><summary><span class=\"name\">a_show"));
    for (size_t piece = 0; piece < 3; ++piece) {
        CHECK(contains(page, "href=\"#" + anchor_of(0, piece) + "\""));
        CHECK(contains(page, "id=\"" + anchor_of(0, piece) + "\""));
    }
}

TEST_CASE("page: who signed the module") {
    Facts facts = of_one_function();
    CHECK_FALSE(contains(to_page(facts), "signed by"));
    facts.module->signature = Signature{"CN=<us>", "ab12", "4d", "RSA 4096", "sha512"};
    CHECK(contains(to_page(facts), "<dt>signed by</dt><dd>CN=&lt;us&gt; (RSA 4096, sha512; key ab12)</dd>"));
}

TEST_CASE("page: a test in a virtual machine, with who was called and all that was said") {
    Facts facts = of_one_function();
    CHECK_FALSE(contains(to_page(facts), "id=\"test\""));
    facts.test =
        BootTest{true, "tcg", "cve.sh", {}, {{"vmlinux", "a_show", "yes", 3}, {"vmlinux", "b", "unknown", {}}}};
    facts.test->runs = {{"the live patch",
                         {{"load", true, 0.5, "", {}}, {"script: patched", false, 1.25, "<no>", 1}},
                         {"# patch", "a & b"}}};
    const std::string page = to_page(facts);
    CHECK(contains(page, "The processor was emulated. It was used by cve.sh."));
    CHECK(contains(page, ">a_show</td><td class>vmlinux</td><td class>yes</td><td class=\"number\">3<"));
    CHECK(contains(page, ">b</td><td class>vmlinux</td><td class>not known<"));
    CHECK(contains(page, "script: patched</td><td class>✗ failed, status 1</td>"));
    CHECK_FALSE(contains(page, "<no>"));
    CHECK(contains(page, "# patch\na &amp; b"));
}

TEST_CASE("page: a refusal says why before all else, and draws no picture of a module that is not there") {
    Facts facts;
    facts.status = "refused";
    facts.patches = {"a/fix.patch"};
    facts.findings = {
        {"sense.hole-filled", Severity::warning, "a.h:1", "struct a", "a hole", ""},
        {"sense.layout-changed", Severity::error, "a.h:9", "struct b", "it moved", "use a shadow variable"}};
    LayoutTable table{"struct b", "a.h:9", 8, 16, {{'+', {}, {"8", "u64 <new>"}}}};
    facts.layouts = {table};
    const std::string page = to_page(facts);
    CHECK(contains(page, "✗ refused"));
    CHECK(page.find("sense.layout-changed") < page.find("sense.hole-filled"));
    CHECK(contains(page, "use a shadow variable"));
    CHECK(contains(page, "u64 &lt;new&gt;"));
    CHECK(contains(page, "after: 16 bytes"));
    CHECK_FALSE(contains(page, "<svg"));
    CHECK_FALSE(contains(page, "id=\"sizes\""));
}

TEST_CASE("page: long runs of members that do not matter are told by their number") {
    Facts facts = of_one_function();
    LayoutTable table{"struct b", "a.h:9", 80, 88, {}};
    table.rows.push_back({'+', {}, {"0", "long fresh"}});
    for (int at = 0; at < 10; ++at)
        table.rows.push_back({'>', {std::to_string(at * 8), "long m" + std::to_string(at)}, {"x", "y"}});
    facts.layouts = {table};
    const std::string page = to_page(facts);
    CHECK(contains(page, "6 members that only move"));
    CHECK(contains(page, "long m1<"));
    CHECK_FALSE(contains(page, "long m5<"));
    CHECK(contains(page, "long m8<"));
}

TEST_CASE("picture: what comes along stands with what needs it, and namesakes are no circle") {
    Facts facts = of_one_function();
    Piece helper = function("helper", "included");
    helper.because = {"a_show"};
    Piece variable = function("helper", "included"); // a static variable of that name in it
    variable.kind = "variable";
    variable.because = {"helper", "a_show"};
    Piece text = function("hello", "included");
    text.kind = "string";
    facts.units[0].pieces.insert(facts.units[0].pieces.end(), {helper, variable, text});
    const std::string picture = picture_of(facts).markup();
    CHECK(contains(picture, "helper: included function, needed by a_show"));
    CHECK(contains(picture, "helper: included variable, needed by helper"));
    CHECK_FALSE(contains(picture, "hello"));
    CHECK(contains(picture, "a_read"));
    facts.units.clear();
    CHECK(picture_of(facts).is_empty());
}

TEST_CASE("quoted: a string stays on its line") {
    CHECK(quoted("a\tb \"c\"\n") == R"("a\tb \"c\"\n")");
    CHECK(quoted("\x1b[2J\xc3") == R"("\033[2J\303")");
}
