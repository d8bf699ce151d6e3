# SPDX-License-Identifier: GPL-2.0-or-later
"""The core goes into the kernel it was made for, and into no other."""

import re
import shutil

from lab import Workshop, boot, complaints


def run(kernel, report, options):
    right = kernel.build_id()
    wrong = "0123456789abcdef" * 2 + "01234567"
    with Workshop(kernel) as workshop:
        files = {}
        for name, build_id in (("right", right), ("wrong", wrong)):
            path = workshop.folder / f"{name}.ko"
            shutil.copy(workshop.core(f"KLP_BUILD_ID={build_id}")["klp_core"], path)
            files[f"/{name}.ko"] = path
        with boot(kernel, files, **options) as vm:
            status, text = vm.try_run("insmod /wrong.ko")
            log = "\n".join(vm.log())
            report("refused by another kernel", status != 0 and
                   re.search(f"livepatch: made for the kernel with build id {wrong}, this one is {right}", log),
                   text + log)
            status, text = vm.try_run("insmod /right.ko && [ -d /sys/kernel/livepatch ] && ! rmmod klp_core")
            report("loads, and stays", status == 0, text)
            bad = complaints(vm.log())
            report("kernel log", not bad, "\n".join(bad))
