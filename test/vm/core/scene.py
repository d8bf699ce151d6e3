# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine with the core, the module klptest and patches of it."""

import contextlib

from lab import GUEST, Workshop, boot

PATCHES = ("klptest_v1", "klptest_v2", "klptest_r3", "klptest_r4")


@contextlib.contextmanager
def props(kernel, more=None):
    """Build everything, give {path in the guest: path here}; `more(workshop)` gives more files.

    On a kernel with CONFIG_LIVEPATCH the patches are built for its own core.
    """
    with_core = has_core(kernel)
    with Workshop(kernel) as workshop:
        modules = workshop.core() if with_core else {}
        modules |= workshop.modules("klptest", [GUEST / "klptest.c"], with_core=False)
        modules |= workshop.modules("patches", [GUEST / f"{name}.c" for name in PATCHES], with_core)
        files = {f"/{name}.ko": path for name, path in modules.items()}
        files["/hammer"] = workshop.program(GUEST / "hammer.c")
        if more:
            files |= more(workshop)
        yield files


@contextlib.contextmanager
def scene(kernel, options, more=None):
    """Boot `kernel` with its props, and load the core that it needs."""
    with props(kernel, more) as files, boot(kernel, files, **options) as vm:
        if has_core(kernel):
            vm.run("insmod /klp_core.ko")
        yield vm


def has_core(kernel):
    """Is it our core that patches this kernel?"""
    return not kernel.has("LIVEPATCH")


def counts(vm):
    """{name: number} of /proc/klptest."""
    lines = vm.run("cat /proc/klptest").split("\n")
    return {line.split()[0]: int(line.split()[1]) for line in lines if line.strip()}


def report_mixed(vm, report):
    """Has any task seen two patches mixed? The counts, for who has more to ask of them."""
    found = counts(vm)
    report("no mixed view", found["mixed"] == 0, str(found))
    return found


def hammer(vm):
    """Load on all CPUs, until `kill $(cat /tmp/hammer)`."""
    vm.run("/hammer load >/tmp/ready & echo $! >/tmp/hammer; wait_until 60 grep -q ready /tmp/ready")
