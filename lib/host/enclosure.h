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
};

// The command that runs `command` there: with bubblewrap, without a network, in namespaces of its own (bwrap(1)). Ends
// and prints as `command` does.
Command enclose(Command command, const Enclosure& enclosure);

// Can commands be enclosed here? Throws report::Refusal "toolchain.no-namespaces" with the reason if not.
void require_enclosing(const Enclosure& enclosure);

} // namespace klp::host
