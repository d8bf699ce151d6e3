# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs of the host that a test needs, and what kind of program a file is."""

import os
import shutil
import struct

from .problem import Problem

# Program -> Debian's package.
NEEDED = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "depmod": "kmod"}
# Where programs are that PATH need not name.
SYSTEM = "/usr/local/sbin:/usr/sbin:/sbin"

_PT_INTERP = 3


def find(name):
    """The path of a program. Raises Problem with the name of its package."""
    path = shutil.which(name) or shutil.which(name, path=SYSTEM)
    if not path:
        raise Problem("test.missing-tool", name, "the program is needed to boot a kernel and is not installed",
                      f"install it: Debian's package is {NEEDED.get(name, name)}")
    return path


def check():
    """All that is needed is there. Raises Problem."""
    for name in NEEDED:
        find(name)
    if is_dynamic(find("busybox")):
        raise Problem("test.missing-tool", find("busybox"), "it needs shared libraries, which the machine that is booted lacks",
                      "install one that is linked statically: Debian's package is busybox-static")


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\177ELF"


def is_dynamic(path):
    """Whether an ELF program needs a loader: it has a PT_INTERP header (System V ABI, chapter 5)."""
    with open(path, "rb") as file:
        start = file.read(64)
        if start[:4] != b"\177ELF" or len(start) < 64 or start[4] != 2:
            return False
        offset, = struct.unpack_from("<Q", start, 0x20)
        size, count = struct.unpack_from("<HH", start, 0x36)
        file.seek(offset, os.SEEK_SET)
        headers = file.read(size * count)
    return any(struct.unpack_from("<I", headers, at)[0] == _PT_INTERP for at in range(0, len(headers) - 3, max(size, 4)))
