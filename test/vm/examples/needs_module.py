# SPDX-License-Identifier: GPL-2.0-or-later
"""Patched code that calls what a module exports, which nothing in the kernel did before."""

from example import Example

SHOW = "cat /proc/loadavg"
OLD, NEW = r" \d+/\d+ \d+$", r" \d+/\d+ \d+ east$"


def _flow(session):
    session.expect(SHOW, OLD)
    # Without the module there is no such symbol, and nothing is patched.
    session.vm.run(f"! insmod /lp/{session.module()}.ko")
    session.expect(SHOW, OLD)
    session.expect_log(r"Unknown symbol cordic_calc_iq")

    session.vm.run("load cordic")
    session.patch()
    session.expect(SHOW, NEW)
    session.vm.run("! rmmod cordic")
    session.expect(SHOW, NEW)
    session.disable()
    session.expect(SHOW, OLD)
    session.unload()
    session.vm.run("rmmod cordic")


EXAMPLES = [
    Example("18-needs-module", "a call of another module's export: the livepatch holds that module",
            modules=("cordic",), flow=_flow, allowed=(r"Unknown symbol cordic_calc_iq",)),
]
