# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel that a test boots: what klp-build's cache (or the caller) holds of it."""

import dataclasses
import json
import os
import pathlib
import platform
import subprocess

from boottest.modules import ModuleTree

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tools_dir():
    """Folder of the four commands: $KLP_BIN, or build/bin of this checkout."""
    return pathlib.Path(os.environ.get("KLP_BIN", ROOT / "build" / "bin"))


def cache_dir():
    """The folder that klp-build keeps kernels in."""
    return pathlib.Path(os.environ.get("KLP_CACHE", pathlib.Path.home() / ".cache" / "klp-build"))


@dataclasses.dataclass(frozen=True)
class Target:
    """
    A kernel.

    name         for people
    vmlinuz      the image to boot
    modules_dir  its lib/modules/RELEASE
    parts        what klp-build --print-target says of it
    options      how klp-build's command line names it
    """

    name: str
    release: str
    vmlinuz: pathlib.Path
    modules_dir: pathlib.Path
    parts: dict
    options: tuple = ()

    @property
    def series(self):
        """"6.1" of 6.1.0-56-cloud-amd64."""
        return ".".join(self.release.split(".")[:2])

    @property
    def examples(self):
        """The series whose examples fit it: the newest of patches/ that is not newer."""
        def key(series):
            return tuple(int(part) for part in series.split("."))

        series = (path.name for path in (ROOT / "patches").glob("[0-9]*"))
        return max((one for one in series if key(one) <= key(self.series)), key=key)

    def modules(self):
        return ModuleTree(self.modules_dir)

    def needs_core(self):
        """Whether live patches for it come with a livepatch core of klp-build's."""
        return self.parts.get("runtime") == "core"


def cloud_kernel(series):
    """klp-build's name of the newest cloud kernel of a series. Debian 13 has no 6.1 of its own, and takes Debian 12's."""
    is_of_other_suite = series == "6.1" and platform.freedesktop_os_release().get("VERSION_CODENAME") != "bookworm"
    return f"debian:bookworm/{series}-cloud" if is_of_other_suite else f"debian:{series}-cloud"


def _prepare(options):
    command = [tools_dir() / "klp-build", *options, "--print-target"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def fetch(name):
    """Let klp-build fetch and prepare the kernel `name` (debian:6.1-cloud)."""
    options = ("--kernel", name)
    parts = _prepare(options)
    return Target(name, parts["release"], pathlib.Path(parts["vmlinuz"]),
                  pathlib.Path(parts["modules_dir"]), parts, options)


def from_build(source, build, root):
    """A kernel that was built from `source` in the folder `build`, its modules installed below `root`."""
    options = ("--sourcedir", source, "--builddir", build)
    parts = _prepare(options)
    return Target(str(build), parts["release"], pathlib.Path(parts["vmlinuz"]),
                  pathlib.Path(root) / "lib/modules" / parts["release"], parts, options)


def from_parts(options, modules_dir):
    """A kernel that these options of klp-build name by its parts, with what its lib/modules/RELEASE is to be."""
    parts = _prepare(options)
    return Target(parts["release"], parts["release"], pathlib.Path(parts["vmlinuz"]), pathlib.Path(modules_dir), parts,
                  tuple(options))


def from_paths(name, vmlinuz, modules_dir):
    """A kernel whose image is at hand."""
    directory = pathlib.Path(modules_dir)
    return Target(name, directory.name, pathlib.Path(vmlinuz), directory, {})
