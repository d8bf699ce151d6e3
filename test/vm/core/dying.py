# SPDX-License-Identifier: GPL-2.0-or-later
"""A thread that has left the task list and takes long to die: it blocks a transition, is named, and does not outlast `force`."""

import re

from consistency import BLOCK, GO_ON, STUCK
from lab import report_log
from scene import scene

SPARE = '#include <linux/module.h>\nMODULE_LICENSE("GPL");\nMODULE_DESCRIPTION("nothing");\n'
BLOCKERS = "/sys/kernel/livepatch/klptest_v1/blockers"


def run(kernel, report, options):
    def spare(workshop):
        return {"/spare.ko": workshop.modules("spare", {"spare": SPARE}, with_core=False)["spare"]}

    with scene(kernel, options, spare) as vm:
        vm.run("insmod /klptest.ko")
        _blocks(vm, report)
        _forced(vm, report)
        _next(vm, report)
        report_log(vm, report)


def _blocks(vm, report):
    """All but one are patched; a thread that exits then keeps the transition from being reversed."""
    vm.run(BLOCK)
    vm.run("insmod /klptest_v1.ko")
    vm.wait_until(f"[ $(wc -l <{BLOCKERS}) = 1 ]")
    vm.run(f"{STUCK} && echo d >/proc/klptest && sleep 1 && echo 0 >/sys/kernel/livepatch/klptest_v1/enabled; {GO_ON}")
    status, text = vm.try_run(f"wait_until 30 '! grep -q klptest_outer {BLOCKERS}'; sleep 2; {STUCK} && cat {BLOCKERS}")
    lines = [line for line in text.splitlines() if line]
    report("the dying are named", status == 0 and len(lines) == 1 and
           re.fullmatch(r"\d+ klptest_mayfly \[exiting\]", lines[0]), text)


def _forced(vm, report):
    status, text = vm.try_run("echo 1 >/sys/kernel/livepatch/klptest_v1/force && "
                              "wait_until 30 '[ ! -d /sys/kernel/livepatch/klptest_v1 ]'")
    report("the transition is forced", status == 0, text)


def _next(vm, report):
    """The next patch waits for it, and no other module for the patch; in the end the patch is refused."""
    status, text = vm.try_run("dmesg -c >/dev/null; insmod /klptest_v2.ko 2>/dev/null & sleep 1; "
                              "insmod /spare.ko && rmmod spare && ! dmesg | grep 'do not exit' && ! wait $!", 90)
    log = "\n".join(vm.log())
    report("modules come and go while a patch waits", status == 0, text + log)
    report("the patch is refused", "livepatch: tasks of the last transition do not exit, try again later" in log, log)
    status, text = vm.try_run("echo f >/proc/klptest; patch /klptest_v2.ko && unpatch klptest_v2")
    report("when the thread is dead, all is well", status == 0, text)
