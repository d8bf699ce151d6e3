# SPDX-License-Identifier: GPL-2.0-or-later
"""No task ever sees two patches mixed, whatever happens to the transition."""

from lab import report_log
from scene import hammer, has_core, report_mixed, scene

CYCLES = 5

# Stack, replace twice, revert; every module goes again.
CYCLE = """
patch /klptest_v1.ko && patch /klptest_v2.ko && patch /klptest_r3.ko &&
unload klptest_v1 && unload klptest_v2 && patch /klptest_r4.ko && unload klptest_r3 &&
unpatch klptest_r4 && [ -z "$(ls /sys/kernel/livepatch)" ]
"""

# A process that sleeps inside of klptest_outer() until it is told to go on, or until it is signaled.
SLEEP = ("echo b >/proc/klptest; (echo {mode} >/proc/klptest) & "
         "wait_until 60 grep -q klptest_judge /proc/$!/stack")
BLOCK = SLEEP.format(mode=5)
PAUSE = SLEEP.format(mode=6)
STUCK = "[ $(cat /sys/kernel/livepatch/klptest_v1/transition) = 1 ]"
GO_ON = "echo r >/proc/klptest"


def run(kernel, report, options):
    with scene(kernel, options) as vm:
        vm.run("insmod /klptest.ko background=1")
        _any_order(vm, report)
        if has_core(kernel):  # the kernel's own names nobody, and does not see who is in a cold part
            _named(vm, report)
            _blocked_aside(vm, report)
        _blocked(vm, report)
        _kept(vm, report)
        hammer(vm)
        status, text = vm.try_run(f"for i in $(seq {CYCLES}); do {CYCLE.strip()} || exit 1; done", 1800)
        report(f"{CYCLES} cycles under load", status == 0, text)
        _obstinate(vm, report)
        _reversed_under_load(vm, report)
        found = report_mixed(vm, report)
        report("every version was called",
               all(found[f"calls{version}"] > 0 for version in range(5)), str(found))
        report("an NMI handler called them", found["nmis"] > 0, str(found))
        vm.run("kill $(cat /tmp/hammer)")
        _forced(vm, report)
        report_log(vm, report)


def _any_order(vm, report):
    """A function is patched twice; the older patch goes first, then the newer one."""
    version = "grep -qx 'klptest version {}' /proc/cmdline"
    for first, second, left in (("v1", "v2", 2), ("v2", "v1", 1)):
        status, text = vm.try_run(f"patch /klptest_v1.ko && patch /klptest_v2.ko && {version.format(2)} && "
                                  f"unpatch klptest_{first} && {version.format(left)} && "
                                  f"unpatch klptest_{second} && ! grep klptest /proc/cmdline")
        report(f"{first} goes before {second}", status == 0, text)


def _named(vm, report):
    """Who sleeps inside of a patched function is named."""
    vm.run(BLOCK)
    vm.run("insmod /klptest_v1.ko")
    # Everybody else is switched within a second or so, and it is named.
    vm.wait_until("[ $(wc -l </sys/kernel/livepatch/klptest_v1/blockers) = 1 ]")
    text = vm.run("cat /sys/kernel/livepatch/klptest_v1/blockers")
    report("a blocker is named", text.strip().endswith("klptest_outer"), text)
    vm.run(f"{GO_ON}; wait_until 30 settled klptest_v1 && unpatch klptest_v1")

    vm.run("echo b >/proc/klptest; (printf 'x\\ny' >/proc/self/comm; echo 5 >/proc/klptest) & "
           "wait_until 60 grep -q klptest_judge /proc/$!/stack")
    vm.run("insmod /klptest_v1.ko")
    status, text = vm.try_run("wait_until 60 \"grep -q '^[0-9]* x.ny klptest_outer$' "
                              "/sys/kernel/livepatch/klptest_v1/blockers\" && unpatch klptest_v1")
    report("a name with a line break takes no line of its own", status == 0, text)
    vm.run(GO_ON)


def _blocked(vm, report):
    """What can be done about a task that sleeps inside of a patched function."""
    vm.run(BLOCK)
    status, text = vm.try_run(f"insmod /klptest_v1.ko && {STUCK} && unpatch klptest_v1")
    report("a stuck transition is reversed", status == 0, text)
    vm.run(GO_ON)

    vm.run(BLOCK)
    status, text = vm.try_run(f"insmod /klptest_v1.ko && {STUCK} && {GO_ON} && "
                              "wait_until 30 settled klptest_v1 && unpatch klptest_v1")
    report("a transition ends when the blocker returns", status == 0, text)

    vm.run(PAUSE)
    status, text = vm.try_run("dmesg -c >/dev/null; patch /klptest_v1.ko && "
                              "dmesg | grep -q 'livepatch: signaling remaining tasks' && unpatch klptest_v1")
    report("a blocker gets a fake signal", status == 0, text)
    vm.run(GO_ON)


def _blocked_aside(vm, report):
    """A task that sleeps where the compiler has put what a patched function seldom does."""
    vm.run("echo b >/proc/klptest; (echo s >/proc/klptest) & wait_until 60 grep -q klptest_seldom.cold /proc/$!/stack")
    status, text = vm.try_run(
        "insmod /klptest_v1.ko && wait_until 60 grep -q klptest_seldom$ /sys/kernel/livepatch/klptest_v1/blockers && "
        f"{STUCK} && {GO_ON} && wait_until 30 settled klptest_v1 && unpatch klptest_v1")
    report("a blocker in the cold part of a function", status == 0, text)
    vm.try_run(GO_ON)


def _kept(vm, report):
    """A task dies in a transition, and somebody keeps a reference to it."""
    vm.run(BLOCK)
    status, text = vm.try_run(
        f"insmod /klptest_v1.ko && {STUCK} && sh -c 'echo k >/proc/klptest' && {GO_ON} && "
        "wait_until 30 settled klptest_v1 && unpatch klptest_v1 && patch /klptest_v2.ko && unpatch klptest_v2")
    report("the dead hold nobody up", status == 0, text)
    vm.try_run(f"{GO_ON}; echo l >/proc/klptest; unpatch klptest_v1; unpatch klptest_v2")


def _obstinate(vm, report):
    """A busy kernel thread that is always met inside of a patched function."""
    status, text = vm.try_run("echo 1 >/sys/module/klptest/parameters/obstinate; "
                              "patch /klptest_v1.ko && unpatch klptest_v1; status=$?; "
                              "echo 0 >/sys/module/klptest/parameters/obstinate; exit $status", 300)
    report("a busy kernel thread is switched", status == 0, text)


def _reversed_under_load(vm, report):
    """Turn round as often as possible while tasks are being switched."""
    status, text = vm.try_run("""
        for i in $(seq 10); do
            insmod /klptest_v2.ko || exit 1
            for j in $(seq 7); do echo $((j % 2)) >/sys/kernel/livepatch/klptest_v2/enabled; done 2>/dev/null
            [ "$(cat /sys/kernel/livepatch/klptest_v2/enabled 2>/dev/null)" != 1 ] ||
                { wait_until 90 settled klptest_v2; echo 0 >/sys/kernel/livepatch/klptest_v2/enabled; }
            wait_until 90 '[ ! -d /sys/kernel/livepatch/klptest_v2 ]' && unload klptest_v2 || exit 1
        done""", 900)
    report("reversed under load", status == 0, text)


def _forced(vm, report):
    """The administrator ends it; the replaced module has to stay for ever."""
    vm.run("patch /klptest_v1.ko")
    vm.run(BLOCK)
    status, text = vm.try_run(
        "insmod /klptest_r3.ko && [ $(cat /sys/kernel/livepatch/klptest_r3/transition) = 1 ] && "
        "echo 1 >/sys/kernel/livepatch/klptest_r3/force && wait_until 30 settled klptest_r3 && "
        "wait_until 30 '[ ! -d /sys/kernel/livepatch/klptest_v1 ]' && ! rmmod klptest_v1 2>/dev/null")
    report("a transition is forced", status == 0, text)
    vm.run(GO_ON)
    vm.run("unpatch klptest_r3")
