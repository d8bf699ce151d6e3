# SPDX-License-Identifier: GPL-2.0-or-later
"""The modules of a kernel image package: what depends on what, and their bytes.

`depmod` only prints the dependencies here, because the folder of the package
(lib/modules/RELEASE) has no modules.dep before installation and may be read-only.
"""

import gzip
import lzma
import pathlib
import re
import subprocess

# A line of modules.dep among all the tables that a dry run of depmod prints.
_DEPENDENCY = re.compile(r"^(\S+\.ko(?:\.\w+)?):(.*)$", re.MULTILINE)


def module_name(path):
    """The name by which the kernel knows the module file at `path`."""
    base = pathlib.PurePath(path).name
    return base.split(".ko")[0].replace("-", "_")


def read_module(path):
    """The uncompressed bytes of a module file."""
    path = pathlib.Path(path)
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout
    return path.read_bytes()


class ModuleTree:
    """lib/modules/RELEASE of an image package."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self._dependencies = _dependencies(self.directory)

    def __contains__(self, name):
        return name.replace("-", "_") in self._dependencies

    def load_order(self, name):
        """Paths of the files to insert, dependencies first, `name` itself last."""
        order = []
        self._visit(name.replace("-", "_"), order)
        return order

    def _visit(self, name, order):
        if name not in self._dependencies:
            raise KeyError(f"no module {name} below {self.directory}")
        path, needs = self._dependencies[name]
        for need in needs:
            self._visit(module_name(need), order)
        if path not in order:
            order.append(path)


def _dependencies(directory):
    """{module name: (path, [paths of what it needs directly or not])}"""
    base = directory.parent.parent.parent
    if directory.parts[-3:-1] != ("lib", "modules"):
        raise ValueError(f"{directory} is not a lib/modules/RELEASE folder")
    text = subprocess.run(["/sbin/depmod", "-n", "-b", base, directory.name], check=True,
                          capture_output=True, text=True).stdout
    table = {}
    for match in _DEPENDENCY.finditer(text):
        needs = [directory / need for need in reversed(match[2].split())]
        table[module_name(match[1])] = (directory / match[1], needs)
    return table
