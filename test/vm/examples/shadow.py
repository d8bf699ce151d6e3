# SPDX-License-Identifier: GPL-2.0-or-later
"""A shadow variable beside each task_struct."""

from example import Example


def _flow(session):
    of_init = "grep -E 'Name|LookedAt' /proc/1/status"
    session.expect(of_init, r"\AName:")
    session.patch()
    session.expect(of_init, r"^LookedAt:\t1$")
    session.expect(of_init, r"^LookedAt:\t2$")
    session.expect("grep LookedAt /proc/2/status", r"^LookedAt:\t1$")
    session.expect(of_init, r"^LookedAt:\t3$")
    # Many tasks come and go: their variables go with them.
    session.expect("i=0; while [ $i -lt 50 ]; do cat /proc/self/status; i=$((i+1)); done "
                   "| grep LookedAt | uniq -c", r"^ +50 LookedAt:\t1$")
    session.disable()
    session.expect(of_init, r"\AName:")
    session.unload()

    # Disabling freed what was left, so a second life starts at one.
    session.patch()
    session.expect(of_init, r"^LookedAt:\t1$")
    session.unpatch()


EXAMPLES = [Example("12-shadow", "a shadow variable", flow=_flow)]
