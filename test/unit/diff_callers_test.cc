// Changed functions that ftrace cannot hook are replaced with their callers, or left for the selection to refuse.
#include "compile.h"

#include "diff/callers.h"
#include "diff/compare.h"

#include <set>

using namespace klp;
using namespace klp::test;

namespace {

const std::string traced = "-pg -mfentry -mrecord-mcount ";

struct Marked {
    std::set<std::string> changed;
    std::set<std::string> through_callers;
};

// What is marked when NUMBER in `source` is 1 in the original and 2 in the patched unit.
Marked mark(const std::string& source, const std::string& more_flags = {}) {
    ScratchDirectory scratch;
    const std::string head = "#define notrace __attribute__((no_instrument_function, noinline))\n"
                             "#define alone __attribute__((noinline, noclone))\n"
                             "extern int outside(int);\n";
    elf::Object before =
        elf::Object::open(compile_unit(scratch, "before", "#define NUMBER 1\n" + head + source, traced + more_flags));
    elf::Object after =
        elf::Object::open(compile_unit(scratch, "after", "#define NUMBER 2\n" + head + source, traced + more_flags));
    diff::Unit original(before, {});
    diff::Unit patched(after, {});
    const diff::Correlation correlation = diff::correlate(original, patched);
    const diff::Macros macros;
    const diff::Comparison comparison = diff::compare(original, patched, correlation);
    const diff::ReachedChanges reached =
        diff::reach_through_callers({original, patched, correlation, macros}, comparison.changed_functions);
    Marked result;
    for (uint32_t index = 0; index < patched.pieces().size(); ++index) {
        if (reached.functions[index])
            result.changed.insert(patched.title(index));
        if (reached.through_callers[index])
            result.through_callers.insert(patched.title(index));
    }
    return result;
}

} // namespace

TEST_CASE("callers: an unhookable local function is replaced with all its callers") {
    Marked marked = mark("static notrace int inner(int x) { return outside(x) + NUMBER; }\n"
                         "int first(int x) { return inner(x) * 3; }\n"
                         "int second(int x) { return inner(x) - 3; }\n"
                         "int other(int x) { return outside(x); }\n");
    CHECK(marked.through_callers == std::set<std::string>{"inner"});
    CHECK(marked.changed == std::set<std::string>{"inner", "first", "second"});
}

TEST_CASE("callers: the way up goes through several unhookable functions") {
    Marked marked = mark("static notrace int inner(int x) { return outside(x) + NUMBER; }\n"
                         "static notrace int middle(int x) { return inner(x) * 3; }\n"
                         "int outer(int x) { return middle(x) * 5; }\n");
    CHECK(marked.through_callers == std::set<std::string>{"inner", "middle"});
    CHECK(marked.changed == std::set<std::string>{"inner", "middle", "outer"});
}

TEST_CASE("callers: padding before a function is no hook") {
    Marked marked = mark("static notrace int inner(int x) { return outside(x) + NUMBER; }\n"
                         "int first(int x) { return inner(x) * 3; }\n",
                         "-fpatchable-function-entry=16,16");
    CHECK(marked.through_callers == std::set<std::string>{"inner"});
    CHECK(marked.changed == std::set<std::string>{"inner", "first"});
}

TEST_CASE("callers: a hookable function is its own way in") {
    Marked marked = mark("static alone int inner(int x) { return outside(x) + NUMBER; }\n"
                         "int first(int x) { return inner(x) * 3; }\n");
    CHECK(marked.through_callers.empty());
    CHECK(marked.changed == std::set<std::string>{"inner"});
}

TEST_CASE("callers: who takes the address may call from anywhere") {
    Marked marked = mark("static notrace int inner(int x) { return outside(x) + NUMBER; }\n"
                         "int (*pointer)(int) = inner;\n"
                         "int first(int x) { return inner(x) * 3; }\n");
    CHECK(marked.through_callers.empty());
    CHECK(marked.changed == std::set<std::string>{"inner"});
}

TEST_CASE("callers: alternatives that jump back into a function call nobody") {
    // As static_cpu_has() does (arch/x86/include/asm/cpufeature.h).
    const std::string jump = "asm volatile(\"1: nop\\n.pushsection .altinstr_aux,\\\"ax\\\"\\njmp 1b\\n.popsection\");";
    Marked marked = mark("static notrace int inner(int x) { " + jump +
                             " return outside(x) + NUMBER; }\n"
                             "int first(int x) { return inner(x) * 3; }\n",
                         "-ffunction-sections");
    CHECK(marked.through_callers == std::set<std::string>{"inner"});
    CHECK(marked.changed == std::set<std::string>{"inner", "first"});
}

TEST_CASE("callers: other units may call a global function") {
    Marked marked = mark("notrace int inner(int x) { return outside(x) + NUMBER; }\n"
                         "int first(int x) { return inner(x) * 3; }\n");
    CHECK(marked.through_callers.empty());
    CHECK(marked.changed == std::set<std::string>{"inner"});
}
