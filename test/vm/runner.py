# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds examples of patches/ for one kernel, loads them there, and looks."""

import importlib
import pathlib
import time

import target
from example import Session
from failed import Failed, Unavailable
from boottest.machine import Machine, MachineError
from programs import compile_program


HERE = pathlib.Path(__file__).resolve().parent
BOOT_SECONDS = 180
COMMANDS = ("klp-build", "create-diff-object", "klp-convert", "klp-verify")


def all_examples():
    found = []
    for path in sorted((HERE / "examples").glob("*.py")):
        found += importlib.import_module(f"examples.{path.stem}").EXAMPLES
    return sorted(found, key=lambda example: example.name)


def up_to_date(build, folder):
    """Whether the module is newer than the tools and all patches."""
    ko = folder / f"{build.module()}.ko"
    inputs = [path for path in target.tools_dir().iterdir() if path.name in COMMANDS]
    inputs += (target.ROOT / "patches").rglob("*.patch")
    return ko.exists() and all(ko.stat().st_mtime > path.stat().st_mtime for path in inputs)


def make_module(kernel, build, folder):
    """Make the module of a build unless that was done before. Raises Failed."""
    if up_to_date(build, folder):
        return
    ko = folder / f"{build.module()}.ko"
    ko.unlink(missing_ok=True)
    build.maker(kernel, build, folder)
    if not ko.exists():
        raise Failed(f"success, but no {ko}")


class Runner:
    """
    Runs examples on one kernel, in one boot unless the machine dies.

    folder  where their modules are made
    report  function(example's line, is it well?, text) that is told how each went
    """

    def __init__(self, kernel, folder, report):
        self.kernel = kernel
        self.folder = folder
        self.report = report

    def run(self, examples):
        meant = [example for example in examples if not example.series or self.kernel.examples in example.series]
        built = [example for example in meant if self._build(example)]
        machine = None
        try:
            for example in built:
                machine = machine or self._boot(built)
                if not self._try(machine, example):
                    machine.close()
                    machine = None
        finally:
            if machine:
                machine.close()

    def _build(self, example):
        started = time.monotonic()
        try:
            for build in example.all_builds():
                make_module(self.kernel, build, self.folder)
        except Failed as error:
            self._report(example, started, "build", error)
            return False
        except Unavailable as error:
            print(f"skip  {self.kernel.series} {example.name}: {error}", flush=True)
            return False
        seconds = time.monotonic() - started
        print(f"built {self.kernel.series} {example.name} ({seconds:.1f} s)", flush=True)
        return True

    def _boot(self, examples):
        files = {}
        modules = set()
        for example in examples:
            modules.update(example.modules)
            for build in example.all_builds():
                files[f"/lp/{build.module()}.ko"] = self.folder / f"{build.module()}.ko"
            files.update({guest: self.folder / path for guest, path in example.files.items()})
            for name in example.programs:
                files[f"/tests/{name}"] = compile_program(name, self.folder)
        if self.kernel.needs_core():
            files["/lp/klp_core.ko"] = self.kernel.parts["core"]["module"]
        tree = self.kernel.modules()
        load = sorted(name for name in modules if name in tree)
        machine = Machine(self.kernel.vmlinuz, tree, load, files, boot_timeout=BOOT_SECONDS)
        if self.kernel.needs_core():
            machine.run("insmod /lp/klp_core.ko")
        return machine

    def _try(self, machine, example):
        started = time.monotonic()
        try:
            Session(machine, example, self.kernel, self.folder).run()
        except (Failed, MachineError) as error:
            self._report(example, started, "run", error, "end of the transcript:\n" + machine.tail(40))
            return False
        self._report(example, started, "run", None)
        return True

    def _report(self, example, started, stage, error, more=""):
        seconds = time.monotonic() - started
        self.report(f"{self.kernel.series} {example.name}: {example.what} ({stage} {seconds:.1f} s)",
                    error is None, f"{error}\n{more}" if error else "")
