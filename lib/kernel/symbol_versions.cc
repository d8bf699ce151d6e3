#include "kernel/symbol_versions.h"

#include "files/files.h"
#include "host/process.h"

#include <charconv>
#include <sstream>
#include <utility>

namespace klp::kernel {

namespace {

host::Command preprocess_command(const Target& target, const BuildUnit& unit, const std::filesystem::path& text) {
    host::Command command{.argv = {}, .directory = target.build, .output = text};
    for (size_t at = 0; at < unit.compile.size(); ++at) {
        const std::string& word = unit.compile[at];
        if (word == "-o")
            ++at;
        else if (word != "-c" && !word.starts_with("-Wp,-M"))
            command.argv.push_back(word);
    }
    command.argv.insert(command.argv.begin() + 1, {"-E", "-D__GENKSYMS__", "-w"});
    return host::enclose(std::move(command), target.compiler.system);
}

// "#SYMVER name 0x12345678" a line.
std::map<std::string, uint32_t> parse(const std::string& text) {
    std::map<std::string, uint32_t> versions;
    std::istringstream lines(text);
    std::string mark, name, number;
    while (lines >> mark >> name >> number) {
        uint32_t version = 0;
        if (mark == "#SYMVER" && number.starts_with("0x") &&
            std::from_chars(number.data() + 2, number.data() + number.size(), version, 16).ec == std::errc())
            versions[name] = version;
    }
    return versions;
}

} // namespace

std::map<std::string, uint32_t> symbol_versions(const Target& target, const BuildUnit& unit,
                                                const std::filesystem::path& folder) {
    const std::filesystem::path tool = target.build / "scripts/genksyms/genksyms";
    if (!target.config.is_set("MODVERSIONS") || target.config.is_set("GENDWARFKSYMS") || !std::filesystem::exists(tool))
        return {};
    files::make_folder(folder);
    const std::filesystem::path text = folder / "preprocessed.i";
    if (host::run(preprocess_command(target, unit, text)).status != 0)
        return {};
    return parse(host::run(host::enclose({.argv = {tool.string()}, .directory = target.build, .input = text},
                                         target.compiler.system))
                     .output);
}

} // namespace klp::kernel
