#include "kernel/config.h"
#include "kernel/make_rule.h"
#include "kernel/module_link.h"
#include "kernel/recorded_link.h"
#include "kernel/runtime.h"
#include "kernel/unit.h"
#include "report/finding.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace klp;
using namespace klp::kernel;

namespace {

// The shape of kbuild's recipes (scripts/Makefile.build, cmd_and_fixdep), with fewer flags.
std::string recipe(const std::string& defines, const std::string& object, const std::string& source,
                   const std::string& objtool) {
    const std::string compile = fmt::format(
        "gcc-12 -Wp,-MMD,{0}.d -nostdinc -I/k/src/include -D__KERNEL__ {1} -c -o {0} {2}", object, defines, source);
    return fmt::format(
        "set -e;  echo '  CC      {0}';    trap 'rm -f {0}; trap - HUP; kill -s HUP $$' HUP; {1}   ; {2}; "
        "scripts/basic/fixdep {0}.d {0} 'gcc-12 -c -o other.o /k/src/other.c' > {0}.cmd; rm -f {0}.d",
        object, compile, objtool);
}

} // namespace

TEST_CASE("shell words of a recipe") {
    const auto commands = split_recipe("a 'b c' \"d\\\"e\" f\\ g; h > file | i -D'X=\"y\"'&& j");
    REQUIRE(commands.size() == 4);
    CHECK(commands[0] == std::vector<std::string>{"a", "b c", "d\"e", "f g"});
    CHECK(commands[1] == std::vector<std::string>{"h"});
    CHECK(commands[2] == std::vector<std::string>{"i", "-DX=\"y\""});
    CHECK(commands[3] == std::vector<std::string>{"j"});
    CHECK(split_recipe("").empty());
    CHECK(split_recipe("'unbalanced").size() == 1);
    CHECK(split_recipe("\"unbalanced\\").size() == 1);
}

TEST_CASE("a unit of vmlinux, with objtool on the unit") {
    const auto unit =
        parse_recipe(recipe("-DKBUILD_MODFILE='\"net/ipv4/tcp\"' -DKBUILD_MODNAME='\"tcp\"'", "net/ipv4/tcp.o",
                            "/k/src/net/ipv4/tcp.c", "./tools/objtool/objtool --orc net/ipv4/tcp.o"),
                     "/k/src");
    REQUIRE(unit);
    CHECK(unit->object == "net/ipv4/tcp.o");
    CHECK(unit->source == "net/ipv4/tcp.c");
    CHECK(unit->owner == "vmlinux");
    CHECK_FALSE(unit->is_generated);
    CHECK_FALSE(unit->is_assembly);
    CHECK(unit->compile.front() == "gcc-12");
    CHECK(unit->compile.back() == "/k/src/net/ipv4/tcp.c");
    CHECK(unit->objtool == std::vector<std::string>{"./tools/objtool/objtool", "--orc", "net/ipv4/tcp.o"});
}

TEST_CASE("the owner of a module's unit") {
    const auto owner = [](const std::string& defines) {
        const auto unit = parse_recipe(recipe(defines, "a/b.o", "/k/src/a/b.c", ":"), "/k/src");
        return unit ? unit->owner : "";
    };
    CHECK(owner("-DMODULE -DKBUILD_MODNAME='\"virtio_blk\"'") == "virtio_blk");
    CHECK(owner("-DMODULE -DKBUILD_MODFILE='\"drivers/x/snd-hda\"' -DKBUILD_MODNAME='\"other\"'") == "snd_hda");
    CHECK(owner("-DKBUILD_MODNAME='\"virtio_blk\"'") == "vmlinux");
}

TEST_CASE("late objtool belongs to linking") {
    const auto unit = parse_recipe(recipe("-DMODULE -DKBUILD_MODNAME='\"m\"'", "m.o", "/k/src/m.c",
                                          "./tools/objtool/objtool --ibt --link --module m.o"),
                                   "/k/src");
    REQUIRE(unit);
    CHECK(unit->objtool.empty());
}

TEST_CASE("generated sources, assembly, modules outside of the tree, and what is no unit") {
    const auto generated = parse_recipe(recipe("", "lib/oid.o", "lib/oid.c", ":"), "/k/src");
    REQUIRE(generated);
    CHECK(generated->is_generated);
    CHECK(generated->source == "lib/oid.c");
    const auto assembly = parse_recipe(recipe("-D__ASSEMBLY__", "a.o", "/k/src/a.S", ":"), "/k/src");
    REQUIRE(assembly);
    CHECK(assembly->is_assembly);
    const auto outside = parse_recipe(recipe("-DMODULE -DKBUILD_MODNAME='\"x\"'", "/o/m/x.o", "/o/m/x.c", ":"), "/o/m");
    REQUIRE(outside);
    CHECK(outside->object == "x.o");
    CHECK(outside->source == "x.c");
    CHECK_FALSE(outside->is_generated);
    CHECK_FALSE(parse_recipe("gcc -Wp,-MMD,x.d -O2 -c -o scripts/x.o /k/src/scripts/x.c", "/k/src"));
    CHECK_FALSE(parse_recipe("ld -r -o a.o b.o", "/k/src"));
    CHECK_FALSE(parse_recipe("gcc -E -D__KERNEL__ /k/src/a.c | genksyms", "/k/src"));
}

TEST_CASE("a dry run's units are sorted, each once, and survive the cache") {
    const std::string one = recipe("", "z.o", "/k/src/z.c", ":");
    const std::string two = recipe("", "a.o", "/k/src/a.c", "./tools/objtool/objtool --orc a.o");
    const auto units = parse_dry_run("make[1]: Entering\n" + one + "\n" + two + "\n" + one, "/k/src");
    REQUIRE(units.size() == 2);
    CHECK(units[0].object == "a.o");
    CHECK(units[1].object == "z.o");
    const auto again = read_units(write_units(units), "list");
    REQUIRE(again.size() == 2);
    CHECK(again[0].compile == units[0].compile);
    CHECK(again[0].objtool == units[0].objtool);
    CHECK(again[1].source == "z.c");
    const std::string text = write_units(units);
    CHECK_THROWS_AS(read_units(text.substr(0, text.size() - 20), "list"), report::Refusal);
    CHECK_THROWS_AS(read_units("something else", "list"), report::Refusal);
}

TEST_CASE("what goes into a built-in.a is part of the kernel, what is compiled beside it may not be") {
    const std::string compile =
        "gcc -D__KERNEL__ -Wall -c -o arch/x86/entry/vdso/NAME.o /src/arch/x86/entry/vdso/NAME.c\n";
    std::string output;
    for (const std::string name : {"extable", "vclock_gettime", "vma"}) {
        std::string line = compile;
        for (size_t at; (at = line.find("NAME")) != std::string::npos;)
            line.replace(at, 4, name);
        output += line;
    }
    const std::string archive = "arch/x86/entry/vdso/built-in.a";
    output += "set -e;  echo '  AR      " + archive + "'; rm -f " + archive +
              ";  printf \"arch/x86/entry/vdso/%s \" vma.o extable.o | xargs ar cDPrST " + archive + "\n";
    const std::vector<BuildUnit> units = parse_dry_run(output, "/src");
    REQUIRE(units.size() == 3);
    CHECK(is_of_kernel(units[0]));
    CHECK_FALSE(is_of_kernel(units[1]));
    CHECK(is_of_kernel(units[2]));
    CHECK(is_of_kernel(read_units(write_units(units), "units")[2]));
    BuildUnit of_module = units[1];
    of_module.owner = "kvm";
    CHECK(is_of_kernel(of_module));
}

TEST_CASE("make rules of compilers") {
    CHECK(read_make_rule("a.o: b.c \\\n  c.h d\\ e.h\n") == std::vector<std::string>{"b.c", "c.h", "d e.h"});
    CHECK(read_make_rule("a.o:").empty());
    CHECK(read_make_rule("").empty());
}

TEST_CASE("configuration") {
    const Config config("#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 6.1.192 Kernel Configuration\n#\n"
                        "CONFIG_LIVEPATCH=y\nCONFIG_EXT4_FS=m\n# CONFIG_X86_KERNEL_IBT is not set\n"
                        "CONFIG_CC_VERSION_TEXT=\"gcc-12 (Debian \\\"x\\\") 12\"\nCONFIG_MODULES=y\n");
    CHECK(config.arch() == "x86");
    CHECK(config.version() == "6.1.192");
    CHECK(config.is_set("LIVEPATCH"));
    CHECK(config.is_set("EXT4_FS"));
    CHECK_FALSE(config.is_set("X86_KERNEL_IBT"));
    CHECK(config.value("CC_VERSION_TEXT") == "gcc-12 (Debian \"x\") 12");
    CHECK(config.value("NOTHING").empty());
    refuse_unsupported(config, "x");
    CHECK(Config("").size() == 0);
}

TEST_CASE("the livepatch core that a kernel's patches are for") {
    using elf::Runtime;
    const std::string own = "CONFIG_MODULES=y\nCONFIG_LIVEPATCH=y\n";
    const std::string fit = "CONFIG_X86_64=y\nCONFIG_SMP=y\nCONFIG_MODULES=y\n"
                            "CONFIG_SYSFS=y\nCONFIG_KALLSYMS=y\n"
                            "CONFIG_KALLSYMS_ALL=y\nCONFIG_KPROBES=y\nCONFIG_DYNAMIC_FTRACE=y\n"
                            "CONFIG_DYNAMIC_FTRACE_WITH_ARGS=y\nCONFIG_STACKTRACE=y\nCONFIG_UNWINDER_ORC=y\n";
    const auto choice = [](const std::string& text, std::optional<Runtime> wanted = {}, const char* version = "6.1.9") {
        try {
            return std::string(choose_runtime(Config(text), version, wanted, "x") == Runtime::core ? "core" : "kernel");
        } catch (const report::Refusal& refusal) {
            return refusal.findings().front().code + ": " + refusal.findings().front().message;
        }
    };
    CHECK(choice(own) == "kernel");
    CHECK(choice(own, Runtime::kernel) == "kernel");
    CHECK(choice(own, Runtime::core).starts_with("config.has-livepatch"));
    CHECK(choice(fit) == "core");
    CHECK(choice(fit, Runtime::core, "6.12.117") == "core");
    CHECK(choice(fit, Runtime::kernel).starts_with("config.no-livepatch"));
    CHECK(choice(fit, Runtime::core, "6.6.1") == "core");
    CHECK(choice(fit, {}, "7.4.1").ends_with(": Linux 6.1 to 7.3"));
    CHECK(choice(fit, {}, "5.10.1").ends_with(": Linux 6.1 to 7.3"));
    for (const char* option : {"X86_64", "SMP", "SYSFS", "KALLSYMS_ALL", "KPROBES", "DYNAMIC_FTRACE",
                               "DYNAMIC_FTRACE_WITH_ARGS", "STACKTRACE", "UNWINDER_ORC"}) {
        std::string less = fit;
        less.replace(less.find(std::string("CONFIG_") + option + "="), 7, "# NO_");
        CHECK(choice(less).starts_with("config.no-livepatch"));
        const bool is_one_of_two = std::string_view(option).ends_with("_WITH_ARGS");
        const std::string named = is_one_of_two ? "DYNAMIC_FTRACE_WITH_REGS" : option;
        CHECK(choice(less).find(": CONFIG_" + named + " (") != std::string::npos);
    }
    for (const char* option : {"PREEMPT_RT", "LTO_CLANG"})
        CHECK(choice(fit + "CONFIG_" + option + "=y\n").find(std::string(": no CONFIG_") + option + " (") !=
              std::string::npos);
}

TEST_CASE("a configuration and exports of different kernels") {
    require_no_core("0x00000000\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n", "x");
    CHECK_THROWS_AS(require_no_core("0x00000000\tklp_enable_patch\tvmlinux\tEXPORT_SYMBOL_GPL\t\n", "x"),
                    report::Refusal);
}

TEST_CASE("configurations that cannot be patched live") {
    const auto code = [](const std::string& text) -> std::string {
        try {
            refuse_unsupported(Config(text), "x");
        } catch (const report::Refusal& refusal) {
            return refusal.findings().front().code;
        }
        return "";
    };
    CHECK(code("CONFIG_LIVEPATCH=y\n") == "config.no-modules");
    CHECK(code("CONFIG_MODULES=y\nCONFIG_LIVEPATCH=y\nCONFIG_GCC_PLUGIN_LATENT_ENTROPY=y\n") ==
          "config.latent-entropy");
    CHECK(code("CONFIG_MODULES=y\nCONFIG_LIVEPATCH=y\nCONFIG_RANDSTRUCT_FULL=y\nCONFIG_RANDSTRUCT=y\n") ==
          "config.randstruct");
    CHECK(code("CONFIG_MODULES=y\nCONFIG_LIVEPATCH=y\n").empty());
}

TEST_CASE("the command in a .cmd file, as the shell gets it") {
    CHECK(command_in("savedcmd_/m/a.o := gcc -DA='\"#\"' -o /m/a.o /m/a.c\n\nsource_/m/a.o := /m/a.c\n") ==
          "gcc -DA='\"#\"' -o /m/a.o /m/a.c");
    CHECK(command_in("cmd_/m/a.mod := printf x | awk '!x[$$0]++ $(pound)'\n") == "printf x | awk '!x[$0]++ #'");
    CHECK_FALSE(command_in(""));
    CHECK_FALSE(command_in("deps_/m/a.o := a.h\n"));
}

TEST_CASE("a module's commands make another one") {
    const LinkPlace one{"klp-one", "/tmp/7/module"}, other{"livepatch-a%n", "/var/x y"};
    const std::string command =
        "gcc -DKBUILD_MODNAME='\"klp_one\"' -DX=100% -o /tmp/7/module/klp-one.o /tmp/7/module/init.c";
    CHECK(put_in(cut_out(command, one), one) == command);
    CHECK(put_in(cut_out(command, one), other) ==
          "gcc -DKBUILD_MODNAME='\"livepatch_a%n\"' -DX=100% -o /var/x y/livepatch-a%n.o /var/x y/init.c");
}
