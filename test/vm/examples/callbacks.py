# SPDX-License-Identifier: GPL-2.0-or-later
"""Callbacks before and after patching and unpatching, of vmlinux and of a module."""

from example import Example

ZRAM = "cat /sys/block/zram0/initstate"
STEPS_IN = ("pre-patch", "post-patch")
STEPS_OUT = ("pre-unpatch", "post-unpatch")


def _forget_log(session):
    session.vm.run("dmesg -c >/dev/null")


def _logged(session, *steps):
    session.expect_log(*steps)
    _forget_log(session)


def _kernel_names(session):
    session.vm.run("load zram")
    session.patch()
    session.expect("cat /proc/uptime", r" callbacks$")
    session.expect(ZRAM, r"^0 with callbacks$")
    log = session.vm.log()
    for what in ("uptime: {} vmlinux", "zram_state: {} zram"):
        for step in STEPS_IN:
            session.expect_log(what.format(step))
    session.expect_log("zram_state: pre-patch zram", "zram_state: post-patch zram")
    session.expect_log("uptime: pre-patch vmlinux", "starting patching transition",
                       "uptime: post-patch vmlinux", "patching complete")
    if any("unpatch" in line for line in log):
        session.expect_log("no callback for unpatching may have run")
    _forget_log(session)

    session.vm.run("rmmod zram")
    _logged(session, *(f"zram_state: {step} zram" for step in STEPS_OUT))
    session.vm.run("load zram")
    _logged(session, *(f"zram_state: {step} zram" for step in STEPS_IN))

    session.disable()
    session.expect_log("uptime: pre-unpatch vmlinux", "uptime: post-unpatch vmlinux")
    session.expect_log("zram_state: pre-unpatch zram", "zram_state: post-unpatch zram")
    session.expect(ZRAM, r"^0$")
    session.unload()
    session.vm.run("rmmod zram")


def _kpatch_names(session):
    session.expect("cat /proc/uptime", r"\d$")
    session.patch()
    session.expect("cat /proc/uptime", r" kpatch callbacks$")
    session.disable()
    session.expect_log("uptime: pre-patch vmlinux", "uptime: post-patch vmlinux",
                       "uptime: pre-unpatch vmlinux", "uptime: post-unpatch vmlinux")
    session.expect("cat /proc/uptime", r"\d$")
    session.unload()


EXAMPLES = [
    Example("11-callbacks-klp", "callbacks by the kernel's macro names, of vmlinux and a module",
            modules=("zram",), flow=_kernel_names),
    Example("11-callbacks-kpatch", "callbacks by kpatch's macro names", flow=_kpatch_names),
]
