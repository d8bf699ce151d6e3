# SPDX-License-Identifier: GPL-2.0-or-later
"""Patched functions of modules: loaded before the patch, after it, and again."""

from example import Example

STATE = "cat /sys/block/zram0/initstate"
USAGE = "cat /sys/block/zram0/mm_stat"

# Kernels before 6.12 compress with a module that nothing depends on.
MODULES = ("zram", "lzo-rle")
LOAD = "[ ! -e /vm/order/lzo_rle ] || load lzo-rle; load zram"


def _one_module(session):
    session.vm.run(LOAD)
    session.expect(STATE, r"^0$")
    session.patch()
    session.expect(STATE, r"^empty$")
    session.vm.run(f"rmmod zram; {LOAD}")
    session.expect(STATE, r"^empty$")
    session.vm.run("echo 1M >/sys/block/zram0/disksize")
    session.expect(STATE, r"^ready$")
    session.disable()
    session.expect(STATE, r"^1$")
    session.unload()
    session.vm.run("rmmod zram")

    session.patch()
    session.vm.run(LOAD)
    session.expect(STATE, r"^empty$")
    session.disable()
    session.expect(STATE, r"^0$")
    session.unload()
    session.vm.run("rmmod zram")


def _several(session):
    def old():
        session.expect("cat /proc/version", r"^Linux version")
        session.expect(USAGE, r"^ +0 +0 +0 ")

    def new():
        session.expect("cat /proc/version", r"^three objects: Linux version")
        session.expect(USAGE, r"^ +0 +0 +1000000 ")

    session.vm.run(f"{LOAD}; echo 1M >/sys/block/zram0/disksize")
    old()
    session.patch()
    new()
    session.disable()
    old()
    session.unload()

    session.vm.run("rmmod zram; if grep -q ^zsmalloc /proc/modules; then rmmod zsmalloc; fi") # built in since 7.x
    session.patch()
    session.expect("cat /proc/version", r"^three objects: Linux version")
    session.vm.run(f"{LOAD}; echo 1M >/sys/block/zram0/disksize")
    new()
    session.disable()
    old()
    session.unload()
    session.vm.run("rmmod zram")


EXAMPLES = [
    Example("06-module", "a function of a module that comes and goes",
            modules=MODULES, flow=_one_module),
    Example("07-several-objects", "vmlinux and two modules in one patch",
            modules=MODULES, flow=_several),
]
