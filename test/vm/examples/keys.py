# SPDX-License-Identifier: GPL-2.0-or-later
"""Tracepoints, jump labels and static calls of vmlinux inside patched functions."""

from example import Example
from failed import Failed

TRACING = "/sys/kernel/tracing"
RENAME = "sh -c 'echo \"~tilde\" >/proc/$$/comm; read -r name </proc/$$/comm; echo \"$name\"'"
PREEMPT = "/sys/kernel/debug/sched/preempt"
EVENT = "events/task/task_rename/enable"


def _renames_traced(session, folder, times):
    session.expect(f"grep -c 'task_rename.*newcomm=~tilde' {folder}/trace || true", rf"^{times}$")


def _tracepoint(session):
    """Off, one probe (a direct static call), two probes (through the iterator), off."""
    two = f"{TRACING}/instances/two"
    session.vm.run(f"mkdir {two}; echo >{TRACING}/trace")
    session.expect(RENAME, r"^\+tilde$")
    _renames_traced(session, TRACING, 0)
    session.vm.run(f"echo 1 >{TRACING}/{EVENT}")
    session.expect(RENAME, r"^\+tilde$")
    _renames_traced(session, TRACING, 1)
    session.vm.run(f"echo 1 >{two}/{EVENT}")
    session.expect(RENAME, r"^\+tilde$")
    _renames_traced(session, TRACING, 2)
    _renames_traced(session, two, 1)
    session.vm.run(f"echo 0 >{TRACING}/{EVENT}; echo 0 >{two}/{EVENT}")
    session.expect(RENAME, r"^\+tilde$")
    _renames_traced(session, TRACING, 2)
    _renames_traced(session, two, 1)
    session.vm.run(f"rmdir {two}; echo >{TRACING}/trace")


def _jump_label(session):
    for value, word in ((0, "off"), (1, "on"), (0, "off")):
        session.vm.run(f"echo {value} >/proc/sys/kernel/sched_schedstats")
        session.expect("cat /proc/self/sched", rf"^schedstats are {word}$")


def _rescheduling_calls(session):
    """How often kpagecount_read called __cond_resched while 64 pages were looked at."""
    text = session.vm.run(f"""cd {TRACING}
        echo __cond_resched >set_ftrace_filter; echo function >current_tracer
        dd if=/proc/kpagecount of=/dev/null bs=512 count=1 2>/dev/null
        echo 0 >tracing_on; grep -c kpagecount_read trace
        echo nop >current_tracer; echo >set_ftrace_filter; echo 1 >tracing_on""")
    return int(text.split()[0])


def _has_voluntary(session):
    """Whether cond_resched() does anything in some preemption model: with lazy preemption (7.x) there is none."""
    return "voluntary" in session.vm.run(f"cat {PREEMPT}")


def _static_call(session):
    for mode, calls in (("voluntary", 64), ("full", 0), ("none", 64), ("voluntary", 64)):
        session.vm.run(f"echo {mode} >{PREEMPT}")
        seen = _rescheduling_calls(session)
        if seen != calls:
            raise Failed(f"preemption model {mode}: {seen} calls of __cond_resched, not {calls}")


def _flow(session):
    count = "dd if=/proc/kpagecount bs=8 count=1 2>/dev/null | od -A n -t d8"
    session.expect(RENAME, r"^~tilde$")
    session.expect(count, r"^ +0$")
    session.patch()
    session.expect(count, r"^ +7000000$")
    _tracepoint(session)
    _jump_label(session)
    has_voluntary = _has_voluntary(session)
    if has_voluntary:
        _static_call(session)
    session.disable()
    session.expect(RENAME, r"^~tilde$")
    session.expect(count, r"^ +0$")
    session.unload()

    # The same with everything switched on before the livepatch arrives.
    session.vm.run(f"echo 1 >{TRACING}/{EVENT}; echo 1 >/proc/sys/kernel/sched_schedstats; "
                   f"echo full >{PREEMPT}")
    session.patch()
    session.expect(RENAME, r"^\+tilde$")
    _renames_traced(session, TRACING, 1)
    session.expect("cat /proc/self/sched", r"^schedstats are on$")
    if _rescheduling_calls(session) != 0:
        raise Failed("cond_resched is called although the preemption model is full")
    session.vm.run(f"echo 0 >{TRACING}/{EVENT}; echo 0 >/proc/sys/kernel/sched_schedstats; "
                   f"echo {'voluntary' if has_voluntary else 'lazy'} >{PREEMPT}; echo >{TRACING}/trace")
    session.expect("cat /proc/self/sched", r"^schedstats are off$")
    session.unpatch()


EXAMPLES = [
    Example("09-keys", "jump labels, static calls and tracepoints inside patched functions", flow=_flow),
]
