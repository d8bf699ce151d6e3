# SPDX-License-Identifier: GPL-2.0-or-later
"""The modules of a kernel: what needs what, and their bytes."""

import gzip
import lzma
import pathlib
import re
import subprocess

_FILE = re.compile(r"\.ko(\.(xz|gz|zst))?$")
_NAME = re.compile(rb"\0name=([^\0]*)\0")
_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")


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


def name_in_kernel(path):
    """The name that the module at `path` has, whatever its file is called."""
    found = _NAME.search(read_module(path))
    return module_name(found[1].decode()) if found else module_name(path)


def needs_of(path):
    """The names of the modules whose symbols the module at `path` imports, as modpost wrote them down in it."""
    found = _DEPENDS.search(read_module(path))
    return [module_name(name) for name in found[1].decode().split(",") if name] if found else []


class ModuleTree:
    """The modules below a folder, such as lib/modules/RELEASE; `more` has those that are elsewhere, {name: path}."""

    def __init__(self, directory=None, more=None):
        files = pathlib.Path(directory).rglob("*.ko*") if directory else ()
        self._paths = {module_name(path): path for path in files if _FILE.search(path.name)}
        self._paths.update({name: pathlib.Path(path) for name, path in (more or {}).items()})

    def __contains__(self, name):
        return module_name(name) in self._paths

    def load_order(self, name):
        """Paths of the files to insert, those that others need first, that of `name` last. Raises KeyError."""
        order = []
        self._visit(module_name(name), order)
        return order

    def _visit(self, name, order):
        if name not in self._paths:
            raise KeyError(name)
        path = self._paths[name]
        if path in order:
            return
        for need in needs_of(path):
            self._visit(need, order)
        order.append(path)
