# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel that a test boots: what klp-build's cache (or the caller) holds of it."""

import dataclasses
import json
import os
import pathlib
import subprocess

from modules import ModuleTree

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tools_dir():
    """Folder of the four commands: $KLP_BIN, or build/bin of this checkout."""
    return pathlib.Path(os.environ.get("KLP_BIN", ROOT / "build" / "bin"))


def cache_dir():
    """The folder that klp-build keeps kernels in."""
    return pathlib.Path(os.environ.get("KLP_CACHE", pathlib.Path.home() / ".cache" / "klp-build"))


@dataclasses.dataclass(frozen=True)
class Target:
    """A kernel: `name` is what klp-build's --kernel takes."""

    name: str
    release: str
    vmlinuz: pathlib.Path
    modules_dir: pathlib.Path
    parts: dict

    @property
    def series(self):
        """"6.1" of 6.1.0-56-cloud-amd64."""
        return ".".join(self.release.split(".")[:2])

    def modules(self):
        return ModuleTree(self.modules_dir)


def fetch(name):
    """Let klp-build fetch and prepare the kernel `name` (debian:6.1-cloud)."""
    command = [tools_dir() / "klp-build", "--kernel", name, "--print-target"]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    parts = json.loads(result.stdout)
    return Target(name, parts["release"], pathlib.Path(parts["vmlinuz"]),
                  pathlib.Path(parts["modules_dir"]), parts)


def from_paths(name, vmlinuz, modules_dir):
    """A kernel whose image is at hand."""
    directory = pathlib.Path(modules_dir)
    return Target(name, directory.name, pathlib.Path(vmlinuz), directory, {})
