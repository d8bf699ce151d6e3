# SPDX-License-Identifier: GPL-2.0-or-later
"""Build the tools with a CMake preset; compiled objects are cached beside the kernels."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]


def environment():
    """The environment for building: a compiler cache that outlives the checkout."""
    cache = pathlib.Path(os.environ.get("KLP_CACHE", pathlib.Path.home() / ".cache" / "klp-build"))
    variables = dict(os.environ)
    variables.setdefault("CCACHE_DIR", str(cache / "ccache"))
    variables.setdefault("CCACHE_BASEDIR", str(ROOT))
    variables.setdefault("CCACHE_NOHASHDIR", "1")
    variables.setdefault("CMAKE_C_COMPILER_LAUNCHER", "ccache")
    variables.setdefault("CMAKE_CXX_COMPILER_LAUNCHER", "ccache")
    return variables


def build(preset, targets=()):
    """Configure and build. Raises CalledProcessError."""
    more = ["--target", *targets] if targets else []
    commands = [["cmake", "--preset", preset, "--log-level=WARNING"],
                ["cmake", "--build", "--preset", preset, "-j", str(os.cpu_count()), *more]]
    for command in commands:
        subprocess.run(command, cwd=ROOT, env=environment(), check=True)
