# SPDX-License-Identifier: GPL-2.0-or-later
"""Others at the same functions (tracers, probes), and what happens to tasks and processors in the midst of a transition."""

import contextlib

from consistency import BLOCK, GO_ON, PAUSE, STUCK
from lab import GUEST, report_log
from scene import hammer, report_mixed, scene

TRACING = "/sys/kernel/tracing"
# New processes are of the state of the shell, which is switched within a second.
ORIGINAL = "wait_until 60 '! grep -q klptest /proc/cmdline'"
PATCHED = "wait_until 60 \"grep -qx 'klptest version 1' /proc/cmdline\""
BLOCKERS = "/sys/kernel/livepatch/klptest_v1/blockers"
FREEZE = "echo freezer >/sys/power/pm_test && echo freeze >/sys/power/state && echo none >/sys/power/pm_test"


def run(kernel, report, options):
    def more(workshop):
        prober = workshop.modules("prober", [GUEST / "prober.c"], with_core=False)["prober"]
        return {"/prober.ko": prober, "/ring": workshop.program(GUEST / "ring.c"),
                "/thread_exec": workshop.program(GUEST / "thread_exec.c")}

    with scene(kernel, options, more) as vm:
        vm.run(f"mount -t tracefs nodev {TRACING}; insmod /klptest.ko background=1")
        for tracer in ("function", "function_graph"):
            _traced(vm, report, tracer)
        _blocked_in_graph(vm, report)
        _probed(vm, report)
        # Behind the call of ftrace, which comes after the mark for indirect branches where there is one.
        inside = next(f"p:probed cmdline_proc_show+{offset}" for offset in (9, 5)
                      if not vm.try_run(f"echo 'p:probed cmdline_proc_show+{offset}' >{TRACING}/dynamic_events")[0])
        for event in (inside, "r:probed cmdline_proc_show", "f:probed cmdline_proc_show%return"):
            vm.run(f"echo >{TRACING}/dynamic_events")
            _probed_by_event(vm, report, event)
        _steered(vm, report)
        _worker(vm, report)
        _became_another(vm, report)
        _frozen(vm, report)
        _unplugged(vm, report)
        report_mixed(vm, report)
        report_log(vm, report)


def all_along(vm, act, see, away):
    """Do `act` before, in and after a transition, and `see` from there to the end of it all; `away` undoes it. Returns
    what failed."""
    failed = []

    def must(when, command):
        status, text = vm.try_run(command)
        if status:
            failed.append(f"{when}: {text}")

    def see_it(when, behaviour):
        must(when, f"{behaviour} && {{ {see}; }}")

    steps = [("before", ORIGINAL, f"{BLOCK}"),
             ("in the transition", PATCHED, f"{STUCK} && {GO_ON} && wait_until 60 settled klptest_v1"),
             ("after it", PATCHED, f"{BLOCK}"),
             ("on the way back", ORIGINAL, f"{STUCK} && {GO_ON} && wait_until 60 '[ ! -d /sys/kernel/livepatch/klptest_v1 ]'"),
             ("at the end", ORIGINAL, "rmmod klptest_v1")]
    load = {"before": "insmod /klptest_v1.ko", "after it": "echo 0 >/sys/kernel/livepatch/klptest_v1/enabled"}
    for begin in ("before", "in the transition", "after it"):
        is_there = False
        for when, behaviour, then in steps:
            if when == begin:
                must(f"begun {begin}", act)
                is_there = True
            if is_there:
                see_it(f"begun {begin}, seen {when}", behaviour)
            must(f"{when}, going on", then)
            if when in load:
                must(f"{when}, going on", load[when])
        must("taken away", away)
    return failed


def trace(tracer, functions):
    return (f"cd {TRACING} && echo {functions} >set_ftrace_filter && echo {tracer} >current_tracer && echo 1 >tracing_on && "
            "cd /")


UNTRACE = f"cd {TRACING} && echo nop >current_tracer && echo >set_ftrace_filter && cd /"


def _traced(vm, report, tracer):
    see = f"cd {TRACING} && echo >trace && cat /proc/cmdline >/dev/null && grep -q cmdline_proc_show trace"
    failed = all_along(vm, trace(tracer, "cmdline_proc_show klptest_outer"), see, UNTRACE)
    report(f"the tracer {tracer} is at a patched function", not failed, "\n".join(failed))


def _blocked_in_graph(vm, report):
    """The graph tracer has its own return address on the stack of who sleeps in the function."""
    status, text = vm.try_run(
        f"{trace('function_graph', 'klptest_outer klptest_judge')} && {BLOCK} && insmod /klptest_v1.ko && {STUCK} && {_named('klptest_outer')} && {GO_ON} && "
        f"wait_until 60 settled klptest_v1 && unpatch klptest_v1; status=$?; {UNTRACE}; exit $status")
    report("who sleeps below the graph tracer holds a transition up", status == 0, text)


def _named(function):
    """Our core says who holds it up; the kernel's has no such file."""
    return f"{{ [ ! -e {BLOCKERS} ] || wait_until 60 grep -q ' {function}$' {BLOCKERS}; }}"


def _probed(vm, report):
    hits = "/sys/module/prober/parameters/hits"
    see = f"was=$(cat {hits}) && cat /proc/cmdline >/dev/null && [ $(cat {hits}) -gt $was ]"
    failed = all_along(vm, "insmod /prober.ko symbol=cmdline_proc_show", see, "rmmod prober")
    report("a kprobe is at the entry of a patched function", not failed, "\n".join(failed))


def _probed_by_event(vm, report, event):
    """Inside of a function that is not called any more such a probe is not hit; at its return it may be."""
    status, text = vm.try_run(f"cd {TRACING} && echo '{event}' >>dynamic_events")
    if status:
        # Only later kernels have the kind.
        known = vm.try_run(f"grep -q '{event[0]}:\\[' {TRACING}/README")[0] == 0
        report(f"the event {event}", not known, text)
        return
    vm.run(f"echo >{TRACING}/dynamic_events")
    act = (f"cd {TRACING} && echo '{event}' >>dynamic_events && "
           "for enable in events/*/probed/enable; do echo 1 >$enable; done")
    away = (f"cd {TRACING} && for enable in events/*/probed/enable; do echo 0 >$enable; done; echo >dynamic_events")
    failed = all_along(vm, act, "true", away)
    seen = f"cd {TRACING} && echo >trace && cat /proc/cmdline >/dev/null && grep -q probed: trace"
    status, text = vm.try_run(f"{act} && patch /klptest_v1.ko && unpatch klptest_v1 && {seen}; status=$?; {away}; exit $status")
    report(f"the event {event}", not failed and status == 0, "\n".join([*failed, text]))


def _steered(vm, report):
    """Two that send calls elsewhere: who comes second does nothing, and all is as before."""
    steer = "insmod /prober.ko symbol=cmdline_proc_show steers=1"
    # register_kprobe() of 7.2 says of a probe that ftrace refused that all is well.
    unhit = "{ [ ! -d /sys/module/prober ] || [ $(cat /sys/module/prober/parameters/hits) = 0 ]; }"
    status, text = vm.try_run(
        f"{steer} && ! insmod /klptest_v1.ko && [ ! -d /sys/kernel/livepatch/klptest_v1 ] && "
        f"{ORIGINAL} && rmmod prober && patch /klptest_v1.ko && {{ {steer} || true; }} && {PATCHED} && {unhit} && "
        "{ rmmod prober || true; } && unpatch klptest_v1")
    report("a probe that steers and a patch keep one another out", status == 0, text)


def _worker(vm, report):
    """A thread that io_uring has made for its process, and that never goes to user space."""
    status, text = vm.try_run(
        "echo b >/proc/klptest; /ring /proc/klptest 5 & ring=$!; wait_until 60 'grep -q klptest_judge /proc/$ring/task/*/stack'; "
        f"insmod /klptest_v1.ko && {STUCK} && {_named('klptest_outer')} && {GO_ON} && wait_until 60 settled klptest_v1 && "
        "wait $ring && unpatch klptest_v1")
    report("a worker of io_uring holds a transition up", status == 0, text)
    vm.try_run(f"{GO_ON}; unpatch klptest_v1")


@contextlib.contextmanager
def _stuck(vm):
    """In the midst of a transition that goes on when the block ends."""
    vm.run(BLOCK)
    vm.run(f"insmod /klptest_v1.ko && {STUCK}")
    yield
    vm.run(f"{STUCK} && {GO_ON} && wait_until 60 settled klptest_v1 && unpatch klptest_v1")


def _became_another(vm, report):
    """Threads exec in a transition, and take the place of their process's first thread: who comes of it is patched."""
    with _stuck(vm):
        # The shell was switched within a second or so, and what it starts is of its state.
        vm.run(PATCHED)
        status, text = vm.try_run("for i in $(seq 20); do /thread_exec /bin/busybox grep -qx 'klptest version 1' /proc/cmdline || exit 1; done")
    report("threads that are not the first exec in a transition", status == 0, text)


def _frozen(vm, report):
    """All tasks are stopped and go on, as for suspend; who slept in the function is woken for it, and leaves."""
    vm.run(PAUSE)
    status, text = vm.try_run(f"insmod /klptest_v1.ko && {STUCK} && {FREEZE} && wait_until 60 settled klptest_v1 && "
                              "unpatch klptest_v1")
    report("tasks are frozen in a transition", status == 0, text)


def _unplugged(vm, report):
    """A processor leaves and comes back, in a transition that hangs and in those of a machine that is busy."""
    online = "/sys/devices/system/cpu/cpu1/online"
    with _stuck(vm):
        status, text = vm.try_run(f"echo 0 >{online} && {STUCK} && echo 1 >{online}")
    report("a processor leaves in a transition", status == 0, text)
    hammer(vm)
    vm.run(f"(while [ ! -e /tmp/stop ]; do echo 0 >{online}; echo 1 >{online}; done) & echo $! >/tmp/plugging")
    status, text = vm.try_run("for i in 1 2 3; do patch /klptest_v1.ko && unpatch klptest_v1 || exit 1; done", 900)
    vm.run(f"touch /tmp/stop; wait_until 60 '! kill -0 $(cat /tmp/plugging) 2>/dev/null'; kill $(cat /tmp/hammer); echo 1 >{online} || true")
    report("processors come and go under load", status == 0, text)
