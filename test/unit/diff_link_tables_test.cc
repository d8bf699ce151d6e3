// Lists of BTF ids, formats of trace_printk(), and what a module says of itself: content, though no code is in it.
#include "diff_units.h"

using namespace klp;
using namespace klp::test;

namespace {

// As linux/btf_ids.h makes them: the names are all that the compiler's object says of an entry. `counter` is what its
// __COUNTER__ and __LINE__ give.
std::string list(const std::string& name, const std::vector<std::string>& entries, unsigned counter = 1) {
    std::string text = "asm(\".pushsection .BTF_ids,\\\"a\\\"\\n.local " + name + "\\n" + name + ":\\n";
    for (const std::string& entry : entries) {
        const std::string symbol = "__BTF_ID__struct__" + entry + "__" + std::to_string(counter++);
        text += ".local " + symbol + "\\n.type " + symbol + ", STT_OBJECT\\n.size " + symbol + ", 4\\n" + symbol +
                ":\\n.zero 4\\n";
    }
    return text + ".popsection\");\nextern unsigned " + name + "[];\n";
}

std::string kfuncs(const std::string& flags) {
    return "asm(\".pushsection .BTF_ids,\\\"a\\\"\\n.local kfuncs\\nkfuncs:\\n.local "
           "__BTF_ID__set8__kfuncs\\n__BTF_ID__set8__kfuncs:\\n.zero 8\\n.local __BTF_ID__func__one__7\\n.type "
           "__BTF_ID__func__one__7, STT_OBJECT\\n.size __BTF_ID__func__one__7, 4\\n__BTF_ID__func__one__7:\\n.zero "
           "4\\n.long " +
           flags +
           "\\n.popsection\");\nextern unsigned kfuncs[];\nextern int add_kfuncs(unsigned*);\n"
           "__attribute__((section(\".init.text\"))) int start(void) { return add_kfuncs(kfuncs); }\n";
}

std::string user(const std::string& list, unsigned index, const std::string& more = "0") {
    return "int use(void) { return " + list + "[" + std::to_string(index) + "] + " + more + "; }\n";
}

std::string traced(const std::string& format, const std::string& more = "0") {
    return "extern int print(const char*, int);\nint traced(int x) { static const char *trace_printk_fmt "
           "__attribute__((section(\"__trace_printk_fmt\"), used)) = \"" +
           format + "\"; return print(trace_printk_fmt, x) + " + more + "; }\n";
}

std::string described(const std::string& alias) {
    return "static const char __UNIQUE_ID_alias3[] __attribute__((section(\".modinfo\"), used, aligned(1))) = "
           "\"alias=" +
           alias + "\";\nint f(int x) { return x + 1; }\n";
}

Codes late_codes(const Outcome& outcome) {
    Codes codes;
    for (const report::Finding& finding : diff::changes_without_effect(outcome.diff.findings))
        codes.push_back(finding.code);
    return codes;
}

} // namespace

TEST_CASE("lists of BTF ids: patched code uses the kernel's own") {
    UnitPair pair;
    const std::string before = list("first", {"file"}, 1) + list("second", {"inode", "dentry"}, 5);
    // Counters move with every line.
    const std::string after = list("first", {"file"}, 31) + list("second", {"inode", "dentry"}, 42);
    Outcome outcome = pair.run(before + user("second", 1), after + user("second", 1, "3"));
    REQUIRE(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"use"});
    CHECK(outcome.refers(".rela.text", "second") == false);
    REQUIRE(outcome.diff.references.size() >= 1);
    CHECK(std::ranges::count(outcome.diff.references, "second", &diff::KernelReference::name) == 1);
    for (const elf::Section& section : outcome.output->sections())
        CHECK(section.name != ".BTF_ids");
    CHECK(pair.run(before + user("second", 1), after + user("second", 1)).diff.nothing_changed);
}

TEST_CASE("lists of BTF ids: other entries are a change, and one that a live patch cannot make") {
    UnitPair pair;
    const std::string before = list("ids", {"file", "inode"}) + user("ids", 1);
    CHECK(pair.run(before, list("ids", {"file", "dentry"}) + user("ids", 1)).codes == Codes{"diff.link-table-changed"});
    CHECK(pair.run(before, list("ids", {"file", "inode", "dentry"}) + user("ids", 2)).codes ==
          Codes{"diff.link-table-changed"});
    const std::string ignore = "__attribute__((section(\".kpatch.ignore.sections\"), used)) static char *ignored = "
                               "\".BTF_ids\";\n";
    Outcome outcome = pair.run(before, list("ids", {"file", "inode", "dentry"}) + user("ids", 0) + ignore);
    CHECK(outcome.codes.empty());
    CHECK(outcome.changed() == Names{"use"});
}

TEST_CASE("lists of BTF ids: a new one has no ids") {
    UnitPair pair;
    const std::string before = list("ids", {"file"}) + "extern unsigned more[];\n" + user("ids", 0);
    const std::string after = list("ids", {"file"}) + list("more", {"inode"}, 9) + user("more", 0);
    CHECK(pair.run(before, after).codes == Codes{"diff.link-table-added"});
}

TEST_CASE("lists of BTF ids: a kfunc's flag that changes is not nothing") {
    UnitPair pair;
    CHECK(pair.run(kfuncs("0"), kfuncs("4")).codes == Codes{"diff.link-table-changed"});
    CHECK(pair.run(kfuncs("4"), kfuncs("4")).diff.nothing_changed);
}

TEST_CASE("trace_printk: the format comes along in its own section, and counts") {
    UnitPair pair;
    const std::string none = "extern int print(const char*, int);\nint traced(int x) { return x; }\n";
    Outcome added = pair.run(none, traced("x %d"));
    REQUIRE(added.codes.empty());
    CHECK(added.changed() == Names{"traced"});
    const auto holds = [](const Outcome& outcome) {
        return std::ranges::count_if(outcome.output->sections(), [](const elf::Section& section) {
            return section.name == "__trace_printk_fmt" && section.size == 8;
        });
    };
    CHECK(holds(added) == 1);
    Outcome other = pair.run(traced("x %d"), traced("y %d"));
    CHECK(other.changed() == Names{"traced"});
    CHECK(holds(other) == 1);
    CHECK(pair.run(traced("x %d"), traced("x %d")).diff.nothing_changed);
}

TEST_CASE("what a module says of itself: not code, but no all-clear either") {
    UnitPair pair;
    Outcome outcome = pair.run(described("one"), described("two"));
    CHECK(outcome.diff.nothing_changed);
    CHECK(late_codes(outcome) == Codes{"diff.registry-changed"});
    CHECK(late_codes(pair.run(described("one"), described("one"))).empty());
}

TEST_CASE("who is on a list that the kernel has read is said, and no all-clear") {
    const std::string unit = "int g(int);\nint f(int x) { return g(x) + 1; }\nint h(int x) { return g(x) + 2; }\n";
    for (const char* list : {"_kprobe_blacklist", "_error_injection_whitelist"}) {
        CAPTURE(std::string(list));
        const std::string extra = std::string(list) == "_kprobe_blacklist" ? "" : ", 1";
        const std::string marked = unit + "static unsigned long __attribute__((used, section(\"" + list +
                                   "\"))) mark[] = { (unsigned long)f" + extra + " };\n";
        UnitPair pair;
        CHECK(pair.run(marked, marked).diff.nothing_changed);
        const Outcome outcome = pair.run(unit, replaced(marked, "+ 2", "+ 3"));
        REQUIRE(outcome.codes.empty());
        CHECK(outcome.changed() == Names{"h"});
        CHECK(outcome.has_finding("diff.registry-changed"));
        CHECK_FALSE(pair.run(marked, replaced(marked, "+ 2", "+ 3")).has_finding("diff.registry-changed"));
        CHECK(pair.run(unit, marked).has_finding("diff.registry-changed"));
    }
}

TEST_CASE("entries of a table that the linker bounds are not the end of each other") {
    // pr_debug() of include/linux/dynamic_debug.h
    const std::string unit =
        "struct ddebug { const char *module, *function, *format; unsigned line; long key; } "
        "__attribute__((aligned(8)));\n"
        "extern void __dynamic_pr_debug(struct ddebug *, const char *, ...);\n"
        "#define DEBUG(f) ({ static struct ddebug descriptor __attribute__((aligned(8), section(\"__dyndbg\"), used)) "
        "= "
        "{ \"mod\", __func__, f, 7, 0 }; if (descriptor.key) __dynamic_pr_debug(&descriptor, f); })\n"
        "int f(int x) { DEBUG(\"f\\n\"); return x + 1; }\nint g(int x) { DEBUG(\"g\\n\"); return x; }\n"
        "int h(int x) { DEBUG(\"h\\n\"); DEBUG(\"h2\\n\"); return x; }\n";
    with_compilers([&](const Compiler& compiler) {
        UnitPair pair(compiler);
        for (const auto& [from, to] :
             {std::pair("return x + 1", "return x + 2"), {"g\\n\"); return x", "g\\n\"); return -x"}}) {
            const Outcome outcome = pair.run(unit, replaced(unit, from, to));
            REQUIRE(outcome.codes.empty());
            CHECK(outcome.changed().size() == 1);
            // Those of the other functions stay the kernel's alone.
            if (const elf::Section* table = outcome.output->find_section("__dyndbg"))
                CHECK(table->size <= 40);
        }
    });
}
