# SPDX-License-Identifier: GPL-2.0-or-later
"""A picture of a folder, to tell whether anything in it was touched."""

import hashlib
import os
import pathlib

from results import Failed


class Snapshot:
    """Names, kinds, modes, sizes and times of all that is below a folder, and its contents."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self._entries = {}
        for path, info in _walk(self.folder):
            content = None
            if path.is_symlink():
                content = os.readlink(path)
            elif path.is_file():
                content = hashlib.blake2b(path.read_bytes(), digest_size=16).digest()
            self._entries[str(path)] = (info, content)

    def check(self):
        """Raise Failed when anything differs from the picture."""
        now = Snapshot(self.folder)._entries
        lines = [f"new: {path}" for path in sorted(now.keys() - self._entries.keys())]
        lines += [f"gone: {path}" for path in sorted(self._entries.keys() - now.keys())]
        lines += [f"changed: {path}" for path in sorted(now.keys() & self._entries.keys())
                  if now[path] != self._entries[path]]
        if lines:
            raise Failed("the user's tree was touched:\n" + "\n".join(lines[:20]))


def _walk(folder):
    for root, folders, files in os.walk(folder):
        for name in [*folders, *files, "."]:
            path = pathlib.Path(root) / name
            info = os.lstat(path)
            yield path, (info.st_mode, info.st_size, info.st_mtime_ns)
