// Linking a module by the commands that kbuild itself ran for one, without make: most of the time of `make M=` goes
// into reading makefiles.
//
// kbuild leaves beside each file the command that made it (".init.o.cmd", scripts/Kbuild.include). Those of a module
// with a name and folder of its own are taken once per kernel, name and folder are cut out, and the same commands make
// any other module. What they make was compared, byte for byte, with what kbuild made, or they are not used.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace klp::kernel {

struct Target;

// A module that is to be linked: its name, and the folder where its sources lie.
struct LinkPlace {
    std::string name; // "livepatch-fix"
    std::filesystem::path folder;
};

// The commands, in the order in which they run: what each makes ("%n.ko", where %n is the module's name), and the
// command with %n, %m (the name as C has it), %f (the folder) and %% in it.
using RecordedCommands = std::vector<std::pair<std::string, std::string>>;

// The command in the text of a .cmd file, as the shell gets it; nothing if there is none.
std::optional<std::string> command_in(std::string_view cmd_file);

// A command with name and folder cut out, and put in again.
std::string cut_out(const std::string& command, const LinkPlace& place);
std::string put_in(const std::string& pattern, const LinkPlace& place);

// Reads the commands of the module that kbuild made at `place`. Nothing if one of them is not there.
std::optional<RecordedCommands> read_commands(const LinkPlace& place);

// Runs the commands for another module, of which `place.folder` has sources, objects, what was kept (kept_objects())
// and the two lists that make would write. What they compile is taken from `recording`, the folder of the cache
// that has the commands, if it was compiled before from the same, and is kept there. Is the module there then?
bool replay(const Target& target, const RecordedCommands& commands, const LinkPlace& place,
            const std::filesystem::path& recording);

// Copies the objects that are the same for all modules of a kernel, those that are there, from one folder to another.
// Throws as files::write().
void copy_kept_objects(const std::filesystem::path& from, const std::filesystem::path& to);

// What is known of a kernel's commands, in a folder of the cache that has the kept objects as well.
struct Recording {
    bool is_stored = false;                   // otherwise nobody has looked yet
    std::optional<RecordedCommands> commands; // nothing: kbuild links modules in some other way
};
Recording read_recording(const std::filesystem::path& folder);
// Throws as files::write().
void write_recording(const std::filesystem::path& folder, const std::optional<RecordedCommands>& commands);

} // namespace klp::kernel
