# SPDX-License-Identifier: GPL-2.0-or-later
"""Write a "newc" cpio archive, the form that the kernel takes as an initramfs.

The archive is made in memory so that device nodes need no root. The format is
described in the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
"""

import stat


class Archive:
    """An initramfs under construction; every method adds one entry."""

    def __init__(self):
        self._parts = []
        self._seen = {""}
        self._inode = 0

    def file(self, path, data, mode=0o644):
        """Add a regular file with the given bytes (or text)."""
        if isinstance(data, str):
            data = data.encode()
        self._entry(path, stat.S_IFREG | mode, data)

    def directory(self, path):
        self._entry(path, stat.S_IFDIR | 0o755, b"")

    def symlink(self, path, target):
        self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, path, major, minor):
        self._entry(path, stat.S_IFCHR | 0o600, b"", (major, minor))

    def to_bytes(self):
        """The finished archive."""
        trailer = self._encode("TRAILER!!!", 0, b"", (0, 0))
        return b"".join(self._parts) + trailer

    def _entry(self, path, mode, data, device=(0, 0)):
        path = path.strip("/")
        if path in self._seen:
            return
        parent = path.rpartition("/")[0]
        if parent not in self._seen:
            self.directory(parent)
        self._seen.add(path)
        self._parts.append(self._encode(path, mode, data, device))

    def _encode(self, path, mode, data, device):
        self._inode += 1
        name = path.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0,
                  device[0], device[1], len(name), 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        return _padded(header + name) + _padded(data)


def _padded(data):
    return data + b"\0" * (-len(data) % 4)
