# SPDX-License-Identifier: GPL-2.0-or-later
"""The demonstration: called by ./demo after it installed what is needed.

Builds the tools and the example patch 01-meminfo, boots the kernel, and prints the
transcript. Exit status 0 means that every step was seen to work.
"""

import pathlib
import subprocess
import sys
import time

import tools

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "vm"))

import target  # noqa: E402 (the folder of the VM tests is on the path only now)
from boottest.kernellog import complaints  # noqa: E402
from boottest.machine import Machine, MachineError  # noqa: E402

NAME = "livepatch_meminfo"
LOOK = "grep -i vmallocchunk /proc/meminfo"
OLD = "VmallocChunk:"
NEW = "VMALLOCCHUNK:"
TOOLS = ("klp-build", "create-diff-object", "klp-convert", "klp-verify")


class Unseen(Exception):
    """A step of the demonstration did not show what it must."""


def build_livepatch(kernel, folder):
    """Run klp-build, its output on the terminal. Returns the module."""
    folder.mkdir(parents=True, exist_ok=True)
    module = folder / f"{NAME}.ko"
    module.unlink(missing_ok=True)
    patch = target.ROOT / "patches" / kernel.examples / "01-meminfo.patch"
    command = [target.tools_dir() / "klp-build", "--kernel", kernel.name, "-o", module, patch]
    print("$", *(_short(word) for word in command), flush=True)
    subprocess.run(command, check=True)
    return module


def _short(word):
    try:
        return str(pathlib.Path(word).relative_to(target.ROOT))
    except ValueError:
        return str(word)


def show(vm):
    """Old behaviour, load, transition, new behaviour, disable, old behaviour, unload."""
    def see(command, expected):
        if expected not in vm.run(command, timeout=180):
            raise Unseen(f"`{command}` did not print {expected}")

    see("uname -r", "cloud")
    see(LOOK, OLD)
    vm.run(f"insmod /{NAME}.ko")
    vm.run(f"wait_until 90 settled {NAME}", timeout=180)
    see(f"cat /sys/kernel/livepatch/{NAME}/enabled /sys/kernel/livepatch/{NAME}/transition", "1\n0\n")
    see(LOOK, NEW)
    vm.run(f"disable {NAME}", timeout=180)
    see(LOOK, OLD)
    vm.run(f"unload {NAME}", timeout=180)
    see(f"[ -d /sys/module/{NAME} ] || echo unloaded", "unloaded")


def main():
    name = sys.argv[1] if len(sys.argv) > 1 else "debian:6.12-cloud"
    started = time.monotonic()
    print(f"A live patch for {name}: the tools are built, then the kernel's packages are fetched (0.6 GB, and 4 GB in the cache)\n"
          "and made ready, unless an earlier run did so; about five minutes the first time, half a minute after that.", flush=True)
    tools.build("release", TOOLS)
    kernel = target.fetch(name)
    module = build_livepatch(kernel, target.ROOT / "out" / "demo")
    print(f"\nBooting {kernel.release} in QEMU.", flush=True)
    with Machine(kernel.vmlinuz, files={f"/{NAME}.ko": module}) as vm:
        vm.run("dmesg -c >/dev/null")
        vm.follow(lambda source, text: print(text, end="", flush=True))
        show(vm)
        vm.follow(None)
        bad = complaints(vm.log())
    if bad:
        raise Unseen("the kernel complained:\n" + "\n".join(bad))
    print(f"\nAll of it was seen. ({time.monotonic() - started:.0f} s)")


if __name__ == "__main__":
    try:
        main()
    except (Unseen, MachineError, subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"demo: {error}")
