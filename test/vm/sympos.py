# SPDX-License-Identifier: GPL-2.0-or-later
"""Check a livepatch's symbol positions against the running kernel's /proc/kallsyms.

The image with symbols says which address belongs to which source file; the
running kernel says which address has which position among its namesakes. Both
are read here without any of our own tools.
"""

import re
import subprocess

from failed import Failed


def livepatch_symbols(ko):
    """[(object, name, position)] of the module's livepatch symbols."""
    text = subprocess.run(["readelf", "-sW", ko], check=True, capture_output=True, text=True).stdout
    return [(match[1], match[2], int(match[3]))
            for match in re.finditer(r"\.klp\.sym\.([^.\s]+)\.(\S+),(\d+)", text)]


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
    meant    {name: source file} of symbols that must be in the livepatch with a position
    """
    symbols = {name: position for owner, name, position in livepatch_symbols(session.ko())
               if owner == "vmlinux"}
    addresses, image_start = image_addresses(session.target.parts["vmlinux"], meant)
    pattern = "|".join(["_text", *meant])
    lines = session.vm.run(f"grep -E ' ({pattern})$' /proc/kallsyms").splitlines()
    running = [(int(line.split()[0], 16), line.split()[2]) for line in lines]
    start = next(address for address, name in running if name == "_text")
    for name, source in meant.items():
        if not symbols.get(name):
            raise Failed(f"{session.ko().name} has no livepatch symbol for {name} with a position: {symbols}")
        namesakes = [address for address, other in running if other == name]
        got = namesakes[symbols[name] - 1] - start
        wanted = addresses[name, source] - image_start
        if got != wanted:
            raise Failed(f"{name},{symbols[name]} is at _text+{got:#x}; that of {source} is at {wanted:#x}")
