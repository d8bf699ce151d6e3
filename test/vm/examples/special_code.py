# SPDX-License-Identifier: GPL-2.0-or-later
"""WARN and BUG, exception tables, alternatives, paravirt, indirect calls, per-cpu data."""

from example import Example


def _flow(session):
    def usual():
        session.expect("randomctl count", r"^\d+$")
        session.expect("randomctl count-bad", r"^EFAULT$")

    def old():
        usual()
        session.expect("randomctl status", r"^EINVAL$")
        session.expect("randomctl status-bad", r"^EINVAL$")

    old()
    session.patch()
    usual()
    session.expect("randomctl status", r"^cpu [01] ready [01] calls 1 rdrand [01]$")
    session.expect("randomctl status", r"^cpu [01] ready [01] calls 2 rdrand [01]$")
    session.expect("randomctl status-bad", r"^EFAULT$")
    session.expect("randomctl status-null", r"^EINVAL$")
    session.expect_log(r"random: status asked for without a place to put it",
                       r"WARNING: .*drivers/char/random\.c:\d+ (at )?random_",
                       r"Call Trace:")
    session.disable()
    old()
    session.unload()


EXAMPLES = [
    Example("08-special-code", "code that needs the kernel's special sections",
            programs=("randomctl",), flow=_flow,
            allowed=(r"WARNING: .*drivers/char/random\.c", r"Call Trace:", r"Tainted: ",
                     r"random: status asked for")),
]
