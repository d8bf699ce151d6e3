# SPDX-License-Identifier: GPL-2.0-or-later
"""A /lib/modules for the guest with some of a kernel's modules, so that modprobe and the kernel find them by name and alias."""

import pathlib
import subprocess
import tempfile

from . import programs
from .modules import module_name, read_module

# What the kernel has built in; modprobe is content with that.
_BUILT_IN = ("modules.builtin", "modules.builtin.modinfo", "modules.order")
# The kernel calls it by this path.
_MODPROBE = b'#!/bin/busybox sh\nexec /bin/modprobe "$@"\n'


def guest_modules(paths, release, directory=None):
    """
    {path in the guest: bytes}

    paths      of the modules that are wanted, and of all that they need
    directory  lib/modules/RELEASE of the kernel, where it is known
    """
    place = f"lib/modules/{release}"
    with tempfile.TemporaryDirectory() as root:
        folder = pathlib.Path(root) / place
        folder.mkdir(parents=True)
        for name in _BUILT_IN:
            there = directory and pathlib.Path(directory) / name
            (folder / name).write_bytes(there.read_bytes() if there and there.exists() else b"")
        for path in paths:
            (folder / f"{module_name(path)}.ko").write_bytes(read_module(path))
        subprocess.run([programs.find("depmod"), "-b", root, release], check=True, stdin=subprocess.DEVNULL,
                       capture_output=True)
        files = {f"/{place}/{path.name}": path.read_bytes() for path in folder.iterdir()}
    return {**files, "/sbin/modprobe": _MODPROBE}
