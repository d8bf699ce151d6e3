# SPDX-License-Identifier: GPL-2.0-or-later
"""A cumulative patch takes over without a gap; patches that do not replace stand side by side."""

from example import Build, Example
from failed import Failed

NEVER_REPLACES = ("--no-replace",)
VERSION = "cat /proc/version"
COMMAND_LINE = "cat /proc/cmdline"


def _enabled(session, *indices):
    """Wait until these livepatches and no others are there: the kernel forgets replaced ones a little later."""
    wanted = " ".join(sorted(session.module(index) for index in indices))
    session.vm.wait_until(f'[ "$(echo $(ls /sys/kernel/livepatch))" = "{wanted}" ]', 20)


def _replace(session):
    session.expect(VERSION, r"^Linux version")
    session.patch(0)
    session.expect(VERSION, r"^release one Linux version")

    # Somebody looks all the time while the second takes over.
    session.vm.run("""rm -f /tmp/stop /tmp/seen
        (while [ ! -e /tmp/stop ]; do read -r a b c d </proc/version; echo "$a $b $c"; done >/tmp/seen) &
        wait_until 30 '[ "$(wc -l </tmp/seen)" -gt 50 ]'""")
    session.patch(1)
    session.vm.run("""lines=$(wc -l </tmp/seen); wait_until 30 "[ \\$(wc -l </tmp/seen) -gt $((lines + 50)) ]"
        touch /tmp/stop; wait_until 30 '[ "$(tail -n 1 /tmp/seen | wc -l)" = 1 ]'""")
    seen = session.vm.run("uniq /tmp/seen").splitlines()
    if seen != ["release one Linux", "release two Linux"]:
        raise Failed(f"while the second release took over, /proc/version said in turn {seen}")

    _enabled(session, 1)
    session.unload(0)
    session.expect(VERSION, r"^release two Linux version")
    session.disable(1)
    session.expect(VERSION, r"^Linux version")
    session.unload(1)


def _stack(session):
    session.patch(0)
    session.patch(1)
    _enabled(session, 0, 1)
    session.expect(VERSION, r"^release one Linux version")
    session.expect(COMMAND_LINE, r"^stacked ")
    session.disable(0)
    _enabled(session, 1)
    session.expect(VERSION, r"^Linux version")
    session.expect(COMMAND_LINE, r"^stacked ")
    session.unload(0)
    session.patch(0)

    # The third one stacks upon the first: both patch the same function.
    session.patch(2)
    _enabled(session, 0, 1, 2)
    session.expect(VERSION, r"^release two Linux version")
    session.disable(2)
    session.expect(VERSION, r"^release one Linux version")
    session.unload(2)

    # One that replaces takes the place of all.
    session.patch(3)
    _enabled(session, 3)
    session.expect(VERSION, r"^release two Linux version")
    session.expect(COMMAND_LINE, r"^(?!stacked )")
    session.unload(0)
    session.unload(1)
    session.unpatch(3)


EXAMPLES = [
    Example("14-replace", "release two replaces release one without a moment unpatched",
            builds=(Build("14-version-one"), Build("14-version-two")), flow=_replace),
    Example("14-stack", "patches that do not replace each other",
            builds=(Build("14-beside-one", ("14-version-one",), NEVER_REPLACES),
                    Build("14-beside-stacked", ("14-stacked",), NEVER_REPLACES),
                    Build("14-beside-two", ("14-version-two",), NEVER_REPLACES),
                    Build("14-version-two")), flow=_stack),
]
