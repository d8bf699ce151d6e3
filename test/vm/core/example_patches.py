# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples of patches/, built with --runtime core, do what they do with the kernel's own core."""

import target
from lab import ROOT
from runner import Runner, all_examples


def run(kernel, report, _options):
    folder = ROOT / "out" / "core" / kernel.build.name
    folder.mkdir(parents=True, exist_ok=True)
    lacking = target.from_build(kernel.source, kernel.build, f"{kernel.build}.root")
    report("the kernel needs a core", lacking.needs_core())
    Runner(lacking, folder, report).run(all_examples())
