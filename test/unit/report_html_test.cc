// Markup that no text can break out of.
#include "report/html.h"

#include <doctest/doctest.h>

using namespace klp::report;

TEST_CASE("html: a text is what it was, whatever is in it") {
    CHECK(Html::text("a < b && c > \"d\"").markup() == "a &lt; b &amp;&amp; c &gt; &quot;d&quot;");
    CHECK(element("p", "</p><script>").markup() == "<p>&lt;/p&gt;&lt;script&gt;</p>");
    CHECK(element("a", {{"href", "\"><b>"}}, "x").markup() == "<a href=\"&quot;&gt;&lt;b&gt;\">x</a>");
    CHECK(element("details", {{"open", ""}}, Html()).markup() == "<details open></details>");
}

TEST_CASE("html: what is no UTF-8, and what a browser would not take, is replaced") {
    const std::string hole = "\xef\xbf\xbd";
    CHECK(Html::text("Müller → ✓ 𝄞").markup() == "Müller → ✓ 𝄞");
    CHECK(Html::text("M\xfcller").markup() == "M" + hole + "ller");
    CHECK(Html::text("a\x01z\x7f\n\t").markup() == "a" + hole + "z" + hole + "\n\t");
    CHECK(Html::text(std::string_view("a\0z", 3)).markup() == "a" + hole + "z");
    CHECK(Html::text("\xc0\xaf").markup() == hole + hole);                       // overlong
    CHECK(Html::text("\xed\xa0\x80").markup() == hole + hole + hole);            // half of a surrogate pair
    CHECK(Html::text("\xe2\x82").markup() == hole + hole);                       // cut off
    CHECK(Html::text("\xf4\x90\x80\x80").markup() == hole + hole + hole + hole); // beyond U+10FFFF
}
