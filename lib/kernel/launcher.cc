#include "kernel/launcher.h"

#include "elf/object.h"
#include "files/files.h"
#include "host/cache.h"
#include "host/process.h"
#include "report/finding.h"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>

namespace klp::kernel {

namespace fs = std::filesystem;

namespace {

// Of a unit with nothing in it.
std::string mark_of(const Compiler& compiler) {
    const fs::path object =
        fs::temp_directory_path() / fmt::format("klp-mark-{}.o", host::fingerprint(compiler.path.string()));
    host::run_or_refuse({.argv = {compiler.path.string(), "-x", "c", "-c", "/dev/null", "-o", object.string()}},
                        "compiler.launcher", "compile an empty file");
    const std::string mark = compiler_mark_of(object);
    files::remove_tree(object);
    return mark;
}

} // namespace

Launcher find_launcher(const std::string& text, const Compiler& compiler) {
    Launcher launcher;
    std::istringstream words(text);
    for (std::string word; std::getline(words, word, ';');)
        if (!word.empty())
            launcher.words.push_back(word);
    if (launcher.words.empty())
        return launcher;
    const std::optional<fs::path> program = host::find_program(launcher.words.front());
    if (!program)
        throw report::Refusal(
            "compiler.launcher", launcher.words.front(), "there is no such program",
            "install it (ccache, distcc and icecc are packages of these names), or leave --launcher out");
    if (!compiler.system.root.empty())
        throw report::Refusal("compiler.launcher", launcher.words.front(),
                              "the kernel's compiler runs in a system of its own, which does not have this program",
                              "leave --launcher out");
    launcher.words.front() = program->string();
    launcher.compiler_mark = mark_of(compiler);
    return launcher;
}

std::string compiler_mark_of(const fs::path& object) {
    const elf::Object file = elf::Object::open(object);
    const elf::Section* comment = file.find_section(".comment");
    if (!comment)
        return {};
    const auto* text = reinterpret_cast<const char*>(comment->data.data());
    std::string mark(text, comment->data.size());
    std::erase(mark, '\0');
    return mark;
}

} // namespace klp::kernel
