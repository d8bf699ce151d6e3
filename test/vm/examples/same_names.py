# SPDX-License-Identifier: GPL-2.0-or-later
"""Symbols whose names are not unique in vmlinux: the right one is meant."""

import sympos
from example import Example
from failed import Failed

# Name and the source file whose one is meant.
MEANT = {"session_id": "audit.c", "c_start": "consoles.c"}


def _new_session(session):
    return int(session.vm.run("sh -c 'echo 0 >/proc/$$/loginuid; cat /proc/$$/sessionid'"))


def _expect_session(session, number):
    got = _new_session(session)
    if got != number:
        raise Failed(f"the audit session is {got}, not {number}")


def _flow(session):
    first = _new_session(session)
    session.expect("cat /proc/consoles", r"\d+:\d+$")
    session.patch()
    _expect_session(session, (first + 1) | 0x10000)
    session.expect("cat /proc/consoles", r"\d+:\d+ ours, 0 before$")
    session.expect("cat /proc/consoles", r"\d+:\d+ ours, [1-9]\d* before$")
    sympos.check(session, MEANT)
    session.disable()
    _expect_session(session, first + 2)
    session.expect("cat /proc/consoles", r"\d+:\d+$")
    session.unload()


EXAMPLES = [
    Example("05-same-names", "functions and variables whose names are not unique", flow=_flow),
]
