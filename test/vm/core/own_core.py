# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that has a livepatch core of its own keeps ours out, and goes on with its own."""

from lab import report_log
from loading import refused
from scene import scene

# The compiler stops whoever builds the core for such a kernel, then the linker of modules whoever exports the same names.
# This core got past both.
GUARD = ("include/linux/livepatch.h", "#ifdef CONFIG_LIVEPATCH", "#if 0")


def run(kernel, report, options):
    def core(workshop):
        return {"/second.ko": workshop.other_core("second", *GUARD, "KCFLAGS=-D__DISABLE_EXPORTS")}

    with scene(kernel, options, core) as vm:
        refused(vm, report, "second", r"kernel \S+ has a livepatch core of its own")
        status, text = vm.try_run("insmod /klptest.ko && patch /klptest_v1.ko && grep -qx 'klptest version 1' /proc/cmdline && "
                                  "unpatch klptest_v1")
        report("its own goes on", status == 0, text)
        report_log(vm, report)
