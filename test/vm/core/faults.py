# SPDX-License-Identifier: GPL-2.0-or-later
"""Every allocation that the core makes, or causes, fails once.

The task that loads a module is told that its N-th allocation fails, counting only those with the
core on the stack (fail-nth and the stack filter of the kernel's fault injection). N goes up until
nothing fails any more. After each failure everything must be as it was before.
"""

import dataclasses
import re
import subprocess

import relocs
from lab import complaints, guest_programs
from scene import scene

PROVOKED = (r"Call Trace", r"Tainted: ")
LIMIT = 400

# Allocations that give no warning fail silently: the end is reached after so many attempts without a message.
SILENT = 20

FILTER = """
cd /sys/kernel/debug/failslab && echo N >ignore-gfp-wait && echo 32 >stacktrace-depth &&
start=$(cat /sys/module/klp_core/sections/.text) &&
echo $start >require-start && printf '0x%x' $((start + {size})) >require-end
"""

# fail N COMMAND...: run it with the N-th allocation failing; status 9: no failure was reported.
FAIL = """
fail() {
    _n=$1; shift
    dmesg -c >/tmp/log; cat /tmp/log >>/tmp/all
    sh -c "echo $_n >/proc/self/fail-nth; $*"
    _status=$?
    [ $_status != 0 ] || dmesg | grep -q 'FAULT_INJECTION: forcing a failure' || return 9
    return $_status
}
version() { grep -q "klptest version $1" /proc/cmdline; }
gone() { [ ! -d /sys/kernel/livepatch/$1 ] && [ ! -d /sys/module/$1 ]; }
"""

@dataclasses.dataclass(frozen=True)
class Attempt:
    """
    name       for people
    setup      guest commands: what is there before
    command    what is attempted
    unchanged  what must hold when it failed
    undo       what must hold when it did not, and brings back the start
    cleanup    takes back the setup
    """

    name: str
    setup: str
    command: str
    unchanged: str
    undo: str
    cleanup: str


PATCHED = "insmod /klptest.ko && patch /klptest_v1.ko"
UNPATCHED = "unpatch klptest_v1 && rmmod klptest"

ATTEMPTS = (
    Attempt("a patch that replaces another", PATCHED, "exec /bin/insmod /klptest_r3.ko",
            "gone klptest_r3 && version 1 && [ $(cat /sys/kernel/livepatch/klptest_v1/enabled) = 1 ]",
            "wait_until 90 settled klptest_r3 && unpatch klptest_r3 && unload klptest_v1 && patch /klptest_v1.ko",
            UNPATCHED),
    Attempt("a patch that is disabled", PATCHED, "echo 0 >/sys/kernel/livepatch/klptest_v1/enabled",
            "version 1 && [ $(cat /sys/kernel/livepatch/klptest_v1/enabled) = 1 ]",
            "wait_until 90 '[ ! -d /sys/kernel/livepatch/klptest_v1 ]' && unload klptest_v1 && patch /klptest_v1.ko",
            UNPATCHED),
    Attempt("a module that is patched", "patch /klptest_relocs.ko", "exec /bin/insmod /klptest.ko",
            "[ ! -d /sys/module/klptest ] && [ $(cat /sys/kernel/livepatch/klptest_relocs/klptest/patched) = 0 ]",
            "[ $(cat /sys/kernel/livepatch/klptest_relocs/klptest/patched) = 1 ] && rmmod klptest",
            "unpatch klptest_relocs"),
)


def run(kernel, report, options):
    sizes = []

    def more(workshop):
        sizes.append(_text_size(workshop.core_folder / "klp_core.ko"))
        # busybox tries a second time, by another system call; its shell takes its own unless it is told the path.
        return relocs.module(workshop, kernel) | guest_programs(["insmod"])

    with scene(kernel, options, more) as vm:
        vm.run(FILTER.format(size=sizes[0]))
        for attempt in ATTEMPTS:
            vm.run(attempt.setup)
            _try(vm, report, attempt)
            vm.run(attempt.cleanup)
        bad = complaints(vm.run("dmesg >>/tmp/all; cat /tmp/all").splitlines(), PROVOKED)
        report("kernel log", not bad, "\n".join(bad))


def _text_size(module):
    """Bytes of the section .text, in hexadecimal."""
    text = subprocess.run(["readelf", "-SW", module], check=True, capture_output=True, text=True).stdout
    return "0x" + re.search(r"\] \.text +PROGBITS +\w+ \w+ (\w+)", text)[1]


def _try(vm, report, attempt):
    status, text = vm.try_run(f"""{FAIL}
        failures=0 silent=0 n=0
        while [ $silent -lt {SILENT} ] && [ $n -lt {LIMIT} ]; do
            n=$((n + 1))
            fail $n '{attempt.command}' 2>/dev/null
            status=$?
            if [ $status = 0 ] || [ $status = 9 ]; then
                [ $status = 9 ] && silent=$((silent + 1)) || silent=0
                {attempt.undo} || {{ echo "$n: succeeded, cannot be undone"; exit 1; }}
            else
                silent=0 failures=$((failures + 1))
                {attempt.unchanged} || {{ echo "$n: failed, but something has changed"; dmesg; exit 1; }}
            fi
        done
        echo "$((n - silent)) allocations failed, $failures times the attempt with them"
        [ $silent = {SILENT} ] && [ $failures -gt 0 ]""", 3000)
    report(f"{attempt.name}: {text.strip().splitlines()[-1] if text.strip() else ''}", status == 0, text)
