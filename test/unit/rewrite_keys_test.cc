// Static keys and calls of a module are read like variables in what the patch changes.
#include "rewrite_units.h"

#include <doctest/doctest.h>

using namespace klp;
using namespace klp::test;

namespace {

const std::string keys =
    "struct key { int on; };\nstatic struct key own;\nextern struct key foreign;\nint __SCK__level;\n"
    "int level(void);\n"
    "#define static_branch_unlikely(k) ((k)->on)\n#define static_key_enabled(k) ((k)->on)\n"
    "#define static_call(name) (__SCK__##name, level)\n"
    "#define KLP_STATIC_CALL(name) static_call(name)\n";

rewrite::Result in_module(const std::string& text) {
    rewrite::Request request = request_of(keys + text);
    request.units.front().owner = "some_module";
    request.is_exported_by_vmlinux = [](const std::string& name) { return name == "foreign"; };
    return rewrite::rewrite(request);
}

} // namespace

TEST_CASE("keys: sites in changed functions become reads") {
    const std::string text = text_of(in_module(
        "void f(int i)\n{\n\tif (static_branch_unlikely(&own)) // new\n\t\tuse(i);\n\tuse(static_call(level)());\n}\n"
        "void g(int i)\n{\n\tif (!static_branch_unlikely(&own))\n\t\tuse(i);\n}\n"));
    CHECK(contains(text, "\tif (static_key_enabled(&own))\n\t\tuse(i);\n\tuse(KLP_STATIC_CALL(level)());\n"));
    // Code that the patch leaves alone keeps its site.
    CHECK(contains(text, "\tif (!static_branch_unlikely(&own))\n\t\tuse(i);\n}\n"));
    CHECK(contains(text, "#include <linux/livepatch_helpers.h>\n"));
}

TEST_CASE("keys: what may become part of a changed function counts as changed") {
    const std::string text = text_of(in_module("static int part(void)\n{\n\treturn static_branch_unlikely(&own);\n}\n"
                                               "void f(void)\n{\n\tuse(1); // new\n\tuse(part());\n}\n"));
    CHECK(contains(text, "\treturn static_key_enabled(&own);\n"));
}

TEST_CASE("keys: those of vmlinux stay sites") {
    const std::string code = "void f(int i)\n{\n\tif (static_branch_unlikely(&foreign)) // new\n\t\tuse(i);\n}\n";
    CHECK_THROWS_AS(in_module(code), report::Refusal);
    CHECK_THROWS_AS(rewritten(keys + "void f(int i)\n{\n\tif (static_branch_unlikely(&own)) // new\n\t\tuse(i);\n}\n"),
                    report::Refusal);
}
