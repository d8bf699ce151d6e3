# SPDX-License-Identifier: GPL-2.0-or-later
"""Small static C programs that run in the guest."""

import pathlib
import subprocess

SOURCES = pathlib.Path(__file__).resolve().parent / "programs"


def compile_program(name, folder):
    """Compile programs/NAME.c. Returns the path of the static executable in `folder`."""
    source = SOURCES / f"{name}.c"
    program = pathlib.Path(folder) / name
    newest = max(path.stat().st_mtime for path in (source, *SOURCES.glob("*.h")))
    if not program.exists() or program.stat().st_mtime < newest:
        subprocess.run(["gcc", "-static", "-O2", "-Wall", "-o", program, source], check=True)
    return program
