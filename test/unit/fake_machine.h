// A machine's /sys, /proc, /run and /var as files in a folder, for the tests of livepatch and store.
#pragma once

#include "compile.h"
#include "livepatch/system.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace klp::test {

class FakeMachine {
public:
    livepatch::System system() const { return livepatch::System(folder_.path()); }
    std::filesystem::path path(const std::string& absolute) const { return folder_.path() / absolute.substr(1); }

    void write(const std::string& absolute, const std::string& text) const {
        std::filesystem::create_directories(path(absolute).parent_path());
        std::ofstream(path(absolute)) << text;
    }
    void remove(const std::string& absolute) const { std::filesystem::remove_all(path(absolute)); }

    void kernel(const std::string& release, const std::string& boot = "boot-1") const {
        write("/proc/sys/kernel/osrelease", release + "\n");
        write("/proc/sys/kernel/random/boot_id", boot + "\n");
        write("/sys/kernel/notes", note('\xab'));
    }
    // The build id that kernel() gives: 20 bytes of 0xab.
    static std::string kernel_build_id() {
        std::string id;
        for (int byte = 0; byte < 20; ++byte)
            id += "ab";
        return id;
    }
    // A module that is loaded, with a build id of 20 such bytes.
    void module(const std::string& name, char id_byte = '\x01') const {
        write("/sys/module/" + name + "/initstate", "live\n");
        write("/sys/module/" + name + "/taint", "OEK\n");
        write("/sys/module/" + name + "/notes/.note.gnu.build-id", note(id_byte));
    }
    // Its patch of vmlinux's functions ("NAME,SYMPOS").
    void patch(const std::string& name, bool enabled, bool transition,
               const std::vector<std::string>& functions) const {
        module(name);
        const std::string folder = "/sys/kernel/livepatch/" + name;
        write(folder + "/enabled", enabled ? "1\n" : "0\n");
        write(folder + "/transition", transition ? "1\n" : "0\n");
        write(folder + "/vmlinux/patched", "1\n");
        for (const std::string& function : functions)
            std::filesystem::create_directories(path(folder + "/vmlinux/" + function));
    }
    void task(int process, int thread, const std::string& name, const std::string& patch_state,
              const std::vector<std::string>& stack) const {
        const std::string folder = "/proc/" + std::to_string(process) + "/task/" + std::to_string(thread);
        write(folder + "/comm", name + "\n");
        write(folder + "/patch_state", patch_state + "\n");
        std::string lines;
        for (const std::string& function : stack)
            lines += "[<0>] " + function + "+0x12/0x340\n";
        write(folder + "/stack", lines);
    }

    // The note that ld --build-id makes: sizes 4 and 20, NT_GNU_BUILD_ID, "GNU".
    static std::string note(char id_byte) {
        std::string note("\4\0\0\0\24\0\0\0\3\0\0\0GNU\0", 16);
        return note + std::string(20, id_byte);
    }

private:
    ScratchDirectory folder_;
};

} // namespace klp::test
