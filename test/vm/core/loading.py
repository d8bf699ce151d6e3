# SPDX-License-Identifier: GPL-2.0-or-later
"""The core goes into the kernel it was made for, and into no other; modules that came before it are patched like others."""

import re
import shutil

import relocs
from lab import GUEST, Workshop, boot, complaints

# What the core needs of a kernel: the file that asks for it, by which name, and the line that says it is not there.
NEEDED = {
    "untraceable": ("lifetime.c", "detach_pid", r"nowhere cannot be traced, cannot live patch this kernel"),
    "unknown": ("imports.c", "tasklist_lock", r"this kernel has no nowhere, cannot live patch it"),
}

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
        for name, (file, symbol, _) in NEEDED.items():
            files[f"/{name}.ko"] = workshop.other_core(name, f"kernel/livepatch/{file}", f'"{symbol}"', '"nowhere"')
        files["/klptest.ko"] = workshop.modules("klptest", [GUEST / "klptest.c"], with_core=False)["klptest"]
        files |= relocs.module(workshop, kernel)

        with boot(kernel, files, **options) as vm:
            refused(vm, report, "wrong", f"made for the kernel with build id {wrong}, this one is {right}")
            for name, (_, _, line) in NEEDED.items():
                refused(vm, report, name, line)
            vm.run("insmod /klptest.ko")
            status, text = vm.try_run("insmod /right.ko && [ -d /sys/kernel/livepatch ] && ! rmmod klp_core")
            report("loads, and stays", status == 0, text)
            status, text = vm.try_run(f"patch /klptest_relocs.ko && {PATCHED.format(1)} && {CALLED} && "
                                      f"rmmod klptest && {PATCHED.format(0)}")
            report("a module from before", status == 0, text)
            _kernel_log(vm, report)

        with boot(kernel, files, **options) as vm:
            vm.run("insmod /klptest.ko linger=1 & wait_until 30 '[ -e /proc/klptest ]'")
            vm.run(f"insmod /right.ko && patch /klptest_relocs.ko && {PATCHED.format(0)}")
            status, text = vm.try_run(f"echo r >/proc/klptest && wait_until 30 '{PATCHED.format(1)}' && {CALLED} && "
                                      "unpatch klptest_relocs")
            report("a module that was just being loaded", status == 0, text)
            _kernel_log(vm, report)


def refused(vm, report, name, line):
    """/NAME.ko is not loaded, and the core says so in one line (busybox tries twice)."""
    vm.run("dmesg -c >/dev/null")
    status, text = vm.try_run(f"insmod /{name}.ko")
    said = {one for one in vm.log() if "livepatch: " in one}
    report(f"refused: {name}", status != 0 and len(said) == 1 and re.search(f"livepatch: {line}$", *said),
           "\n".join([text, *said]))


def _kernel_log(vm, report):
    bad = complaints(vm.log())
    report("kernel log", not bad, "\n".join(bad))
