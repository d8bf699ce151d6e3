#include "compile.h"
#include "kernel/steps.h"
#include "report/finding.h"

#include <algorithm>
#include <doctest/doctest.h>

using namespace klp;
using namespace klp::kernel;

namespace {

const StepFolders folders{"/k/src", "/k/build"};

// As kbuild's macros print them: `cmd` with its traps, if_changed with its note, if_changed_dep with fixdep, filechk.
std::string trap(const std::string& target) {
    return "trap 'rm -f " + target + "; trap - HUP; kill -s HUP $$' HUP;  ";
}

std::string noted(const std::string& target, const std::string& command) {
    return "set -e;  echo '  GEN     " + target + "';   " + trap(target) + command + "; printf '%s\\n' 'savedcmd_" +
           target + " := " + command + "' > .cmd\n";
}

const std::string asn1 = "set -e;  echo '  ASN.1   crypto/x509.asn1.[ch]';   " + trap("crypto/x509.asn1.c") +
                         "./scripts/asn1_compiler /k/src/crypto/x509.asn1 crypto/x509.asn1.c crypto/x509.asn1.h\n";

std::set<std::string> made(const std::string& dry_run, const std::string& file) {
    const std::vector<Step> steps = parse_steps(dry_run, folders);
    std::set<std::string> files = made_from({file}, steps);
    files.erase(file);
    return files;
}

} // namespace

TEST_CASE("a generated source and its header are made from what the recipe names, and by the program that makes them") {
    const std::set<std::string> both = {"/k/build/crypto/x509.asn1.c", "/k/build/crypto/x509.asn1.h"};
    CHECK(made(asn1, "/k/src/crypto/x509.asn1") == both);
    CHECK(made(asn1, "/k/build/scripts/asn1_compiler") == both);
    CHECK(made(asn1, "/k/src/crypto/pkcs7.asn1").empty());
}

TEST_CASE("inputs are found behind a redirection, in an option and by a roundabout path") {
    const std::string unroll =
        noted("lib/int1.c", "awk -vN=1 -f/k/src/lib/unroll.awk < /k/src/lib/int.uc > lib/int1.c");
    CHECK(made(unroll, "/k/src/lib/int.uc") == std::set<std::string>{"/k/build/lib/int1.c"});
    CHECK(made(unroll, "/k/src/lib/unroll.awk") == std::set<std::string>{"/k/build/lib/int1.c"});
    const std::string flags = noted("cpu/flags.c", "sh /k/src/cpu/mk.sh cpu/flags.c /k/src/cpu/../include/features.h");
    CHECK(made(flags, "/k/src/include/features.h") == std::set<std::string>{"/k/build/cpu/flags.c"});
}

TEST_CASE("a file that is written aside and moved is made, and the folder it lies in ties nothing together") {
    const std::string filechk =
        "set -e; mkdir -p include/generated/; trap \"rm -f include/generated/.tmp_timeconst.h\" EXIT; { echo 250 | bc "
        "-q "
        "/k/src/kernel/time/timeconst.bc; } > include/generated/.tmp_timeconst.h; if [ ! -r "
        "include/generated/timeconst.h "
        "] || ! cmp -s include/generated/timeconst.h include/generated/.tmp_timeconst.h; then \\\n mv -f "
        "include/generated/.tmp_timeconst.h include/generated/timeconst.h; fi\n";
    const std::string other =
        "set -e; mkdir -p include/generated/; { cat /k/src/kernel/other; } > include/generated/other.h\n";
    CHECK(made(filechk + other, "/k/src/kernel/time/timeconst.bc").contains("/k/build/include/generated/timeconst.h"));
    CHECK(made(filechk + other, "/k/src/kernel/other") == std::set<std::string>{"/k/build/include/generated/other.h"});
}

TEST_CASE("what a program makes is made from the program's source") {
    const std::string compile = "set -e;  echo '  HOSTCC  lib/mktables';   " + trap("lib/mktables") +
                                "gcc -Wp,-MMD,lib/.mktables.d -O2 -o lib/mktables /k/src/lib/mktables.c   ; "
                                "scripts/basic/fixdep lib/.mktables.d lib/mktables 'gcc -o x /k/src/y.c' > lib/.cmd\n";
    const std::string run = noted("lib/tables.c", "lib/mktables > lib/tables.c");
    const std::vector<Step> steps = parse_steps(compile + run, folders);
    REQUIRE(steps.size() == 2);
    CHECK(steps[0].source == "/k/src/lib/mktables.c");
    CHECK(steps[0].targets == std::vector<std::string>{"/k/build/lib/mktables"});
    CHECK(steps[0].compile.front() == "gcc");
    CHECK(made(compile + run, "/k/src/lib/mktables.c") ==
          std::set<std::string>{"/k/build/lib/mktables", "/k/build/lib/tables.c"});
    CHECK(made(compile + run, "/k/src/y.c").empty());
}

TEST_CASE("units, archives and folders that make enters are no steps") {
    CHECK(parse_steps("set -e; gcc -D__KERNEL__ -c -o a/b.o /k/src/a/b.c; objtool a/b.o\n", folders).empty());
    CHECK(parse_steps("make -f /k/src/scripts/Makefile.build obj=a\n", folders).empty());
    CHECK(parse_steps(noted("a/built-in.a", "rm -f a/built-in.a; printf 'a/%s ' b.o | xargs ar cDPrST a/built-in.a"),
                      folders)
              .empty());
}

TEST_CASE("what is made already is known by its .cmd file, with everything that was read") {
    const std::string text =
        "savedcmd_scripts/asn1_compiler := gcc -o scripts/asn1_compiler /k/src/scripts/asn1_compiler.c\n\n"
        "source_scripts/asn1_compiler := /k/src/scripts/asn1_compiler.c\n\n"
        "deps_scripts/asn1_compiler := \\\n  /k/src/include/linux/asn1.h \\\n\n"
        "scripts/asn1_compiler: $(deps_scripts/asn1_compiler)\n";
    const std::vector<Step> steps = parse_command_file(text, folders);
    REQUIRE(steps.size() == 1);
    CHECK(steps[0].targets == std::vector<std::string>{"/k/build/scripts/asn1_compiler"});
    CHECK(made_from({"/k/src/include/linux/asn1.h"}, steps).contains("/k/build/scripts/asn1_compiler"));
    CHECK(parse_command_file("savedcmd_a.o := gcc -D__KERNEL__ -c -o a.o /k/src/a.c\n", folders).empty());
    CHECK(parse_command_file("nonsense", folders).empty());
    CHECK(parse_command_file("", folders).empty());
}

TEST_CASE("steps come back from the cache as they were, and nonsense is refused") {
    const std::vector<Step> steps = parse_steps(asn1, folders);
    const std::string text = write_steps(steps);
    const std::vector<Step> again = read_steps(text, "steps");
    REQUIRE(again.size() == steps.size());
    CHECK(again[0].targets == steps[0].targets);
    CHECK(again[0].inputs == steps[0].inputs);
    CHECK_THROWS_AS(read_steps("x", "steps"), report::Refusal);
    CHECK_THROWS_AS(read_steps(text.substr(0, text.size() - 3), "steps"), report::Refusal);
}

TEST_CASE("of two dry runs the recipes count that are not the same, nor what has been made already") {
    test::ScratchDirectory scratch;
    const std::string build = (scratch.path() / "build").string();
    const auto made = [](const std::string& flags) { return "sed " + flags + " /src/lib/names.txt > lib/names.h\n"; };
    std::filesystem::create_directories(build + "/lib");
    const StepFolders of{"/src", build};
    CHECK(changed_steps(made("-n"), made("-n"), of, "lib/").empty());
    const std::vector<Step> changed = changed_steps(made("-n"), made("-r"), of, "lib/");
    REQUIRE_FALSE(changed.empty());
    CHECK(changed[0].targets == std::vector<std::string>{build + "/lib/names.h"});
    CHECK(changed_steps(made("-n"), made("-r"), of, "fs/").empty());
    CHECK_FALSE(changed_steps(made("-n"), "", of, "lib/").empty());
    // It is there, and the other dry run is silent on it.
    const std::string noted = "sed -n /src/lib/names.txt > lib/names.h; printf '%s\\n' 'savedcmd_lib/names.h := sed -n "
                              "/src/lib/names.txt > lib/names.h' > lib/.names.h.cmd\n";
    CHECK_FALSE(changed_steps("", noted, of, "lib/").empty());
    scratch.write("build/lib/.names.h.cmd", "savedcmd_lib/names.h := sed -n /src/lib/names.txt > lib/names.h\n");
    CHECK(changed_steps("", noted, of, "lib/").empty());
    scratch.write("build/lib/.names.h.cmd", "savedcmd_lib/names.h := sed -r /src/lib/names.txt > lib/names.h\n");
    CHECK_FALSE(changed_steps("", noted, of, "lib/").empty());
}
