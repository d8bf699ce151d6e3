# SPDX-License-Identifier: GPL-2.0-or-later
"""What an __init function would have done now, as klp-build --rewrite has callbacks do it."""

import makers
from example import Build, Example

EVENTS, INSTANCES = "/proc/sys/fs/inotify/max_queued_events", "/proc/sys/fs/inotify/max_user_instances"


def _flow(session):
    for _ in range(2):
        session.expect(f"cat {EVENTS} {INSTANCES}", r"\A16384\n128$")
        session.patch()
        session.expect(f"cat {EVENTS} {INSTANCES}", r"\A32768\n256$")
        session.disable()
        session.expect(f"cat {EVENTS} {INSTANCES}", r"\A16384\n128$")
        session.unload()

    # What somebody has set stays, before and after.
    session.vm.run(f"echo 1000 >{EVENTS}")
    session.patch()
    session.expect(f"cat {EVENTS} {INSTANCES}", r"\A1000\n256$")
    session.vm.run(f"echo 77 >{INSTANCES}")
    session.unpatch()
    session.expect(f"cat {EVENTS} {INSTANCES}", r"\A1000\n77$")
    session.vm.run(f"echo 16384 >{EVENTS}; echo 128 >{INSTANCES}")


EXAMPLES = [
    Example("rewrite-boot", "numbers that an __init function has set", flow=_flow,
            builds=(Build("rewrite-boot", ("boot",), maker=makers.from_rewritten),)),
]
