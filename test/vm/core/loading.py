# SPDX-License-Identifier: GPL-2.0-or-later
"""The core goes into the kernel it was made for, and into no other; modules that came before it are patched like others."""

import re
import shutil

import relocs
from lab import GUEST, Workshop, boot, report_log

# What the core needs of a kernel: the file that asks for it, by which name, what is asked for instead (KLPTEST_DUP stands for
# a function that vmlinux has two of; klptest_judge is one of a module), and the line that says it is not there.
NEEDED = {
    "untraceable": ("hooks.c", "detach_pid", "entry_SYSCALL_64", r"\S+ cannot be traced, cannot live patch this kernel"),
    "unknown": ("imports.c", "tasklist_lock", "nowhere", r"this kernel has no nowhere, cannot live patch it"),
    "of_a_module": ("hooks.c", "detach_pid", "klptest_judge", r"this kernel has no klptest_judge, cannot live patch it"),
    "ambiguous": ("hooks.c", "detach_pid", "KLPTEST_DUP", r"this kernel has 2 symbols \S+, cannot live patch it"),
    "no_variable": ("imports.c", "tasklist_lock", "do_task_dead",
                    r"do_task_dead is no variable of this kernel, cannot live patch it"),
    "no_function": ("hooks.c", "detach_pid", "tasklist_lock",
                    r"tasklist_lock is no function of this kernel, cannot live patch it"),
}

# Where ftrace takes an odd address for one to jump to, a core that finds its list function at one.
ODD = ("kernel/livepatch/init.c", "ftrace_is_jmp(addr)", "!ftrace_is_jmp(addr)")
ODD_LINE = r"arch_ftrace_ops_list_func is at an odd address, at which ftrace cannot call it"

PATCHED = "[ $(cat /sys/kernel/livepatch/klptest_relocs/klptest/patched) = {} ]"

# Of klptest's functions this patch replaces the inner one only, which klptest takes for a mixed view, twice a call.
CALLED = "echo 0 >/proc/klptest && grep -qx 'mixed 2' /proc/klptest"


def run(kernel, report, options):
    right = kernel.build_id()
    wrong = "0123456789abcdef" * 2 + "01234567"
    with Workshop(kernel) as workshop:
        files = {}
        for name, build_id in (("right", right), ("wrong", wrong)):
            path = workshop.folder / f"{name}.ko"
            shutil.copy(workshop.core(f"KLP_BUILD_ID={build_id}")["klp_core"], path)
            files[f"/{name}.ko"] = path
        for name, (file, symbol, other, _) in NEEDED.items():
            other = relocs.duplicate(kernel) if other == "KLPTEST_DUP" else other
            files[f"/{name}.ko"] = workshop.other_core(name, f"kernel/livepatch/{file}", f'"{symbol}"', f'"{other}"')
        if kernel.has("DYNAMIC_FTRACE_WITH_JMP"):
            files["/odd.ko"] = workshop.other_core("odd", *ODD)
        files["/klptest.ko"] = workshop.modules("klptest", [GUEST / "klptest.c"], with_core=False)["klptest"]
        files |= relocs.module(workshop, kernel)

        with boot(kernel, files, **options) as vm:
            refused(vm, report, "wrong", f"made for the kernel with build id {wrong}, this one is {right}")
            vm.run("insmod /klptest.ko")
            for name, (_, _, _, line) in NEEDED.items():
                refused(vm, report, name, line)
            if "/odd.ko" in files:
                refused(vm, report, "odd", ODD_LINE)
            status, text = vm.try_run("insmod /right.ko && [ -d /sys/kernel/livepatch ] && ! rmmod klp_core")
            report("loads, and stays", status == 0, text)
            status, text = vm.try_run(f"patch /klptest_relocs.ko && {PATCHED.format(1)} && {CALLED} && "
                                      f"rmmod klptest && {PATCHED.format(0)}")
            report("a module from before", status == 0, text)
            report_log(vm, report)

        with boot(kernel, files, **options) as vm:
            vm.run("insmod /klptest.ko linger=1 & wait_until 30 '[ -e /proc/klptest ]'")
            vm.run(f"insmod /right.ko && patch /klptest_relocs.ko && {PATCHED.format(0)}")
            status, text = vm.try_run(f"echo r >/proc/klptest && wait_until 30 '{PATCHED.format(1)}' && {CALLED} && "
                                      "unpatch klptest_relocs")
            report("a module that was just being loaded", status == 0, text)
            report_log(vm, report)


def refused(vm, report, name, line):
    """/NAME.ko is not loaded, and the core says so in one line (busybox tries twice)."""
    vm.run("dmesg -c >/dev/null")
    status, text = vm.try_run(f"insmod /{name}.ko")
    said = {re.sub(r"^\[ *[0-9.]+\] ", "", one) for one in vm.log() if "livepatch: " in one}
    report(f"refused: {name}", status != 0 and len(said) == 1 and re.search(f"livepatch: {line}$", *said),
           "\n".join([text, *said]))
