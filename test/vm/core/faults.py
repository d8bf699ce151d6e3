# SPDX-License-Identifier: GPL-2.0-or-later
"""Every allocation that the core makes, or causes, fails once.

The task that loads a module is told that its N-th allocation fails, counting only those with the
core on the stack (fail-nth and the stack filter of the kernel's fault injection). N goes up until
nothing fails any more. After each failure everything must be as it was before.
"""

from lab import complaints
from scene import scene

PROVOKED = (r"Call Trace", r"Tainted: ")
LIMIT = 400

FILTER = """
cd /sys/kernel/debug/failslab && echo N >ignore-gfp-wait && echo 32 >stacktrace-depth &&
start=$(cat /sys/module/klp_core/sections/.text) &&
printf '%d' $start >require-start && printf '%d' $((start + 0x8000)) >require-end
"""

# fail N COMMAND...: run it with the N-th allocation failing; status 9: nothing failed.
FAIL = """
fail() {
    _n=$1; shift
    dmesg -c >/tmp/log; cat /tmp/log >>/tmp/all
    sh -c "echo $_n >/proc/self/fail-nth; $*"
    _status=$?
    dmesg | grep -q 'FAULT_INJECTION: forcing a failure' || return 9
    return $_status
}
version() { grep -q "klptest version $1" /proc/cmdline; }
gone() { [ ! -d /sys/kernel/livepatch/$1 ] && [ ! -d /sys/module/$1 ]; }
"""

# What is attempted, what must hold when it failed, what brings back the start when it did not.
ATTEMPTS = {
    "a patch that replaces another": (
        "exec insmod /klptest_r3.ko",
        "gone klptest_r3 && version 1 && [ $(cat /sys/kernel/livepatch/klptest_v1/enabled) = 1 ]",
        "wait_until 90 settled klptest_r3 && unpatch klptest_r3 && unload klptest_v1 && patch /klptest_v1.ko"),
    "a module that is patched": (
        "exec insmod /klptest.ko",
        "[ ! -d /sys/module/klptest ] && [ $(cat /sys/kernel/livepatch/klptest_v1/klptest/patched) = 0 ]",
        "[ $(cat /sys/kernel/livepatch/klptest_v1/klptest/patched) = 1 ] && rmmod klptest"),
    "a patch that is disabled": (
        "echo 0 >/sys/kernel/livepatch/klptest_v1/enabled",
        "version 1 && [ $(cat /sys/kernel/livepatch/klptest_v1/enabled) = 1 ]",
        "wait_until 90 [ ! -d /sys/kernel/livepatch/klptest_v1 ] && unload klptest_v1 && patch /klptest_v1.ko"),
}


def run(kernel, report, options):
    with scene(kernel, options) as vm:
        vm.run(FILTER)
        vm.run("patch /klptest_v1.ko")
        for name, (command, unchanged, undo) in ATTEMPTS.items():
            if name == "a patch that replaces another":
                vm.run("insmod /klptest.ko")
            _attempt(vm, report, name, command, unchanged, undo)
            vm.try_run("[ ! -d /sys/module/klptest ] || rmmod klptest")
        vm.run("unpatch klptest_v1")
        bad = complaints(vm.run("dmesg >>/tmp/all; cat /tmp/all").splitlines(), PROVOKED)
        report("kernel log", not bad, "\n".join(bad))


def _attempt(vm, report, name, command, unchanged, undo):
    status, text = vm.try_run(f"""{FAIL}
        failures=0
        for n in $(seq {LIMIT}); do
            fail $n '{command}' 2>/dev/null
            status=$?
            if [ $status = 0 ] || [ $status = 9 ]; then
                {undo} || {{ echo "$n: succeeded, cannot be undone"; exit 1; }}
                [ $status = 0 ] || break
            else
                failures=$((failures + 1))
                {unchanged} || {{ echo "$n: failed, but something has changed"; dmesg; exit 1; }}
            fi
        done
        echo "$((n - 1)) allocations failed, $failures times the attempt with them"
        [ $status = 9 ] && [ $failures -gt 0 ]""", 3000)
    report(f"{name}: {text.strip().splitlines()[-1] if text.strip() else ''}", status == 0, text)
