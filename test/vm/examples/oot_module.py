# SPDX-License-Identifier: GPL-2.0-or-later
"""A module that was built outside the kernel's tree (oot/greeter)."""

import makers
from example import Build, Example

READ = "cat /proc/greeter"


def _kernel_relocates_twice(session):
    """Kernels before 6.3 refuse a module that comes back while its livepatch relocations are in place (match.reload)."""
    return session.vm.run("grep -c ' clear_relocate_add$' /proc/kallsyms; true").strip() != "0"


def _flow(session):
    session.vm.run("insmod /oot/greeter.ko")
    session.expect(READ, r"^hello cat, you are number 1$")
    session.patch()
    session.expect(READ, r"^hello and goodbye cat, you are number 2$")
    calls = 3
    if _kernel_relocates_twice(session):
        session.vm.run("rmmod greeter; insmod /oot/greeter.ko")
        session.expect(READ, r"^hello and goodbye cat, you are number 1$")
        calls = 2
    session.disable()
    session.expect(READ, rf"^hello cat, you are number {calls}$")
    session.unload()
    session.vm.run("rmmod greeter")


EXAMPLES = [
    Example("15-oot-module", "a module built outside the kernel's tree", flow=_flow,
            files={"/oot/greeter.ko": "oot/greeter/greeter.ko"},
            builds=(Build("15-oot-module", maker=makers.from_module_patches("oot/greeter", "greeter")),)),
]
