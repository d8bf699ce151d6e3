# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that has a livepatch core of its own keeps ours out, and goes on with its own."""

from lab import complaints
from loading import refused
from scene import scene

# The compiler stops whoever builds the core for such a kernel: this one was built nevertheless.
GUARD = ("include/linux/livepatch.h", "#ifdef CONFIG_LIVEPATCH", "#if 0")


def run(kernel, report, options):
    def cores(workshop):
        # The module loader does not let in what exports the same names; a kernel may have trimmed its exports.
        return {"/exporting.ko": workshop.other_core("exporting", *GUARD),
                "/silent.ko": workshop.other_core("silent", *GUARD, "KCFLAGS=-D__DISABLE_EXPORTS")}

    with scene(kernel, options, cores) as vm:
        status, text = vm.try_run("! insmod /exporting.ko && "
                                  "dmesg | grep 'klp_core: exports duplicate symbol klp_enable_patch (owned by kernel)'")
        report("refused: exporting", status == 0, text)
        refused(vm, report, "silent", r"kernel \S+ has a livepatch core of its own")
        status, text = vm.try_run("insmod /klptest.ko && patch /klptest_v1.ko && grep -qx 'klptest version 1' /proc/cmdline && "
                                  "unpatch klptest_v1")
        report("its own goes on", status == 0, text)
        bad = complaints(vm.log())
        report("kernel log", not bad, "\n".join(bad))
