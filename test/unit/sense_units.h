// Pairs of units with debug data for lib/sense's tests, compiled at test time.
#pragma once

#include "compile.h"

#include "sense/sense.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace klp::test {

// GCC as klp-build calls it, and Clang with DWARF 5 and 4, where there is one.
struct DebugCompiler {
    const char* name;
    const char* command;
    const char* flags;
};

inline const std::vector<DebugCompiler>& debug_compilers() {
    static const std::vector<DebugCompiler> all = {
        {"GCC, DWARF 5", "gcc", "-g -gdwarf-5 -fno-var-tracking"},
        {"GCC, DWARF 4", "gcc", "-g -gdwarf-4"},
        {"Clang", "clang-19", "-g"},
    };
    return all;
}

inline bool has_program(const std::string& name) {
    return std::system(("command -v " + name + " > /dev/null").c_str()) == 0;
}

inline std::vector<report::Finding> sense_pair(const DebugCompiler& compiler, const std::string& before,
                                               const std::string& after, const sense::Options& options = {}) {
    ScratchDirectory scratch;
    auto compile = [&](const std::string& name, const std::string& text) {
        const std::filesystem::path output = scratch.path() / (name + ".o");
        run(std::string(compiler.command) + " " + compiler.flags +
            " -O2 -ffunction-sections -fdata-sections -fno-pie -mcmodel=kernel -mno-sse -ffreestanding -w -c " +
            scratch.write(name + ".c", text).string() + " -o " + output.string());
        return elf::Object::open(output, name + ".c");
    };
    return sense::compare(compile("before", before), compile("after", after), options);
}

inline std::string joined(const std::vector<std::string>& texts) {
    std::string result;
    for (const std::string& text : texts)
        result += (result.empty() ? "" : "; ") + text;
    return result;
}

// "code name" of each, in the order of the findings.
inline std::string said(const std::vector<report::Finding>& findings) {
    std::vector<std::string> result;
    for (const report::Finding& finding : findings)
        result.push_back(finding.code + " " + finding.function);
    return joined(result);
}

// Replaces every "@{before|after}" of a source by its first or second half.
inline std::string side(std::string text, bool is_patched) {
    for (size_t at; (at = text.find("@{")) != std::string::npos;) {
        const size_t bar = text.find('|', at), end = text.find("}@", at);
        REQUIRE(bar < end);
        REQUIRE(end != std::string::npos);
        const std::string chosen = is_patched ? text.substr(bar + 1, end - bar - 1) : text.substr(at + 2, bar - at - 2);
        text.replace(at, end + 2 - at, chosen);
    }
    return text;
}

// What is said of a source with marks as above, by every compiler that there is.
template <typename Check>
void with_each_compiler(const std::string& source, const Check& check) {
    for (const DebugCompiler& compiler : debug_compilers()) {
        if (!has_program(compiler.command)) {
            MESSAGE("skipped: there is no " << compiler.command);
            continue;
        }
        CAPTURE(compiler.name);
        check(sense_pair(compiler, side(source, false), side(source, true)));
    }
}

} // namespace klp::test
