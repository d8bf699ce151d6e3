# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules built by kbuild outside the kernel's tree, as their authors build them."""

import pathlib
import shutil
import subprocess

from failed import Failed, Unavailable

HERE = pathlib.Path(__file__).resolve().parent


def build(kernel, source, folder, name, *variables):
    """
    Build the module NAME from test/vm/SOURCE for a kernel; `variables` are more of make's.
    Returns its path below the output folder. Raises Unavailable on a machine without the kernel's compiler.
    """
    place = folder / source
    ko = place / f"{name}.ko"
    newest = max(path.stat().st_mtime for path in (HERE / source).iterdir())
    if ko.exists() and ko.stat().st_mtime > newest:
        return ko
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(HERE / source, place)
    if not shutil.which(kernel.parts["compiler"]):
        raise Unavailable(f"{kernel.parts['compiler']} is not installed, and a module that is not klp-build's needs it")
    command = ["make", "-C", kernel.parts["build"], f"M={place}", f"CC={kernel.parts['compiler']}", *variables, "modules"]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise Failed(f"building {source} failed:\n{result.stdout}")
    return ko
