#include "source/clang_arguments.h"

#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>

#include <array>
#include <map>
#include <string_view>

namespace klp::source {
namespace {

// Options that take a value, in the same argument or the next, and that Clang understands as GCC does.
constexpr std::array<std::string_view, 9> with_value = {"-include", "-imacros", "-isystem", "-idirafter", "-iquote",
                                                        "-I",       "-D",       "-U",       "-x"};

// What decides about types, by the names that Clang's inner command line has for it.
const std::map<std::string, std::vector<std::string>, std::less<>> of_cc1 = {
    {"-fshort-wchar", {"-fwchar-type=short", "-fno-signed-wchar"}},
    {"-funsigned-char", {"-fno-signed-char"}},
    // A structure that is a member without a name ("struct head;"), as kernels from 6.19 on have them. The second is
    // the word of newer Clangs for what LLVM 19 has by the first only.
    {"-fms-extensions", {"-fms-extensions"}},
    {"-fms-anonymous-structs", {"-fms-extensions"}},
};

// "/usr/bin/aarch64-linux-gnu-gcc-12" -> "aarch64-linux-gnu"; a plain "gcc" compiles for this machine.
std::string target_of(const CompileCommand& command) {
    std::string machine = llvm::sys::getDefaultTargetTriple();
    for (size_t i = 0; i < command.argv.size(); ++i) {
        const std::string& argument = command.argv[i];
        if (argument.starts_with("--target="))
            return argument.substr(9);
        if (argument == "-target" && i + 1 < command.argv.size())
            return command.argv[i + 1];
        if (argument == "-m32" && machine.starts_with("x86_64"))
            machine.replace(0, 6, "i386");
    }
    if (command.argv.empty())
        return machine;
    const std::string& compiler = command.argv.front();
    const std::string name = compiler.substr(compiler.rfind('/') + 1);
    const size_t end = name.find("-gcc");
    return end == std::string::npos || end == 0 ? machine : name.substr(0, end);
}

bool is_assembly(const CompileCommand& command) {
    return command.file.ends_with(".S");
}

bool is_gcc(const CompileCommand& command) {
    return command.argv.empty() || command.argv.front().find("clang") == std::string::npos;
}

} // namespace

std::vector<std::string> clang_arguments(const CompileCommand& command) {
    std::vector<std::string> arguments = {"-triple", llvm::Triple::normalize(target_of(command)), "-w",
                                          "-nostdsysteminc", "-fgnuc-version=12.2.0"};
    if (is_gcc(command))
        arguments.insert(arguments.end(), {"-U", "__clang__"});
    bool has_language = false;
    const std::vector<std::string>& argv = command.argv;
    for (size_t i = 1; i < argv.size(); ++i) {
        std::string argument = argv[i];
        // GCC's preprocessor options in disguise: -Wp,-MMD,FILE (dependencies, unwanted) or -Wp,-D...
        if (argument.starts_with("-Wp,-D"))
            argument = argument.substr(4);
        if (argument.starts_with("-std=") || argument.starts_with("-O")) {
            arguments.push_back(argument);
            continue;
        }
        if (const auto same = of_cc1.find(argument); same != of_cc1.end())
            arguments.insert(arguments.end(), same->second.begin(), same->second.end());
        for (const std::string_view option : with_value) {
            if (!argument.starts_with(option))
                continue;
            std::string value = argument.substr(option.size());
            if (value.empty() && i + 1 < argv.size())
                value = argv[++i];
            has_language |= option == "-x";
            arguments.insert(arguments.end(), {std::string(option), std::move(value)});
            break;
        }
    }
    if (!has_language)
        arguments.insert(arguments.end(), {"-x", is_assembly(command) ? "assembler-with-cpp" : "c"});
    arguments.push_back(command.file);
    return arguments;
}

} // namespace klp::source
