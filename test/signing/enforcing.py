# SPDX-License-Identifier: GPL-2.0-or-later
"""A distribution's kernel that takes no module but those that a certificate of ours has signed.

The certificates that a kernel trusts are in its image. Ours takes their place in a copy of vmlinux, which QEMU boots as it
is, by the kernel's PVH entry (Xen's boot/x86 start of day, a note in the image); all else is the distribution's own.
"""

import pathlib
import struct
import subprocess

from results import Failed

# Kernel parameters: no unsigned module, and no other way into the kernel for root either.
PARAMETERS = "module.sig_enforce=1 lockdown=integrity"
_LIST, _SIZE, _END = "system_certificate_list", "system_certificate_list_size", "__cert_list_end"
_PT_LOAD = 1


def trusting(vmlinux, certificate, folder):
    """A copy of the image below `folder` that trusts only `certificate` (DER)."""
    addresses = _addresses(vmlinux)
    image = pathlib.Path(folder) / "vmlinux"
    subprocess.run(["strip", "--strip-all", "-o", image, vmlinux], check=True)
    room = addresses[_END] - addresses[_LIST]
    if len(certificate) > room:
        raise Failed(f"the certificate has {len(certificate)} bytes, and the kernel's list has room for {room}")
    with open(image, "r+b") as file:
        for name, content in ((_LIST, certificate), (_SIZE, struct.pack("<Q", len(certificate)))):
            file.seek(_offset(file, addresses[name]))
            file.write(content)
    return image


def _addresses(vmlinux):
    text = subprocess.run(["nm", vmlinux], check=True, capture_output=True, text=True).stdout
    words = (line.split() for line in text.splitlines())
    return {name: int(address, 16) for address, _, name in (w for w in words if len(w) == 3) if name in (_LIST, _SIZE, _END)}


def _offset(file, address):
    """Where in an ELF file the bytes of this address are."""
    file.seek(0)
    header = file.read(64)
    start, = struct.unpack_from("<Q", header, 0x20)
    size, count = struct.unpack_from("<HH", header, 0x36)
    for at in range(count):
        file.seek(start + at * size)
        kind, _, offset, virtual, _, length = struct.unpack("<IIQQQQ", file.read(40))
        if kind == _PT_LOAD and virtual <= address < virtual + length:
            return offset + address - virtual
    raise Failed(f"the image has nothing at {address:#x}")
