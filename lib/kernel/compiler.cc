#include "kernel/compiler.h"

#include "host/process.h"
#include "report/finding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>
#include <vector>

namespace klp::kernel {

namespace {

// "gcc-12 (Debian ...) 12.2.0" -> "gcc-12", "(Debian ...) 12.2.0". Clang's text begins "Debian clang version 19...".
struct VersionText {
    std::string program;
    std::string version;
};

VersionText split_version(const std::string& text, bool is_clang) {
    if (is_clang)
        return {"clang", text};
    const size_t space = text.find(' ');
    if (space == std::string::npos)
        return {text, {}};
    return {text.substr(0, space), text.substr(space + 1)};
}

std::string major_of(const Config& config, bool is_clang) {
    const std::string& number = config.value(is_clang ? "CLANG_VERSION" : "GCC_VERSION"); // 120200: 12.2.0
    return number.size() > 4 ? number.substr(0, number.size() - 4) : "";
}

std::optional<std::filesystem::path> find_in(const host::Enclosure& system, const std::string& name) {
    if (system.root.empty())
        return host::find_program(name);
    std::filesystem::path path = system.root / "usr/bin" / name;
    std::error_code ignored;
    return std::filesystem::exists(path, ignored) ? std::optional(std::move(path)) : std::nullopt;
}

std::optional<Compiler> ask(const std::string& name, const Config& config, const host::Enclosure& system) {
    const auto path = find_in(system, name);
    if (!path)
        return std::nullopt;
    const std::string program = system.root.empty() ? path->string() : name;
    const host::Outcome outcome = host::run(host::enclose({.argv = {program, "--version"}}, system));
    if (outcome.status != 0)
        return std::nullopt;
    const std::string line = outcome.output.substr(0, outcome.output.find('\n'));
    const bool is_clang = config.is_set("CC_IS_CLANG");
    return Compiler{.path = *path,
                    .name = name,
                    .version = split_version(line, is_clang).version,
                    .is_clang = is_clang,
                    .has_llvm_tools = config.is_set("LD_IS_LLD"),
                    .system = system};
}

std::vector<std::string> candidate_names(const Config& config, const VersionText& wanted, bool is_clang) {
    const std::string plain = is_clang ? "clang" : "gcc";
    const std::string major = major_of(config, is_clang);
    std::vector<std::string> names;
    if (!wanted.program.empty() && wanted.program != plain)
        names.push_back(wanted.program);
    if (!major.empty())
        names.push_back(plain + "-" + major);
    names.push_back(plain);
    return names;
}

struct Search {
    VersionText wanted;
    std::optional<Compiler> match;
    std::vector<Compiler> others;
};

Search search(const Config& config, const host::Enclosure& system) {
    Search result;
    const bool is_clang = config.is_set("CC_IS_CLANG");
    result.wanted = split_version(config.value("CC_VERSION_TEXT"), is_clang);
    for (const std::string& name : candidate_names(config, result.wanted, is_clang)) {
        std::optional<Compiler> compiler = ask(name, config, system);
        if (!compiler)
            continue;
        if (compiler->version == result.wanted.version) {
            result.match = std::move(compiler);
            return result;
        }
        result.others.push_back(std::move(*compiler));
    }
    return result;
}

[[noreturn]] void refuse_missing(const Config& config, const std::string& where) {
    throw report::Refusal("compiler.missing", where,
                          fmt::format("the kernel was built with \"{}\", and no such compiler is installed",
                                      config.value("CC_VERSION_TEXT")),
                          "install that compiler");
}

} // namespace

std::optional<Compiler> find_same_compiler(const Config& config, const host::Enclosure& system) {
    return search(config, system).match;
}

Compiler find_compiler(const Config& config, const std::string& where, const host::Enclosure& system) {
    Search found = search(config, system);
    if (found.match)
        return *found.match;
    if (found.others.empty())
        refuse_missing(config, where);
    std::vector<std::string> seen;
    for (const Compiler& other : found.others)
        seen.push_back(fmt::format("{} {}", other.name, other.version));
    throw report::Refusal("compiler.mismatch", where,
                          fmt::format("the kernel was built with \"{}\"; installed: {}",
                                      config.value("CC_VERSION_TEXT"), fmt::join(seen, "; ")),
                          "install the same compiler; --skip-compiler-check goes on with the other one, and the proof "
                          "of origin will tell whether its code is the same");
}

Compiler find_any_compiler(const Config& config, const std::string& where) {
    Search found = search(config, {});
    if (found.match)
        return *found.match;
    if (found.others.empty())
        refuse_missing(config, where);
    return found.others.front();
}

} // namespace klp::kernel
