// What the functions of a relocatable file, a unit or a finished module, call, and with which arguments, as far as the
// instructions in front of a call tell.
#pragma once

#include "elf/object.h"
#include "verify/subject.h"

#include <array>
#include <optional>
#include <string_view>
#include <vector>

namespace klp::verify {

struct Argument {
    std::optional<uint64_t> constant;
    std::optional<Location> address; // within the module
};

struct Call {
    std::string_view callee; // of the kernel or another module: its name, as kallsyms has it
    std::array<Argument, 6> arguments;
};

struct ModuleFunction {
    std::string_view name;
    Location start;
    std::vector<Call> calls;
    std::vector<Location> refers_to; // places within the module
    std::vector<Location> runs;      // those of them that it calls or jumps to
    bool writes_memory = false;      // other than the stack's
};

class ModuleCode {
public:
    // Disassembles all of the module's code; linear in it. Arguments are known where the machine has a calling
    // convention of registers (arch::Machine::argument_number()).
    explicit ModuleCode(const elf::Object& module);

    const std::vector<ModuleFunction>& functions() const { return functions_; }
    // The function at `start` and all of the module that it leads to; none if there is no function.
    std::vector<const ModuleFunction*> reached_from(const Location& start) const;
    // The same without what is only pointed to, such as a work item's function: what runs before that at `start`
    // returns.
    std::vector<const ModuleFunction*> run_by(const Location& start) const;

    // The function that begins there, or nullptr.
    const ModuleFunction* find(const Location& place) const;

private:
    std::vector<const ModuleFunction*> follow(const Location& start,
                                              std::vector<Location> ModuleFunction::* places) const;

    std::vector<ModuleFunction> functions_; // sorted by place
};

} // namespace klp::verify
