# SPDX-License-Identifier: GPL-2.0-or-later
"""Every allocation that the core makes, or causes, fails once.

guest/failer.c lets the N-th allocation fail that is made with the core on the stack, in whatever task.
N goes up until nothing fails any more. After each failure everything must be as it was before, or
done in spite of it; in the end nothing may have leaked.
"""

import dataclasses
import re
import subprocess

import relocs
from endurance import kmemleak
from lab import GUEST, boot, guest_programs, report_log
from scene import props

# vmalloc() tells where it was called from.
PROVOKED = (r"Call Trace", r"Tainted: ")
LIMIT = 400

FUNCTIONS = """
failer=/sys/module/failer/parameters
under() { echo $1 >$failer/start; echo $(($2)) >$failer/size; }
version() { grep -q "klptest version $1" /proc/cmdline; }
gone() { [ ! -d /sys/kernel/livepatch/$1 ] && [ ! -d /sys/module/$1 ]; }
enabled() { settled $1 && [ $(cat /sys/kernel/livepatch/$1/enabled) = 1 ]; }
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
    Attempt("a patch that replaces another", PATCHED,
            "/bin/insmod /klptest_r3.ko && wait_until 90 settled klptest_r3",
            "gone klptest_r3 && version 1 && enabled klptest_v1",
            "version 3 && unpatch klptest_r3 && unload klptest_v1 && patch /klptest_v1.ko",
            UNPATCHED),
    Attempt("a patch that is disabled", PATCHED,
            "echo 0 >/sys/kernel/livepatch/klptest_v1/enabled && wait_until 90 '[ ! -d /sys/kernel/livepatch/klptest_v1 ]'",
            "version 1 && enabled klptest_v1",
            "! version 1 && unload klptest_v1 && patch /klptest_v1.ko",
            UNPATCHED),
    Attempt("a module that is patched", "patch /klptest_relocs.ko", "/bin/insmod /klptest.ko",
            "[ ! -d /sys/module/klptest ] && [ $(cat /sys/kernel/livepatch/klptest_relocs/klptest/patched) = 0 ]",
            "[ $(cat /sys/kernel/livepatch/klptest_relocs/klptest/patched) = 1 ] && rmmod klptest",
            "unpatch klptest_relocs"),
)


def run(kernel, report, options):
    sizes = []

    def more(workshop):
        sizes.append(_text_size(workshop.core_folder / "klp_core.ko"))
        failer = workshop.modules("failer", [GUEST / "failer.c"], with_core=False)["failer"]
        # busybox tries a second time, by another system call; its shell takes its own unless it is told the path.
        return relocs.module(workshop, kernel) | guest_programs(["insmod"]) | {"/failer.ko": failer}

    with props(kernel, more) as files:
        failed, left = 0, 0
        while not left:
            with boot(kernel, files, **options) as vm:
                vm.run("insmod /failer.ko")
                failed, left = _load_core(vm, failed + 1)
                if left:
                    report(f"the core is loaded: {failed} allocations failed", failed > 0)
                    _try_all(vm, report, sizes[0])
                else:
                    status, text = vm.try_run(f"{PATCHED} && {UNPATCHED}")
                    report(f"the core is loaded without allocation {failed}", status == 0, text)
                _nothing_left(vm, report)


def _try_all(vm, report, size):
    vm.run(f"{FUNCTIONS} under $(cat /sys/module/klp_core/sections/.text) {size}")
    for attempt in ATTEMPTS:
        vm.run(attempt.setup)
        _try(vm, report, attempt)
        vm.run(attempt.cleanup)


def _nothing_left(vm, report):
    text = kmemleak(vm)
    report("kmemleak", not text, text)
    report_log(vm, report, PROVOKED)


def _text_size(module):
    """Bytes of the section .text, in hexadecimal."""
    text = subprocess.run(["readelf", "-SW", module], check=True, capture_output=True, text=True).stdout
    return "0x" + re.search(r"\] \.text +PROGBITS +\w+ \w+ (\w+)", text)[1]


def _load_core(vm, first):
    """Fails the allocations of loading, from the `first`, one in each attempt, until the core is loaded.

    It cannot be unloaded: one that can do without an allocation needs another machine for the next one.
    Returns how many failed in this and earlier machines, and whether the last attempt had less allocations.
    """
    text = vm.run(f"""{FUNCTIONS}
        set -- $(grep -A 1 -w 'do_one_initcall$' /proc/kallsyms | cut -d' ' -f1)
        under 0x$1 0x$2-0x$1
        n={first}
        until echo $n >$failer/countdown; /bin/insmod /klp_core.ko 2>/dev/null; do
            [ $(cat $failer/countdown) = 0 ] || {{ echo "$n: failed by itself"; exit 1; }}
            gone klp_core && [ ! -d /sys/kernel/livepatch ] || {{ echo "$n: failed, but something is there"; exit 1; }}
            n=$((n + 1))
        done
        left=$(cat $failer/countdown)
        echo 0 >$failer/countdown
        echo $n $left""", 1200)
    number, left = map(int, text.split())
    return (number - 1, True) if left else (number, False)


def _try(vm, report, attempt):
    status, text = vm.try_run(f"""{FUNCTIONS}
        failures=0 n=0
        while [ $n -lt {LIMIT} ]; do
            n=$((n + 1))
            echo $n >$failer/countdown
            {{ {attempt.command}; }} 2>/tmp/said
            status=$?
            left=$(cat $failer/countdown)
            echo 0 >$failer/countdown
            if [ $status = 0 ]; then
                {attempt.undo} || {{ echo "$n: succeeded, cannot be undone"; exit 1; }}
                [ $left = 0 ] || break
            else
                [ $left = 0 ] || {{ echo "$n: failed by itself"; cat /tmp/said; exit 1; }}
                failures=$((failures + 1))
                {attempt.unchanged} || {{ echo "$n: failed, but something has changed"; cat /tmp/said; exit 1; }}
            fi
        done
        echo "$((n - 1)) allocations failed, $failures times the attempt with them"
        [ $left != 0 ] && [ $failures -gt 0 ]""", 5000)
    report(f"{attempt.name}: {_last_line(text)}", status == 0, text)


def _last_line(text):
    return text.strip().splitlines()[-1] if text.strip() else ""
