# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own livepatch selftests, unmodified, against the core; where the kernel has one of its own, against that."""

import pathlib

from lab import Workshop, boot, guest_programs, trouble
from scene import has_core

# What the selftests provoke: a second shadow variable where there can be one only.
PROVOKED = (r"Duplicate shadow variable", r"WARNING: .*shadow", r"Call Trace", r"Tainted: ")


def run(kernel, report, options, others=None):
    """`others(workshop)` gives modules to be used in place of the kernel's: {name: path}."""
    folder = kernel.source / "tools/testing/selftests/livepatch"
    sources = sorted((folder / "test_modules").glob("*.c")) or \
        sorted((kernel.source / "lib/livepatch").glob("*.c"))
    with Workshop(kernel) as workshop:
        files = guest_programs()
        if has_core(kernel):
            files["/klp_core.ko"] = workshop.core()["klp_core"]
        modules = workshop.modules("selftests", sources, has_core(kernel))
        if others:
            modules |= others(workshop)
        files |= _test_files(folder, modules)
        files |= workshop.module_tree(modules)
        for program in folder.glob("*.c"):
            files[f"/selftests/{program.stem}"] = workshop.program(program)
        with boot(kernel, files, **options) as vm:
            _run_scripts(kernel, vm, folder, report)


def _test_files(folder, modules):
    """6.1 loads its modules by modprobe, later kernels by their path."""
    files = {f"/selftests/{path.name}": path for path in folder.glob("*.sh")}
    for name, path in modules.items():
        files[f"/selftests/test_modules/{name}.ko"] = path
    return files


def _run_scripts(kernel, vm, folder, report):
    if has_core(kernel):
        vm.run("insmod /klp_core.ko")
    for script in sorted(folder.glob("test-*.sh")):
        status, text = vm.try_run(
            f"dmesg -c >/dev/null; cd /selftests && KDIR=/selftests ./{script.name}", timeout=900)
        log = vm.log()
        bad = trouble(log, PROVOKED) if kernel.variant in ("debug", "kcsan") else []
        report(f"{pathlib.Path(script).stem}", status == 0 and not bad,
               text + "".join(f"log: {line}\n" for line in bad) +
               ("" if status == 0 and not bad else "\n".join(log[-150:])))
