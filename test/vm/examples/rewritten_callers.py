# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions that stay as they are while their callers call new ones, as klp-build --rewrite makes them."""

import makers
from example import Build, Example


def _twice(before, patched):
    """Old, new and old behaviour again, and once more; `before` and `patched` are functions of a session."""
    def flow(session):
        before(session)
        for _ in range(2):
            session.patch()
            patched(session)
            session.disable()
            before(session)
            session.unload()
    return flow


def _says(command, pattern):
    return lambda session: session.expect(command, pattern)


def _mounts(is_long_refused):
    def look(session):
        long_mode = "mount -t devpts -o mode=0000000000000000000000000600 devpts /tmp/pts 2>&1"
        if is_long_refused:
            session.expect(f"{long_mode}; true", r"nvalid argument")
        else:
            session.expect(f"{long_mode} && umount /tmp/pts && echo mounted", r"^mounted$")
        session.expect("mount -t devpts -o mode=620,ptmxmode=640 devpts /tmp/pts && ls -l /tmp/pts/ptmx && "
                       "umount /tmp/pts", r"^crw-r-----")
    return look


def _of_callers(name, what, flow, *callers, **more):
    return Example(f"rewrite-{name}", what, flow=flow,
                   builds=(Build(f"rewrite-{name}", (name,),
                                 maker=makers.from_rewritten_for(*callers) if callers else makers.from_rewritten),),
                   **more)


STATE_OF_THREAD = "grep ^State: /proc/$(cat /proc/[0-9]*/stat | grep 'rcu_gp)' | head -n 1 | cut -d ' ' -f 1)/status"

EXAMPLES = [
    _of_callers("untraced", "a function of lib/, which ftrace cannot hook, by its callers",
                _twice(_says("grep ^MemTotal: /proc/meminfo", r"^MemTotal: +[1-9]\d+ kB$"),
                       _says("grep ^MemTotal: /proc/meminfo", r"^MemTotal: +0+[1-9]\d+ kB$"))),
    _of_callers("header", "an inline function of a header that all units include, for one of them",
                _twice(_says(STATE_OF_THREAD, r"^State:\tI \(idle\)$"), _says(STATE_OF_THREAD, r"^State:\tS \(sleeping\)$")),
                "fs/proc/array.c"),
    _of_callers("parser", "what many filesystems call, for one of them",
                _twice(_mounts(False), _mounts(True)), "fs/devpts/inode.c",
                setup="mkdir -p /tmp/pts", series=("6.1",), allowed=(r"devpts: called with bogus options",)),
]
