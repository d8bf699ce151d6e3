# SPDX-License-Identifier: GPL-2.0-or-later
"""Others that are at the same functions, or never leave the kernel, on kernels that have more than the smallest: BPF programs, workers of vhost."""

from company import TRACING, UNTRACE, all_along, trace
from lab import GUEST, report_log
from scene import report_mixed, scene

NOT_EMPTY = "echo a >/proc/klptest 2>/tmp/answer; grep -q 'not empty' /tmp/answer"


def run(kernel, report, options):
    def more(workshop):
        return {"/programs.o": workshop.bpf(GUEST / "programs.bpf.c"), "/vhost": workshop.program(GUEST / "vhost.c"),
                **workshop.dynamic_program(GUEST / "attach.c", "bpf")}

    with scene(kernel, options, more) as vm:
        vm.run(f"mount -t tracefs nodev {TRACING}; insmod /klptest.ko background=1; echo 1 >/proc/sys/kernel/bpf_stats_enabled")
        _answers(vm, report)
        for program in ("fentry", "fexit"):
            _counted(vm, report, program)
        _kept_from_running(vm, report)
        _both(vm, report)
        _worker(vm, report)
        report_mixed(vm, report)
        report_log(vm, report)


def _attach(program):
    return (f"/attach /programs.o {program} >/tmp/ready & echo $! >/tmp/attached; "
            "wait_until 60 grep -q ready /tmp/ready")


DETACH = "kill $(cat /tmp/attached); wait_until 60 '! kill -0 $(cat /tmp/attached) 2>/dev/null'; rm /tmp/ready"
RUNS = "runs() { cat /proc/$(cat /tmp/attached)/fdinfo/* | sed -n 's/^run_cnt:[[:space:]]*//p'; }"
COUNTS = f"{{ {RUNS}; was=$(runs) && cat /proc/cmdline >/dev/null && [ $(runs) -gt $was ]; }}"


def _answers(vm, report):
    """Without anybody else: the function says what its version says."""
    status, text = vm.try_run("echo a >/proc/klptest && patch /klptest_v1.ko && ! echo a >/proc/klptest && unpatch klptest_v1 && "
                              "echo a >/proc/klptest")
    report("the function that may be kept from running is patched", status == 0, text)


def _counted(vm, report, program):
    failed = all_along(vm, _attach(program), COUNTS, DETACH)
    report(f"a BPF program of kind {program} is at a patched function", not failed, "\n".join(failed))


def _kept_from_running(vm, report):
    """It decides what the function returns; the function is not run, whichever version it would be."""
    failed = all_along(vm, _attach("fmod_ret"), NOT_EMPTY, DETACH)
    report("a BPF program of kind fmod_ret is at a patched function", not failed, "\n".join(failed))


def _both(vm, report):
    """A program and the function tracer, and a patch under both."""
    status, text = vm.try_run(f"{_attach('fexit')} && {trace('function', 'cmdline_proc_show')} && patch /klptest_v1.ko && {COUNTS} && "
                              "grep -qx 'klptest version 1' /proc/cmdline && unpatch klptest_v1 && "
                              f"{COUNTS} && ! grep -q klptest /proc/cmdline; status=$?; {DETACH}; {UNTRACE}; exit $status")
    report("a BPF program and a tracer are at a patched function", status == 0, text)


def _worker(vm, report):
    """A worker of vhost never goes to user space, and is switched."""
    status, text = vm.try_run("/vhost >/tmp/ready & owner=$!; wait_until 60 grep -q ready /tmp/ready && "
                              "cat /proc/$owner/task/*/comm /proc/[0-9]*/comm | grep -q '^vhost-' && "
                              "patch /klptest_v1.ko && unpatch klptest_v1; status=$?; kill $owner; exit $status")
    report("a worker of vhost is switched", status == 0, text)
