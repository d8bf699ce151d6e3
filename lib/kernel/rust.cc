#include "kernel/rust.h"

#include "files/files.h"

#include <charconv>
#include <fmt/format.h>
#include <utility>
#include <vector>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// Newer than what any kernel asks for: the configuration does not note it.
constexpr const char* some_version = "99.0.0";

// CONFIG_RUSTC_LLVM_VERSION, as scripts/rustc-llvm-version.sh puts it together: 220108 is 22.1.8.
std::string llvm_version(const Config& config) {
    const std::string& text = config.value("RUSTC_LLVM_VERSION");
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number == 0)
        return some_version;
    return fmt::format("{}.{}.{}", number / 10000, number / 100 % 100, number % 100);
}

std::string or_else(const std::string& text, const std::string& other) {
    return text.empty() ? other : text;
}

// In single quotes for the shell.
std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text)
        result += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return result + "'";
}

// A program that runs the command of the first pattern that its arguments match, with a blank at either end.
using Answers = std::vector<std::pair<std::string, std::string>>;

void write_program(const fs::path& path, const Answers& answers) {
    std::string text = "#!/bin/sh\ncase \" $* \" in\n";
    for (const auto& [pattern, command] : answers)
        text += fmt::format("{}) {} ;;\n", pattern, command);
    files::write(path, text + "esac\n");
    fs::permissions(path, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                              fs::perms::others_read | fs::perms::others_exec);
}

} // namespace

void write_rust_answers(const Config& config, const fs::path& folder) {
    // Where the sources of Rust's core library are looked for.
    const fs::path library = folder / "lib/rustlib/src/rust/library/core/src";
    files::make_folder(library);
    files::write(library / "lib.rs", "");
    const std::string rustc =
        quoted(or_else(config.value("RUSTC_VERSION_TEXT"), fmt::format("rustc {}", some_version)));
    const std::string llvm = llvm_version(config);
    write_program(folder / "rustc",
                  {{"*' --version --verbose '*", fmt::format("echo {}; echo 'LLVM version: {}'", rustc, llvm)},
                   {"*' --version '*", "echo " + rustc},
                   {"*' --print sysroot '*", "echo " + quoted(folder.string())}});
    const std::string bindgen = or_else(config.value("BINDGEN_VERSION_TEXT"), fmt::format("bindgen {}", some_version));
    write_program(folder / "bindgen", {{"*' --version '*", "echo " + quoted(bindgen)},
                                       {"*libclang.h*", fmt::format("echo 'clang version {}' >&2", llvm)},
                                       {"*libclang_22.h*", "echo 'pub foo'"}});
}

std::vector<std::string> rust_variables(const fs::path& folder) {
    return {"RUSTC=" + (folder / "rustc").string(), "BINDGEN=" + (folder / "bindgen").string(), "CONFIG_RUST="};
}

} // namespace klp::kernel
