# SPDX-License-Identifier: GPL-2.0-or-later
"""The cost of the core, measured against the kernel's own on the same kernel."""

import re

from lab import Kernel
from scene import scene

SLEEPERS = 2000
ROUNDS = 7
LIMIT = 1.1


def run(kernel, report, options):
    options = options | {"append": "printk.time=1"}
    ours = _measure(kernel, options)
    theirs = _measure(Kernel(kernel.source, "livepatch"), options)
    for what, unit in (("call", "ns"), ("transition", "ms")):
        ratio = ours[what] / theirs[what]
        report(f"{what}: {ours[what]:.2f} {unit}, the kernel's own {theirs[what]:.2f} {unit}, ratio {ratio:.2f}",
               ratio <= LIMIT)


def _measure(kernel, options):
    """The best of several rounds: whatever disturbs makes it slower."""
    with scene(kernel, options) as vm:
        vm.run("insmod /klptest.ko")
        vm.run(f"ulimit -u unlimited; /hammer sleep {SLEEPERS} >/tmp/ready & wait_until 120 grep -q ready /tmp/ready", 200)
        for _ in range(ROUNDS):
            vm.run("patch /klptest_v1.ko && unpatch klptest_v1")
        transition = min(_transitions(vm.log()))
        vm.run("patch /klptest_v1.ko")
        for _ in range(ROUNDS):
            vm.run("echo t >/proc/klptest")
        calls = [int(ns) for ns in re.findall(r"klptest: (\d+) ns", "\n".join(vm.log()))]
        return {"call": min(calls) / 1e6, "transition": transition * 1e3}


def _transitions(log):
    """Seconds from the start of each patching transition to its end."""
    start = None
    for line in log:
        match = re.match(r"\[ *([\d.]+)\] livepatch: 'klptest_v1': (starting patching|patching complete)", line)
        if match and match[2] == "starting patching":
            start = float(match[1])
        elif match:
            yield float(match[1]) - start
