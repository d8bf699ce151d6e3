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


EXAMPLES = [
    _authoring("data", "a changed initial value, set by a callback and taken back", flow=_data,
               cleanup="echo 1048576 > /proc/sys/fs/pipe-max-size"),
    _authoring("deferred", "work, an RCU callback and a thread that the patch starts", flow=_deferred),
    _authoring("force", "a static variable that the patched function has no use for",
               probes=(Probe("cat /proc/sys/kernel/random/boot_id", r"^[0-9a-f-]{36}$", r"^[0-9A-F-]{36}$"),)),
    _authoring("lock", "a lock of the patch for data of the patch",
               probes=(Probe("cat /proc/loadavg; cat /proc/loadavg",
                             r"\A\d+\.\d\d ", r"\A1: \d+\.\d\d .*\n2: \d+\.\d\d "),)),
    _authoring("no-ftrace", "the caller of a function of lib/, which ftrace cannot hook", cleanup="echo 0 > /proc/self/oom_score_adj",
               probes=(Probe("echo max 2>/dev/null > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj",
                             r"^0$", r"^1000$"),)),
    _authoring("prototype", "a new function beside an exported one",
               probes=(Probe("cat /proc/consoles", r"^ttyS0 +-W", r"^ttyS0\.+ -W"),)),
]
