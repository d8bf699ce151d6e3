#include "diff/line_arguments.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace klp::diff {

namespace {

// How far from the call its arguments are looked for, in instructions.
constexpr size_t reach = 64;
constexpr uint64_t highest_line = 1U << 20;

// Functions that take a line as one of their arguments: the name and the argument's number (from 0). The kernels that
// have it disagree about the place of the line in __ext4_journal_start_sb() (fs/ext4/ext4_jbd2.h): it is behind one
// pointer, before what is a constant as well, or behind two.
bool takes_line(const Unit& unit, const Piece& piece, const arch::Instruction& call, unsigned argument) {
    using Known = std::pair<std::string_view, unsigned>;
    constexpr std::array known{
        // include/linux/kernel.h, include/linux/rcupdate.h, include/asm-generic/bug.h, lib/dynamic_debug.c
        Known("__might_sleep", 1), Known("___might_sleep", 1), Known("__might_resched", 1), Known("__might_fault", 1),
        Known("__cant_sleep", 1), Known("__cant_migrate", 1), Known("lockdep_rcu_suspicious", 1),
        Known("warn_slowpath_fmt", 1), Known("warn_slowpath_null", 1), Known("warn_slowpath_fmt_taint", 1),
        // fs/btrfs/messages.h, fs/btrfs/transaction.h
        Known("__btrfs_panic", 2), Known("__btrfs_handle_fs_error", 2), Known("__btrfs_abort_transaction", 2),
        Known("btrfs_assertfail", 2),
        // fs/ext4/ext4.h, fs/ext4/ext4_jbd2.h
        Known("__ext4_error", 2), Known("__ext4_error_inode", 2), Known("__ext4_error_file", 2),
        Known("__ext4_std_error", 2), Known("__ext4_warning", 2), Known("__ext4_warning_inode", 2),
        Known("__ext4_grp_locked_error", 1), Known("__ext4_journal_start_sb", 1), Known("__ext4_journal_start_sb", 2),
        Known("__ext4_journal_start_reserved", 1), Known("__ext4_journal_stop", 1),
        Known("__ext4_journal_get_write_access", 1), Known("__ext4_journal_get_create_access", 1),
        Known("__ext4_forget", 1), Known("__ext4_handle_dirty_metadata", 1), Known("__ext4_iget", 4),
        Known("__ext4_check_dir_entry", 1), Known("__ext4_mark_inode_dirty", 3), Known("ext4_check_blockref", 1),
        Known("__xattr_check_inode", 4), Known("__dump_mmp_msg", 3),
        // include/acpi/acpixf.h, drivers/acpi/acpica/acutils.h, include/acpi/acoutput.h
        Known("acpi_error", 1), Known("acpi_warning", 1), Known("acpi_exception", 1), Known("acpi_bios_error", 1),
        Known("acpi_bios_warning", 1), Known("acpi_bios_exception", 1), Known("acpi_ut_predefined_warning", 1),
        Known("acpi_ut_predefined_info", 1), Known("acpi_ut_predefined_bios_error", 1),
        Known("acpi_ut_prefixed_namespace_error", 1), Known("acpi_ut_method_error", 1), Known("acpi_debug_print", 1),
        Known("acpi_debug_print_raw", 1), Known("acpi_ut_trace", 0), Known("acpi_ut_trace_ptr", 0),
        Known("acpi_ut_trace_str", 0), Known("acpi_ut_trace_u32", 0), Known("acpi_ut_exit", 0),
        Known("acpi_ut_status_exit", 0), Known("acpi_ut_value_exit", 0), Known("acpi_ut_ptr_exit", 0),
        Known("acpi_ut_str_exit", 0),
        // fs/xfs/xfs_linux.h, fs/xfs/xfs_error.h
        Known("assfail", 3), Known("asswarn", 3), Known("xfs_error_report", 4), Known("xfs_corruption_error", 6)};
    for (const elf::Relocation& relocation : unit.relocations(piece.section, call.offset, call.offset + call.size))
        for (auto [name, number] : known)
            if (number == argument && unit.object().symbol(relocation.symbol).name == name)
                return true;
    return false;
}

// The call that follows `at`, or the end of `code`.
size_t next_call(const Unit& unit, const Piece& piece, const Instructions& code, size_t at) {
    size_t end = std::min(code.size(), at + reach);
    while (at < end && !unit.leaves(piece, code[at]))
        ++at;
    return at < end ? at : code.size();
}

// The number of the argument that the instruction at `at` gives to the call at `call`.
std::optional<unsigned> argument_given(const Unit& unit, const Instructions& code, size_t at, size_t call) {
    const arch::Machine& machine = unit.machine();
    if (!machine.pushes_argument(code[at]))
        return machine.argument_number(code[at].first_register);
    unsigned number = machine.stack_arguments_from();
    for (size_t later = at + 1; later < call; ++later)
        number += machine.pushes_argument(code[later]) ? 1 : 0;
    return number;
}

// The register of argument `number` is an operand.
bool mentions(const arch::Machine& machine, const arch::Instruction& instruction, unsigned number) {
    const auto is_it = [&](unsigned one) { return machine.argument_number(machine.register_name(one)) == number; };
    return std::ranges::any_of(instruction.read_registers, is_it) ||
           std::ranges::any_of(instruction.written_registers, is_it) ||
           std::ranges::any_of(instruction.address_registers, is_it);
}

// Follows the flow from behind `at`, which loads argument `number`: true if it gets to calls that take a line there,
// and nothing else looks at the argument.
bool only_line_takers_see(const Unit& unit, const Piece& piece, const Instructions& code, size_t at, unsigned number) {
    const arch::Machine& machine = unit.machine();
    std::vector<size_t> open{at + 1};
    std::vector<bool> seen(code.size(), false);
    bool is_taken = false;
    auto go = [&](size_t next) {
        if (next < code.size() && !seen[next])
            open.push_back(next);
    };
    while (!open.empty()) {
        const size_t here = open.back();
        open.pop_back();
        if (here >= code.size() || seen[here])
            continue;
        seen[here] = true;
        const arch::Instruction& instruction = code[here];
        if (returns_through_thunk(unit, piece, instruction))
            continue;
        if (unit.leaves(piece, instruction)) {
            if (!takes_line(unit, piece, instruction, number))
                return false;
            is_taken = true;
            continue;
        }
        const bool is_mentioned = mentions(machine, instruction, number);
        if (is_mentioned && !machine.loaded_constant(instruction))
            return false;
        if (is_mentioned)
            continue; // another value from here on
        if (instruction.is_branch) {
            auto target = std::ranges::lower_bound(code, instruction.branch_target.value_or(UINT64_MAX), {},
                                                   &arch::Instruction::offset);
            if (target == code.end() || target->offset != *instruction.branch_target)
                return false;
            go(static_cast<size_t>(target - code.begin()));
        }
        if (!instruction.ends_flow)
            go(here + 1);
    }
    return is_taken;
}

// __ext4_journal_start_sb(sb, line, type, ...): a constant type has a line before it, where another kernel's
// __ext4_journal_start_sb(inode, sb, line, ...) has a pointer.
bool follows_line(const Unit& unit, const Piece& piece, const Instructions& code, size_t at, size_t call) {
    const arch::Machine& machine = unit.machine();
    const auto is_ext4 = [&](const elf::Relocation& relocation) {
        return unit.object().symbol(relocation.symbol).name == "__ext4_journal_start_sb";
    };
    const auto loads_line = [&](const arch::Instruction& it) {
        return machine.argument_number(it.first_register) == 1U && machine.loaded_constant(it);
    };
    if (call == code.size() || machine.argument_number(code[at].first_register) != 2U)
        return false;
    const auto first = code.begin() + static_cast<std::ptrdiff_t>(at > reach ? at - reach : 0);
    return std::ranges::any_of(unit.relocations(piece.section, code[call].offset, code[call].offset + code[call].size),
                               is_ext4) &&
           std::any_of(first, code.begin() + static_cast<std::ptrdiff_t>(call), loads_line);
}

// Nothing between looks at the register that the instruction at `at` loads, nor gives it another value.
bool is_left_alone(const Unit& unit, const Instructions& code, size_t at, size_t call, unsigned number) {
    const arch::Machine& machine = unit.machine();
    return machine.pushes_argument(code[at]) ||
           std::none_of(code.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                        code.begin() + static_cast<std::ptrdiff_t>(call),
                        [&](const arch::Instruction& between) { return mentions(machine, between, number); });
}

// Debug data knows where the instruction, or the call, comes from: is the constant that line? Of a statement of several
// lines compilers take the last one for __LINE__, debug data the first.
bool is_own_line(const Piece& piece, uint64_t constant, const arch::Instruction& load, const arch::Instruction& call,
                 arch::DebugLines& lines) {
    constexpr uint64_t longest_statement = 8;
    bool is_known = false;
    for (const arch::Instruction* instruction : {&load, &call})
        for (const arch::Frame& frame : lines.frames(piece.section, instruction->offset)) {
            is_known = is_known || frame.line != 0;
            if (frame.line != 0 && constant >= frame.line && constant - frame.line < longest_statement)
                return true;
        }
    return !is_known;
}

} // namespace

bool is_line_argument(const Unit& unit, const Piece& piece, const Instructions& code, size_t at,
                      arch::DebugLines& lines) {
    auto constant = unit.machine().loaded_constant(code[at]);
    if (!constant || *constant == 0 || *constant > highest_line)
        return false;
    const size_t call = next_call(unit, piece, code, at + 1);
    const arch::Instruction& taker = call < code.size() ? code[call] : code[at];
    if (!is_own_line(piece, *constant, code[at], taker, lines) || follows_line(unit, piece, code, at, call))
        return false;
    if (auto own = unit.machine().argument_number(code[at].first_register);
        own && only_line_takers_see(unit, piece, code, at, *own))
        return true;
    if (call == code.size())
        return false;
    auto number = argument_given(unit, code, at, call);
    return number && takes_line(unit, piece, code[call], *number) && is_left_alone(unit, code, at, call, *number);
}

} // namespace klp::diff
