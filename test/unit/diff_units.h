// Pairs of units for the differ's tests: small C sources, compiled at test time by the compilers of five machines.
#pragma once

#include "compile.h"

#include "diff/diff.h"
#include "elf/livepatch_abi.h"
#include "report/finding.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <elf.h>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace klp::test {

using Names = std::vector<std::string>;
using Codes = std::vector<std::string>;

// A compiler and the flags with which kernels of its machine are compiled, as far as the differ sees them.
struct Compiler {
    const char* machine;
    const char* command;
    const char* flags;
};

inline const Compiler gcc_x86 = {"x86_64", "gcc",
                                 "-O2 -g0 -fno-pie -fno-pic -mcmodel=kernel -mno-sse -fno-asynchronous-unwind-tables "
                                 "-fcf-protection=none -fno-stack-protector -ffreestanding -fno-common -pg -mfentry "
                                 "-mrecord-mcount -ffunction-sections -fdata-sections -w"};

inline const std::vector<Compiler>& compilers() {
    static const std::vector<Compiler> all = {
        gcc_x86,
        {"x86_64", "clang-19",
         "-O2 -g0 -fno-pie -fno-pic -mcmodel=kernel -mno-sse -fno-asynchronous-unwind-tables -fno-stack-protector "
         "-ffreestanding -pg -mfentry -ffunction-sections -fdata-sections -w"},
        {"aarch64", "aarch64-linux-gnu-gcc",
         "-O2 -g0 -fno-pie -mgeneral-regs-only -fno-asynchronous-unwind-tables -fno-stack-protector -ffreestanding "
         "-fpatchable-function-entry=2 -ffunction-sections -fdata-sections -w"},
        {"ppc64le", "powerpc64le-linux-gnu-gcc",
         "-O2 -g0 -fno-pie -mcmodel=medium -msoft-float -mno-vsx -mno-altivec -fno-asynchronous-unwind-tables "
         "-fno-stack-protector -ffreestanding -pg -mprofile-kernel -ffunction-sections -fdata-sections -w"},
        {"s390x", "s390x-linux-gnu-gcc",
         "-O2 -g0 -fno-pie -msoft-float -fno-asynchronous-unwind-tables -fno-stack-protector -ffreestanding -pg "
         "-mfentry -mnop-mcount -mrecord-mcount -ffunction-sections -fdata-sections -w"},
        {"loongarch64", "clang-19 --target=loongarch64-linux-gnu",
         "-O2 -g0 -fno-pie -fno-asynchronous-unwind-tables -fno-stack-protector -ffreestanding "
         "-fpatchable-function-entry=2 -ffunction-sections -fdata-sections -w"},
    };
    return all;
}

inline const Compiler& clang_x86() {
    return compilers()[1];
}

inline bool is_installed(const Compiler& compiler) {
    std::string program = std::string(compiler.command).substr(0, std::string(compiler.command).find(' '));
    return std::system(("command -v " + program + " > /dev/null 2>&1").c_str()) == 0;
}

// Calls `check` for each of the wanted ones that is here.
template <typename Check>
void with_compilers(Check check, const std::vector<Compiler>& wanted = compilers()) {
    for (const Compiler& compiler : wanted) {
        const std::string name = std::string(compiler.machine) + " by " + compiler.command;
        CAPTURE(name);
        if (is_installed(compiler))
            check(compiler);
        else
            MESSAGE(name << " is not installed: its part of this test is left out");
    }
}

// Finds every symbol once in the owner and imports the rest from somewhere, but for what a test says.
class TestResolver : public symbols::Resolver {
public:
    symbols::Resolution resolve_defined(const elf::Symbol& original) const override {
        if (auto found = special.find(std::string(original.name)); found != special.end())
            return found->second;
        return {symbols::Resolution::Kind::livepatch, owner, 0, false, {}, false, {}};
    }
    symbols::Resolution resolve_undefined(std::string_view name) const override {
        if (auto found = special.find(std::string(name)); found != special.end())
            return found->second;
        return {symbols::Resolution::Kind::imported, {}, 0, true, {}, false, {}};
    }
    std::string owner = "vmlinux";
    std::map<std::string, symbols::Resolution> special;
};

struct Outcome {
    diff::Diff diff;
    std::vector<std::string> codes;      // of a refusal; empty if it was not refused
    std::vector<report::Finding> errors; // the refusal itself
    std::optional<elf::Object> output;

    std::vector<std::string> names(diff::Change change, std::string_view kind = "function") const {
        std::vector<std::string> result;
        for (const diff::Item& item : diff.items)
            if (item.change == change && item.kind == kind)
                result.push_back(item.name);
        std::ranges::sort(result);
        return result;
    }
    std::vector<std::string> changed() const { return names(diff::Change::changed); }
    const diff::Item* item(std::string_view name) const {
        for (const diff::Item& candidate : diff.items)
            if (candidate.name == name)
                return &candidate;
        return nullptr;
    }
    bool has_finding(std::string_view code) const {
        return std::ranges::any_of(diff.findings, [&](const report::Finding& it) { return it.code == code; });
    }
    const elf::Symbol* symbol(std::string_view name) const {
        for (const elf::Symbol& candidate : output->symbols())
            if (candidate.name == name)
                return &candidate;
        return nullptr;
    }
    // Is there a relocation against the symbol of that name in a section whose name begins so?
    bool refers(std::string_view section, std::string_view name) const {
        for (const elf::RelocationTable& table : output->relocation_tables())
            if (output->section(table.target).name.starts_with(section))
                for (const elf::Relocation& relocation : table.entries)
                    if (output->symbol(relocation.symbol).name == name)
                        return true;
        return false;
    }
};

class UnitPair {
public:
    explicit UnitPair(Compiler compiler = gcc_x86) : compiler_(compiler) {}

    TestResolver resolver;
    diff::Options options;

    Outcome run(const std::string& before, const std::string& after, const std::string& extra = {}) {
        return run_files(compile("before", before, extra), compile("after", after, extra));
    }
    Outcome run_files(const std::filesystem::path& before, const std::filesystem::path& after) {
        elf::Object original = elf::Object::open(before);
        elf::Object patched = elf::Object::open(after);
        options.owner = resolver.owner;
        options.resolver = &resolver;
        Outcome outcome;
        try {
            outcome.diff = diff::run(original, patched, options);
        } catch (const report::Refusal& refusal) {
            outcome.errors = refusal.findings();
            for (const report::Finding& finding : outcome.errors)
                outcome.codes.push_back(finding.code);
            return outcome;
        }
        if (!outcome.diff.nothing_changed)
            outcome.output = elf::Object::from_bytes("output", outcome.diff.output.bytes());
        return outcome;
    }
    // Both units are called unit.c, as they are in a kernel tree.
    std::filesystem::path compile(const std::string& directory, const std::string& source, const std::string& extra) {
        std::filesystem::create_directories(scratch_.path() / directory);
        std::filesystem::path input = scratch_.write(directory + "/unit.c", source);
        std::filesystem::path output = scratch_.path() / directory / "unit.o";
        klp::test::run("cd " + input.parent_path().string() + " && " + compiler_.command + " " + compiler_.flags + " " +
                       extra + " -c unit.c -o unit.o");
        return output;
    }
    const ScratchDirectory& scratch() const { return scratch_; }

private:
    Compiler compiler_;
    ScratchDirectory scratch_;
};

inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
    size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

} // namespace klp::test
