# SPDX-License-Identifier: GPL-2.0-or-later
"""What an example under patches/ is, and what a test of one can do in the guest."""

import dataclasses
import pathlib
import re
from collections.abc import Callable

import makers
from failed import Failed
from boottest.kernellog import complaints
from boottest.machine import Machine, MachineError
from target import Target


@dataclasses.dataclass(frozen=True)
class Build:
    """
    One module that an example needs.

    name     of the module, and of its patch if `patches` says nothing else
    patches  names of patch files, without folder and ".patch"
    options  more options of klp-build
    maker    one of makers.py
    """

    name: str
    patches: tuple = ()
    options: tuple = ()
    maker: Callable = makers.from_patches

    def module(self):
        """Name of the kernel module."""
        return "lp_" + self.name.replace("-", "_").replace(".", "_")

    def patch_names(self):
        return self.patches or (self.name,)


@dataclasses.dataclass(frozen=True)
class Probe:
    """A command whose output tells the old behaviour from the new one."""

    command: str
    before: str
    patched: str


@dataclasses.dataclass(frozen=True)
class Example:
    """
    name       of the example, and of its patch if `builds` says nothing else
    what       one line for people
    probes     what the usual flow looks at: before, with the patch, after disabling
    setup      guest command to run first; `cleanup` runs last
    builds     the modules to build; one of the same name by default
    modules    modules of the image that the guest needs
    programs   C programs below programs/ that the guest needs
    files      {path in the guest: path below the output folder} of what the builds left there
    flow       function(Session) in place of the usual flow
    allowed    regular expressions of kernel messages that are provoked on purpose
    series     the kernels it is for; all if there are none
    """

    name: str
    what: str
    probes: tuple = ()
    setup: str = ""
    cleanup: str = ""
    builds: tuple = ()
    modules: tuple = ()
    programs: tuple = ()
    files: dict = dataclasses.field(default_factory=dict)
    flow: Callable | None = None
    allowed: tuple = ()
    series: tuple = ()

    def all_builds(self):
        return self.builds or (Build(self.name),)


class Session:
    """A running example: the machine, the kernel, and what the example may ask for."""

    def __init__(self, vm: Machine, example: Example, target: Target, folder: pathlib.Path):
        self.vm = vm
        self.example = example
        self.target = target
        self.folder = folder

    def run(self):
        """The whole example; raises Failed or MachineError."""
        self.vm.run("dmesg -c >/dev/null")
        try:
            if self.example.setup:
                self.vm.run(self.example.setup)
            (self.example.flow or usual_flow)(self)
            if self.example.cleanup:
                self.vm.run(self.example.cleanup)
            self._check_left_overs()
        finally:
            self._check_log()

    def module(self, index=0):
        """Module name of the example's build number `index`."""
        return self.example.all_builds()[index].module()

    def ko(self, index=0):
        """The built module on the host."""
        return self.folder / f"{self.module(index)}.ko"

    def patch(self, index=0):
        """Load a livepatch and wait until it is in effect."""
        self.vm.run(f"patch /lp/{self.module(index)}.ko", timeout=180)

    def disable(self, index=0):
        self.vm.run(f"disable {self.module(index)}", timeout=180)

    def unload(self, index=0):
        self.vm.run(f"unload {self.module(index)}", timeout=180)

    def unpatch(self, index=0):
        """Disable and unload a livepatch."""
        self.disable(index)
        self.unload(index)

    def expect(self, command, pattern):
        """Run a command whose output must match. Returns the match."""
        text = self.vm.run(command)
        match = re.search(pattern, text, re.MULTILINE)
        if not match:
            raise Failed(f"`{command}` printed\n{text}and not what matches /{pattern}/")
        return match

    def expect_log(self, *patterns):
        """Messages that the kernel must have logged, in this order."""
        lines = self.vm.log()
        position = 0
        for pattern in patterns:
            while position < len(lines) and not re.search(pattern, lines[position]):
                position += 1
            if position == len(lines):
                raise Failed(f"the kernel did not log /{pattern}/ (in this order); it logged\n"
                             + "\n".join(lines))
            position += 1

    def _check_left_overs(self):
        left = self.vm.run("ls /sys/kernel/livepatch").split()
        if left:
            raise Failed(f"still there at the end: {left}")

    def _check_log(self):
        try:
            bad = complaints(self.vm.log(), self.example.allowed)
        except MachineError:
            return
        if bad:
            raise Failed("the kernel complained:\n" + "\n".join(self.vm.log()))


def usual_flow(session):
    """Old behaviour, load, new behaviour, disable, old behaviour, unload."""
    probes = session.example.probes
    for probe in probes:
        session.expect(probe.command, probe.before)
    session.patch()
    for probe in probes:
        session.expect(probe.command, probe.patched)
    session.disable()
    for probe in probes:
        session.expect(probe.command, probe.before)
    session.unload()
