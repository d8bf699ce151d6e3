// A system of its own in a folder: for commands that need other programs and libraries than this system has.
#pragma once

#include "host/process.h"

#include <filesystem>
#include <string>
#include <vector>

namespace klp::host {

struct Enclosure {
    std::filesystem::path root; // holds usr/ and etc/ of that system; empty: none, commands run in this one
    // Of this system, under their own names: what may be written to and what may be read. Nothing else is seen inside.
    std::vector<std::filesystem::path> writable;
    std::vector<std::filesystem::path> readable;

    // How. Namespaces keep the network out and what is only to be read from being written to. Tracing needs no right
    // but that to trace one's own children, which an unprivileged container has, and keeps neither.
    enum class Means { namespaces, tracing };
    Means means = Means::namespaces;
};

// The command that runs `command` there, by bwrap(1) or proot(1). Ends and prints as `command` does.
Command enclose(Command command, const Enclosure& enclosure);

// The enclosure by the better one of the means that work here, which is tried. Throws report::Refusal
// "kernel.missing-tool" if neither program is there, and "toolchain.no-namespaces" with the reason if neither works.
Enclosure enclosure_here(Enclosure enclosure);

} // namespace klp::host
