#include "host/enclosure.h"

#include "report/finding.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <utility>

namespace klp::host {

namespace fs = std::filesystem;

namespace {

// Folders of usr/ that are this system's where a path of `readable` lies there.
bool belongs_to_host(const fs::path& name) {
    return name == "local" || name == "src";
}

constexpr const char* path_inside = "/usr/sbin:/usr/bin";

void add(std::vector<std::string>& argv, std::initializer_list<std::string> words) {
    argv.insert(argv.end(), words);
}

// One by one, so that paths of this system below /usr find room beside them.
void show_system(std::vector<std::string>& argv, const fs::path& root) {
    std::vector<fs::path> folders;
    for (const fs::directory_entry& entry : fs::directory_iterator(root / "usr"))
        if (!belongs_to_host(entry.path().filename()))
            folders.push_back(entry.path().filename());
    std::ranges::sort(folders);
    for (const fs::path& folder : folders)
        add(argv, {"--ro-bind", (root / "usr" / folder).string(), ("/usr" / folder).string()});
    // All of Debian's suites that are known here have these as links (usrmerge).
    for (const char* name : {"bin", "sbin", "lib", "lib64"})
        add(argv, {"--symlink", std::string("usr/") + name, std::string("/") + name});
    add(argv, {"--ro-bind", (root / "etc").string(), "/etc", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"});
}

std::vector<std::string> in_namespaces(const Command& command, const Enclosure& enclosure) {
    std::vector<std::string> argv = {"bwrap",         "--unshare-net", "--unshare-ipc",
                                     "--unshare-uts", "--unshare-pid", "--die-with-parent"};
    show_system(argv, enclosure.root);
    for (const fs::path& path : enclosure.readable)
        add(argv, {"--ro-bind", path.string(), path.string()});
    for (const fs::path& path : enclosure.writable)
        add(argv, {"--bind", path.string(), path.string()});
    add(argv, {"--setenv", "PATH", path_inside});
    if (!command.directory.empty())
        add(argv, {"--chdir", command.directory.string()});
    argv.emplace_back("--");
    return argv;
}

std::vector<std::string> traced(const Command& command, const Enclosure& enclosure) {
    const std::string folder = command.directory.empty() ? "/" : command.directory.string();
    std::vector<std::string> argv = {"proot", "-r", enclosure.root.string(), "-w", folder};
    for (const char* path : {"/proc", "/dev"})
        add(argv, {"-b", path});
    add(argv, {"-b", fs::temp_directory_path().string() + ":/tmp"});
    for (const std::vector<fs::path>* paths : {&enclosure.readable, &enclosure.writable})
        for (const fs::path& path : *paths)
            add(argv, {"-b", path.string()});
    add(argv, {"/usr/bin/env", std::string("PATH=") + path_inside});
    return argv;
}

} // namespace

Command enclose(Command command, const Enclosure& enclosure) {
    if (enclosure.root.empty())
        return command;
    const bool is_traced = enclosure.means == Enclosure::Means::tracing;
    std::vector<std::string> argv = is_traced ? traced(command, enclosure) : in_namespaces(command, enclosure);
    argv.insert(argv.end(), command.argv.begin(), command.argv.end());
    command.argv = std::move(argv);
    if (is_traced)
        command.environment["PROOT_TMP_DIR"] = fs::temp_directory_path().string();
    return command;
}

Enclosure enclosure_here(Enclosure enclosure) {
    std::vector<std::string> reasons;
    for (const auto& [means, program] :
         {std::pair(Enclosure::Means::namespaces, "bwrap"), std::pair(Enclosure::Means::tracing, "proot")}) {
        if (!find_program(program))
            continue;
        enclosure.means = means;
        const Outcome outcome = run(enclose({.argv = {"true"}}, enclosure));
        if (outcome.status == 0)
            return enclosure;
        reasons.push_back(fmt::format("{}: status {}: {}", program, outcome.status, last_lines(outcome.errors, 2)));
    }
    if (reasons.empty())
        throw report::Refusal(
            "kernel.missing-tool", "bwrap",
            "the kernel's own tools run in a system of their own, and the program for that is not there",
            "install bubblewrap; or proot, where namespaces are forbidden");
    throw report::Refusal(
        "toolchain.no-namespaces", enclosure.root.string(),
        fmt::format("the kernel's own tools cannot run in a system of their own here: {}", fmt::join(reasons, "; ")),
        "install proot, which needs no namespaces; or allow them (sysctl kernel.unprivileged_userns_clone=1; in a "
        "container, the right to make namespaces), or run where the kernel's compiler is installed");
}

} // namespace klp::host
