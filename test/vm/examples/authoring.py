# SPDX-License-Identifier: GPL-2.0-or-later
"""The worked examples of docs/authoring.md that are in no other file: one patch for every kernel."""

import makers
from example import Build, Example, Probe

PIPE_SIZE = "cat /proc/sys/fs/pipe-max-size"


def _authoring(name, what, **more):
    return Example(f"21-{name}", what, builds=(Build(f"21-{name}", (name,), maker=makers.from_authoring_patches),),
                   **more)


def _data(session):
    """The value comes with the patch and goes with it, unless it has become somebody else's."""
    session.expect(PIPE_SIZE, r"^1048576$")
    session.patch()
    session.expect(PIPE_SIZE, r"^2097152$")
    session.unpatch()
    session.expect(PIPE_SIZE, r"^1048576$")
    session.patch()
    session.vm.run("echo 4194304 > /proc/sys/fs/pipe-max-size")
    session.unpatch()
    session.expect(PIPE_SIZE, r"^4194304$")


def _deferred(session):
    """Nothing of the patch runs any more when it is disabled, however much it has started."""
    session.patch()
    session.expect("ps", r"loadavg-watch")
    session.vm.run("i=0; while [ $i -lt 200 ]; do cat /proc/loadavg > /dev/null; i=$((i+1)); done")
    session.disable()
    counts = session.expect("dmesg", r"loadavg: (\d+) reads counted, (\d+) notes freed")
    if counts[1] != counts[2] or int(counts[1]) == 0:
        raise makers.Failed(f"not all that was started has ended: {counts[0]}")
    session.expect("ps", r"\A(?![\s\S]*loadavg-watch)")
    session.unload()


def _members(key, before, patched, new):
    """What /proc/self/fdinfo says of a timer that is older than the patch (at the first and second time) and of a new one."""
    def flow(session):
        session.vm.run("fds serve")
        old = session.expect("fds timerfd", r"^(\d+)$").group(1)
        session.expect(f"fds info {old} {key}", before)
        for time in (1, 2):
            session.patch()
            session.expect(f"fds info {old} {key}", patched(time))
            young = session.expect("fds timerfd", r"^(\d+)$").group(1)
            session.expect(f"fds info {young} {key}", new)
            session.disable()
            for timer in (old, young):
                session.expect(f"fds info {timer} {key}", before)
            session.unload()
        session.expect("fds quit", r"^ok$")
    return flow


def _while_patched(*counts):
    """What the patch counts; nothing of it is called any more when it is gone."""
    def flow(session):
        for _ in range(2):
            session.patch()
            for command, pattern in counts:
                session.expect(command, pattern)
            session.disable()
            session.expect("cat /proc/loadavg", r"^[\d.]+ [\d.]+ [\d.]+ \d+/\d+ \d+$")
            session.unload()
            # Runs what used to call the patch.
            session.vm.run("ping -c 2 127.0.0.1; ip link add klp0 type dummy 2>/dev/null; sync")
    return flow


QUIET = "mount -t devpts -o quiet,mode=600 devpts /tmp/pts 2>&1 && echo fine && umount /tmp/pts; true"

EXAMPLES = [
    _authoring("enumerator", "a new enumerator behind the others", setup="mkdir -p /tmp/pts",
               probes=(Probe(QUIET, r"nvalid argument", r"^fine$"),), allowed=(r"devpts: called with bogus options",)),
    _authoring("hole", "a new member in padding that is zero", programs=("fds",),
               flow=_members("asked", r"^nothing$", lambda time: rf"^asked: {time}$", r"^asked: 1$")),
    _authoring("renamed", "a member of another name", programs=("fds",),
               flow=_members("settime", r"^settime flags: 00$", lambda time: r"^settime flags: 0x0$", r"^settime flags: 0x0$")),
    _authoring("export", "a new export, which is none",
               probes=(Probe("cat /proc/loadavg; grep -c '__ksymtab_tasks_running' /proc/kallsyms; true",
                             r"\A[\d.]+ [\d.]+ [\d.]+ \d{1,3}/\d+ \d+\n0$", r"\A[\d.]+ [\d.]+ [\d.]+ 10\d\d/\d+ \d+\n0$"),)),
    _authoring("timer", "a timer that the patch starts",
               flow=_while_patched(("wait_until 30 'grep -q \", [2-9] ticks\" /proc/loadavg'; cat /proc/loadavg", r", \d+ ticks$"))),
    _authoring("operations", "operations that the kernel calls while the patch is there",
               flow=_while_patched(("cat /proc/loadavg", r", 0 packets$"),
                                   ("ping -c 3 127.0.0.1 >/dev/null; cat /proc/loadavg", r", [3-9] packets$"))),
    _authoring("notifier", "a notifier that the kernel calls while the patch is there",
               flow=_while_patched(("cat /proc/loadavg", r", [1-9]\d* devices$"))),
    _authoring("data", "a changed initial value, set by a callback and taken back", flow=_data,
               cleanup="echo 1048576 > /proc/sys/fs/pipe-max-size"),
    _authoring("deferred", "work, an RCU callback and a thread that the patch starts", flow=_deferred),
    _authoring("first-value", "a mark that only new objects get", programs=("fds",),
               flow=_members("never", r"^nothing$", lambda time: r"^nothing$", r"^never set$")),
    _authoring("force", "a static variable that the patched function has no use for",
               probes=(Probe("cat /proc/sys/kernel/random/boot_id", r"^[0-9a-f-]{36}$", r"^[0-9A-F-]{36}$"),)),
    _authoring("lock", "a lock of the patch for data of the patch",
               probes=(Probe("cat /proc/loadavg; cat /proc/loadavg",
                             r"\A\d+\.\d\d ", r"\A1: \d+\.\d\d .*\n2: \d+\.\d\d "),)),
    _authoring("no-ftrace", "the caller of a function of lib/, which ftrace cannot hook", cleanup="echo 0 > /proc/self/oom_score_adj",
               probes=(Probe("echo max 2>/dev/null > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj",
                             r"^0$", r"^1000$"),)),
    _authoring("last-pid", "a fault that a script reproduces", setup="mkdir -p /etc; echo user:x:1000:1000::/:/bin/sh >/etc/passwd",
               probes=(Probe("su user -c 'cat /proc/loadavg'", r" [1-9]\d*$", r" 0$"),)),
    _authoring("prototype", "a new function beside an exported one",
               probes=(Probe("cat /proc/consoles", r"^ttyS0 +-W", r"^ttyS0\.+ -W"),)),
]
