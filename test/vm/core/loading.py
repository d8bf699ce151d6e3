# SPDX-License-Identifier: GPL-2.0-or-later
"""The core goes into the kernel it was made for, and into no other; modules that came before it are patched like others."""

import re
import shutil

import relocs
from lab import GUEST, Workshop, boot, complaints

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
        files["/klptest.ko"] = workshop.modules("klptest", [GUEST / "klptest.c"], with_core=False)["klptest"]
        files |= relocs.module(workshop, kernel)

        with boot(kernel, files, **options) as vm:
            status, text = vm.try_run("insmod /wrong.ko")
            log = "\n".join(vm.log())
            report("refused by another kernel", status != 0 and
                   re.search(f"livepatch: made for the kernel with build id {wrong}, this one is {right}", log),
                   text + log)
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


def _kernel_log(vm, report):
    bad = complaints(vm.log())
    report("kernel log", not bad, "\n".join(bad))
