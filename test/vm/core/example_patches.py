# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples of patches/, built with --runtime core, do what they do with the kernel's own core."""

import target
from lab import ROOT
from runner import Runner, all_examples


# What cannot be patched on the small kernels, whatever the core: they are built with -Os, and gcc leaves
# arch_get_random_seed_longs(), an inline function that this patch changes, out of line, where ftrace cannot take hold of it.
NOT_FOR_SMALL_KERNELS = ("08-special-code",)


def run(kernel, report, _options):
    folder = ROOT / "out" / "core" / kernel.build.name
    folder.mkdir(parents=True, exist_ok=True)
    lacking = target.from_build(kernel.source, kernel.build, f"{kernel.build}.root")
    report("the kernel needs a core", lacking.needs_core())
    Runner(lacking, folder, report).run(
        [example for example in all_examples() if example.name not in NOT_FOR_SMALL_KERNELS])
