// Modules that real compilers made for each machine: converted, they pass klp-verify, and their relocations are the
// same.
#include "compile.h"
#include "convert/convert.h"
#include "livepatch_modules.h"
#include "verify/verify.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <set>
#include <tuple>

using namespace klp;

namespace {

struct Machine {
    const char* name;
    uint16_t number;
    const char* compiler;
    const char* flags; // as the kernel's Makefile for the machine has them, as far as they matter here
};

constexpr Machine machines[] = {
    {"x86_64", EM_X86_64, "gcc", "-mcmodel=kernel -mno-sse -fcf-protection=none"},
    {"aarch64", EM_AARCH64, "aarch64-linux-gnu-gcc", "-mgeneral-regs-only"},
    {"ppc64le", EM_PPC64, "powerpc64le-linux-gnu-gcc", "-mcmodel=medium -mabi=elfv2 -mlittle-endian -msoft-float"},
    {"s390x", EM_S390, "s390x-linux-gnu-gcc", "-march=z13 -msoft-float -mbackchain"},
    {"loongarch64", 258, "clang-19", "--target=loongarch64-linux-gnusf -mabi=lp64s -fdirect-access-external-data"},
};

constexpr const char* source = R"(
__attribute__((section(".modinfo"), used)) static const char info[] =
    "livepatch=Y\0license=GPL\0name=x\0vermagic=v";
extern int klp_enable_patch(void *);
__attribute__((section(".init.text"))) int init_module(void)
{
    return klp_enable_patch(0);
}
__attribute__((section(".gnu.linkonce.this_module"), used, aligned(8))) static struct {
    char head[24];
    char name[56];
    long more[6];
    int (*init)(void);
    long rest[6];
} this_module = { .name = "x", .init = init_module };
extern int hidden_data;
extern int hidden_function(int);
extern int other_function(int);
extern int imported(int);
int *pointer = &hidden_data;
int patched(int value)
{
    hidden_data += imported(value);
    return hidden_function(value) + other_function(hidden_data) + *pointer;
}
)";

bool is_installed(const std::string& command) {
    return std::system(("command -v " + command + " >/dev/null").c_str()) == 0;
}

elf::Object compile_module(const test::ScratchDirectory& scratch, const Machine& machine) {
    std::string input = scratch.write("module.c", source).string();
    std::string output = (scratch.path() / "module.ko").string();
    test::run(std::string(machine.compiler) + " " + machine.flags +
              " -O2 -g -fno-pie -fno-pic -ffreestanding -fno-common -fno-stack-protector "
              "-fno-asynchronous-unwind-tables -c " +
              input + " -o " + output);
    test::run("llvm-objcopy-19 --redefine-sym hidden_data=.klp.ref.vmlinux.vmlinux.hidden_data,0 "
              "--redefine-sym hidden_function=.klp.ref.vmlinux.vmlinux.hidden_function,3 "
              "--redefine-sym other_function=.klp.ref.m.m.other_function,0 " +
              output);
    return elf::Object::open(output);
}

using Place = std::tuple<std::string, uint64_t, uint32_t, int64_t, std::string>;

// Every relocation of what is loaded, by section name, with the symbol named as the kernel knows it.
std::multiset<Place> places_of(const elf::Object& module) {
    std::multiset<Place> places;
    for (const elf::RelocationTable& table : module.relocation_tables())
        for (const elf::Relocation& relocation : table.entries) {
            std::string name(module.symbol(relocation.symbol).name);
            for (const char* prefix : {".klp.ref.vmlinux.", ".klp.ref.m.", ".klp.sym."})
                if (name.starts_with(prefix))
                    name.erase(0, std::string_view(prefix).size());
            if (module.section(table.target).is_allocated())
                places.emplace(module.section(table.target).name, relocation.offset, relocation.type, relocation.addend,
                               name);
        }
    return places;
}

size_t count_livepatch_relocations(const elf::Object& module, std::string_view prefix) {
    size_t count = 0;
    for (const elf::RelocationTable& table : module.relocation_tables())
        if (module.section(table.section).name.starts_with(prefix))
            count += table.entries.size();
    return count;
}

} // namespace

TEST_CASE("every machine's modules keep their relocations and pass") {
    for (const Machine& machine : machines) {
        CAPTURE(std::string(machine.name));
        if (!is_installed(machine.compiler) || !is_installed("llvm-objcopy-19")) {
            MESSAGE("skipped: no compiler for " << machine.name);
            continue;
        }
        test::ScratchDirectory scratch;
        elf::Object linked = compile_module(scratch, machine);
        REQUIRE(linked.machine() == machine.number);
        elf::Object finished = elf::Object::from_bytes("finished.ko", convert::convert(linked).bytes);
        CHECK(places_of(linked) == places_of(finished));
        CHECK(count_livepatch_relocations(finished, ".klp.rela.vmlinux.") >= 3);
        CHECK(count_livepatch_relocations(finished, ".klp.rela.m.") >= 1);
        for (const report::Finding& finding : verify::check(finished, {}))
            FAIL_CHECK(report::to_text(finding));
    }
}
