# SPDX-License-Identifier: GPL-2.0-or-later
"""Out-of-tree modules: built as their authors build them, then patched."""

import pathlib
import shutil
import subprocess

from example import Failed

SOURCES = pathlib.Path(__file__).resolve().parent / "oot"


def module(name, folder):
    """Path of the built module NAME below the output folder of a kernel."""
    return folder / "oot" / name / f"{name}.ko"


def options(kernel, name, folder):
    """klp-build's options for the out-of-tree module NAME, which is built first if need be."""
    ko = module(name, folder)
    if not ko.exists():
        shutil.rmtree(ko.parent, ignore_errors=True)
        shutil.copytree(SOURCES / name, ko.parent)
        command = ["make", "-C", kernel.parts["build"], f"M={ko.parent}", "CC=gcc-12", "modules"]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode != 0:
            raise Failed(f"building {name} failed:\n{result.stdout}")
    return ["--oot-module", ko, "--oot-module-src", ko.parent]
