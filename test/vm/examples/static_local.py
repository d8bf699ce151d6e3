# SPDX-License-Identifier: GPL-2.0-or-later
"""The counter in a static local goes on counting when the function is patched, and after."""

import re

from example import Example
from failed import Failed


def _next_device(session):
    """Load a driver that allocates an input device. Returns (number, rest of its name)."""
    old = set(session.vm.run("ls /sys/class/input").split())
    session.vm.run("load button")
    new = [name for name in session.vm.run("ls /sys/class/input").split() if name not in old]
    session.vm.run("rmmod button")
    found = [re.fullmatch(r"input(\d+)(.*)", name) for name in new]
    numbers = sorted((int(match[1]), match[2]) for match in found if match)
    if not numbers:
        raise Failed(f"loading button made no input device, but {new}")
    return numbers


def _flow(session):
    def check(suffix, least):
        devices = _next_device(session)
        if [number for number, _ in devices] != list(range(least, least + len(devices))):
            raise Failed(f"expected numbers from {least}, got {devices}")
        if {rest for _, rest in devices} != {suffix}:
            raise Failed(f"expected names that end in '{suffix}', got {devices}")
        return devices[-1][0] + 1

    following = check("", _next_device(session)[-1][0] + 1)
    session.patch()
    following = check("-live", following)
    following = check("-live", following)
    session.disable()
    check("", following)
    session.unload()


EXAMPLES = [
    Example("04-static-local", "a static local goes on counting", modules=("button",), flow=_flow),
]
