# SPDX-License-Identifier: GPL-2.0-or-later
"""Check a livepatch's symbol positions against the running kernel's /proc/kallsyms.

The image with symbols says which address belongs to which source file; the
running kernel says which address has which position among its namesakes. Both
are read here without any of our own tools.
"""

import pathlib
import re
import struct
import subprocess

from failed import Failed


def livepatch_symbols(ko):
    """[(object, name, position)] of the module's livepatch symbols."""
    text = subprocess.run(["readelf", "-sW", ko], check=True, capture_output=True, text=True).stdout
    found = [(match[1], match[2], int(match[3]))
             for match in re.finditer(r"\.klp\.sym\.([^.\s]+)\.(\S+),(\d+)", text)]
    return found + _symbols_for_core(pathlib.Path(ko).read_bytes())


def _symbols_for_core(data):
    """The same of a module for klp-build's own core: struct klp_core_reloc of template/core, 48 bytes."""
    sections = _sections(data)
    if ".klp.core.relocs" not in sections:
        return []
    table, strings = sections[".klp.core.relocs"], sections[".klp.core.strings"]
    names = {offset: addend for offset, _, addend in struct.iter_unpack("<QQq", sections.get(".rela.klp.core.relocs", b""))}

    def text(offset):
        return strings[names[offset]:strings.index(b"\0", names[offset])].decode()

    return [(text(at + 16), text(at + 24), struct.unpack_from("<I", table, at + 40)[0])
            for at in range(0, len(table) - 48, 48)]


def _sections(data):
    """{name: contents} of a 64-bit little-endian object."""
    start, = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3a)
    headers = [struct.unpack_from("<IIQQQQ", data, start + size * at) for at in range(count)]
    where = headers[names][4]
    return {data[where + name:data.index(b"\0", where + name)].decode(): data[offset:offset + length]
            for name, _, _, _, offset, length in headers}


def image_addresses(vmlinux, names):
    """({(name, source file): address}, address of _text) from an image's symbol table."""
    process = subprocess.Popen(["readelf", "-sW", vmlinux], stdout=subprocess.PIPE, text=True)
    wanted = {}
    start = None
    source = ""
    for line in process.stdout:
        fields = line.split()
        if len(fields) < 8:
            continue
        if fields[3] == "FILE":
            source = fields[7].rpartition("/")[2]
        elif fields[7] in names:
            wanted[fields[7], source] = int(fields[1], 16)
        elif fields[7] == "_text":
            start = int(fields[1], 16)
    if process.wait() != 0:
        raise Failed(f"readelf cannot read {vmlinux}")
    return wanted, start


def check(session, meant):
    """
    session  the example, its livepatch loaded
    meant    {name: source file} of symbols that must be in the livepatch, with a position unless the running kernel
             has only one of that name
    """
    symbols = {name: position for owner, name, position in livepatch_symbols(session.ko())
               if owner == "vmlinux"}
    addresses, image_start = image_addresses(session.target.parts["vmlinux"], meant)
    pattern = "|".join(["_text", *meant])
    lines = session.vm.run(f"grep -E ' ({pattern})$' /proc/kallsyms").splitlines()
    running = [(int(line.split()[0], 16), line.split()[2]) for line in lines]
    start = next(address for address, name in running if name == "_text")
    for name, source in meant.items():
        namesakes = [address for address, other in running if other == name]
        if name not in symbols or (symbols[name] == 0) != (len(namesakes) == 1):
            raise Failed(f"{session.ko().name} has no livepatch symbol for {name} with the right position: {symbols}")
        got = namesakes[max(symbols[name], 1) - 1] - start
        wanted = addresses[name, source] - image_start
        if got != wanted:
            raise Failed(f"{name},{symbols[name]} is at _text+{got:#x}; that of {source} is at {wanted:#x}")
