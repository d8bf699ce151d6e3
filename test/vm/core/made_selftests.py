# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own livepatch selftests with the livepatch that most of them load made by klp-build, of a patch of the source."""

import subprocess

import selftests
import target
from lab import GUEST, LabError

NAME = "test_klp_livepatch"


def run(kernel, report, options):
    def made(workshop):
        module = workshop.folder / f"{NAME}.ko"
        build = target.from_build(kernel.source, kernel.build, f"{kernel.build}.root")
        command = [target.tools_dir() / "klp-build", *build.options, "--no-replace", "--name", NAME, "--output", module,
                   GUEST / f"{NAME}.patch"]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if result.returncode:
            raise LabError(result.stdout)
        return {NAME: module}

    selftests.run(kernel, report, options, made)
