#include "source/touched_macros.h"

#include <doctest/doctest.h>

using namespace klp::source;

namespace {

std::set<std::string> touched(const std::string& before, const std::string& after) {
    FileChange change;
    change.before = before;
    change.after = after;
    return touched_macros(change);
}

using Names = std::set<std::string>;

} // namespace

TEST_CASE("macros and inline functions of a header with another text") {
    const std::string same = "#define KEPT 3\nstatic inline int kept(void) { return 1; }\n";
    CHECK(touched(same + "#define SIZE 3\n", same + "#define SIZE 4\n") == Names{"SIZE"});
    CHECK(touched(same + "#define f(x) (x)\n", same + "#define f(x) \\\n\t((x) + 1)\n") == Names{"f"});
    CHECK(touched(same, same + "#define NEW 4\n") == Names{"NEW"});
    CHECK(touched(same + "static inline int g(void) { return 1; }\n",
                  same + "static inline int g(void) { return 2; }\n") == Names{"g"});
    CHECK(touched(same, "/* moved */\n\n" + same).empty());
}
