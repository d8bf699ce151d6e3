# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches come and go for a long time, under load, and leave nothing behind."""

import re

from consistency import CYCLE
from lab import report_log
from scene import hammer, report_mixed, scene

# Each cycle loads four patches: 500 on a plain kernel.
CYCLES = {"plain": 125, "debug": 5}
SLACK_KB = 2048


def run(kernel, report, options):
    cycles = CYCLES[kernel.variant]
    with scene(kernel, options) as vm:
        vm.run("insmod /klptest.ko background=1")
        vm.run(CYCLE.strip(), 300)
        before = _memory(vm)
        hammer(vm)
        status, text = vm.try_run(f"for i in $(seq {cycles}); do {CYCLE.strip()} || exit 1; done", 3000)
        report(f"{4 * cycles} patches under load", status == 0, text)
        vm.run("kill $(cat /tmp/hammer); wait_until 30 '! pidof hammer'")
        report_mixed(vm, report)
        vm.run("rmmod klptest")
        if kernel.variant == "debug":
            text = kmemleak(vm)
            report("kmemleak", not text, text)
        else:
            after = _memory(vm)
            report("memory", after - before < SLACK_KB, f"{before} kB before, {after} kB after")
        report_log(vm, report)


def _memory(vm):
    """What the kernel has allocated and cannot give back, in kB."""
    text = vm.run("sync; echo 3 >/proc/sys/vm/drop_caches; cat /proc/meminfo")
    fields = dict(re.findall(r"^(\w+): +(\d+)", text, re.MULTILINE))
    return int(fields["SUnreclaim"]) + int(fields["VmallocUsed"])


def kmemleak(vm):
    """The leaks it finds; the first scan may see what was only just freed."""
    for _ in range(2):
        vm.run("echo scan >/sys/kernel/debug/kmemleak", 600)
    return vm.run("cat /sys/kernel/debug/kmemleak")
