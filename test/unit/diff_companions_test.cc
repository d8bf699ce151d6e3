// Static variables of one name, told apart by what guards them where the patch puts another before them.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

const std::string once = "static int warned; if (!warned++) log";

std::string body(const std::string& first) {
    return "extern void log(const char *);\nint f(int x) {\n" + first + " if (x < 0) { " + once +
           "(\"neg\"); return -1; }\n if (x > 100) { " + once + "(\"big\"); return -2; }\n return x; }\n";
}

} // namespace

TEST_CASE("a third check with a flag of its own before two others leaves them theirs") {
    const std::string before = body(""), after = body(" if (x == 0) { " + once + "(\"zero\"); return -3; }\n");
    for (const char* flags : {"", "-g", "-Os"}) {
        CAPTURE(flags);
        with_compilers([&](const Compiler& compiler) {
            // GCC for AArch64 tests the sign bit before the patch and compares with zero after it: another guard.
            if (std::string_view(compiler.command) == "aarch64-linux-gnu-gcc")
                return;
            UnitPair pair(compiler);
            const Outcome outcome = pair.run(before, after, flags);
            REQUIRE(outcome.codes.empty());
            CHECK(outcome.changed() == Names{"f"});
            // Two of the kernel's and one that is new.
            CHECK(outcome.names(diff::Change::added, "variable").size() == 1);
        });
    }
}
