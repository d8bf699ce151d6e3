# SPDX-License-Identifier: GPL-2.0-or-later
"""Versions of imports as kernels have them that make them of DWARF and keep them where long names fit."""

import json
import re
import subprocess

from lab import GUEST, Workshop, boot, report_log
from made_selftests import NAME

import target

PLACE = "__version_ext_crcs"
REFUSED = r"disagrees about version of symbol|Unknown symbol \S+ \(err -22\)"
CHANGED = "grep -q 'this has been live patched' /proc/cmdline"


def run(kernel, report, options):
    with Workshop(kernel) as workshop:
        right = workshop.livepatch(NAME, GUEST / f"{NAME}.patch")
        wrong = with_another_version(right, workshop.folder / "wrong" / f"{NAME}.ko")
        for module, codes in ((right, []), (wrong, ["match.crc"])):
            found = verify(kernel, module)
            report(f"klp-verify finds {codes}", sorted(set(found)) == codes, " ".join(found))
        with boot(kernel, {f"/{NAME}.ko": right, "/wrong.ko": wrong}, **options) as vm:
            status, text = vm.try_run("insmod /wrong.ko")
            report("another version is refused", status != 0 and any(re.search(REFUSED, line) for line in vm.log()), text)
            status, text = vm.try_run(f"patch /{NAME}.ko && {CHANGED} && unpatch {NAME} && ! {CHANGED}")
            report("a live patch", status == 0, text)
            report_log(vm, report, (REFUSED,))


def with_another_version(module, path):
    """Copy the module to `path` with another version of its first import."""
    path.parent.mkdir()
    versions = path.with_suffix(".versions")
    subprocess.run(["objcopy", "--dump-section", f"{PLACE}={versions}", module, "/dev/null"], check=True)
    data = bytearray(versions.read_bytes())
    data[0] ^= 1
    versions.write_bytes(data)
    subprocess.run(["objcopy", "--update-section", f"{PLACE}={versions}", module, path], check=True)
    return path


def verify(kernel, module):
    """The codes of what klp-verify finds."""
    command = [target.tools_dir() / "klp-verify", "--vmlinux", kernel.build / "vmlinux",
               "--symvers", kernel.build / "Module.symvers", "--json", module]
    result = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    return [finding["code"] for finding in json.loads(result.stdout)["findings"]]
