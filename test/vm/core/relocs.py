# SPDX-License-Identifier: GPL-2.0-or-later
"""Relocations that a patch module carries for the core."""

import collections
import re
import subprocess

from lab import GUEST, report_log
from scene import scene

# Name: the entry that is wrong, what the core has to say about it.
BROKEN = {
    "unknown_symbol": ('{ &data_spare, "vmlinux", "vmlinux", "klptest_nowhere", 0, 0, R_X86_64_64 }',
                       r"symbol 'klptest_nowhere' not found in symbol table"),
    "ambiguous": ('{ &data_spare, "vmlinux", "vmlinux", STRING(KLPTEST_DUP), 0, 0, R_X86_64_64 }',
                  r"unresolvable ambiguity for symbol '\S+' in object 'vmlinux'"),
    "no_such_position": ('{ &data_spare, "vmlinux", "vmlinux", "tasklist_lock", 0, 3, R_X86_64_64 }',
                         r"symbol position 3 for symbol 'tasklist_lock' in object 'vmlinux' not found"),
    "overflow": ('{ &data_spare, "vmlinux", "vmlinux", "tasklist_lock", 0, 0, R_X86_64_32 }',
                 r"overflow in relocation type 10 to symbol 'tasklist_lock'"),
    "bad_type": ('{ &data_spare, "vmlinux", "vmlinux", "tasklist_lock", 0, 0, R_X86_64_COPY }',
                 r"unknown relocation type 5 to symbol 'tasklist_lock'"),
    "not_empty": ('{ &text, "vmlinux", "vmlinux", "tasklist_lock", 0, 0, R_X86_64_64 }',
                  r"place of the relocation to symbol 'tasklist_lock' is not empty"),
    "outside": ('{ (void *)&jiffies, "vmlinux", "vmlinux", "tasklist_lock", 0, 0, R_X86_64_64 }',
                r"relocation to symbol 'tasklist_lock' lies outside of the module"),
    "module_unknown": ('{ &data_spare, "klptest", "klptest", "klptest_nowhere", 0, 0, R_X86_64_64 }',
                       r"symbol 'klptest_nowhere' not found in symbol table"),
    "module_not_empty": ('{ &text, "klptest", "klptest", "released", 0, 0, R_X86_64_64 }',
                         r"place of the relocation to symbol 'released' is not empty"),
}

# Those that are only seen when their module arrives.
LATE = ("module_unknown", "module_not_empty")


def module(workshop, kernel):
    """{path in the guest: path here} of a patch of klptest that can be loaded before klptest."""
    sources = {"klptest_relocs": (GUEST / "klptest_relocs.c").read_text()}
    built = workshop.modules("relocs", sources, flags=f"-DKLPTEST_DUP={duplicate(kernel)}")
    return {f"/{name}.ko": path for name, path in built.items()}


def run(kernel, report, options):
    double = duplicate(kernel)

    def modules(workshop):
        text = (GUEST / "klptest_relocs.c").read_text()
        sources = {"klptest_relocs": text}
        for name, (entry, _) in BROKEN.items():
            sources[f"broken_{name}"] = f"#define BROKEN {entry}\n{text}"
        built = workshop.modules("relocs", sources, flags=f"-DKLPTEST_DUP={double}")
        return {f"/{name}.ko": path for name, path in (built | _stripped(workshop, built["klptest_relocs"])).items()}

    with scene(kernel, options, modules) as vm:
        _values(vm, report, double)
        _strip(vm, report)
        for name, (_, message) in BROKEN.items():
            _refused(vm, report, name, message)
        for name in LATE:
            _keeps_out(vm, report, name, BROKEN[name][1])
        report_log(vm, report)


# What tools that make packages do to modules; the last takes away the name by which the core finds the table.
STRIPS = {
    "debug": ["--strip-debug"],
    "unneeded": ["--strip-unneeded"],
    "anonymous": ["--redefine-sym", "klp_core_relocs=nobody_knows"],
}


def _stripped(workshop, module):
    """{name: path} of `module` as it is after STRIPS, below the name that it has in the kernel all the same."""
    found = {}
    for name, options in STRIPS.items():
        found[f"stripped_{name}"] = workshop.folder / f"stripped_{name}.ko"
        subprocess.run(["objcopy", *options, module, found[f"stripped_{name}"]], check=True)
    return found


def _strip(vm, report):
    for name in ("debug", "unneeded"):
        vm.run(f"insmod /stripped_{name}.ko")
        tasklist, = _addresses(vm, "tasklist_lock")
        found = _written(vm)
        report(f"stripped: {name}", found["pc32"] == found["32s"] == tasklist, str(found))
        vm.run("wait_until 30 settled klptest_relocs; unpatch klptest_relocs")
    status, text = vm.try_run("dmesg -c >/dev/null; ! insmod /stripped_anonymous.ko && [ ! -d /sys/module/klptest_relocs ]")
    log = "\n".join(vm.log())
    report("a table without a name", status == 0 and "klptest_relocs: its symbol table does not name its relocations"
           in log, text + log)


def duplicate(kernel):
    """A function that vmlinux has exactly two of."""
    result = subprocess.run(["nm", kernel.build / "vmlinux"], capture_output=True, text=True, check=True)
    names = collections.Counter(re.findall(r"^\w+ t (\w+)$", result.stdout, re.MULTILINE))
    every = collections.Counter(re.findall(r"^\w+ \w (\w+)$", result.stdout, re.MULTILINE))
    return min(name for name, count in names.items() if count == 2 == every[name])


def _addresses(vm, name, module=""):
    text = vm.run(f"grep -w '{name}' /proc/kallsyms")
    found = [line.split() for line in text.splitlines()]
    return sorted(int(line[0], 16) for line in found if line[2] == name and line[3:] == ([f"[{module}]"] if module else []))


def _written(vm):
    lines = vm.run("cat /sys/module/klptest_relocs/parameters/values").splitlines()
    return {line.split()[0]: int(line.split()[1], 16) for line in lines if line.strip()}


def _values(vm, report, double):
    tasklist, = _addresses(vm, "tasklist_lock")
    text_mutex, = _addresses(vm, "text_mutex")
    fixed = {"pc32": tasklist, "32s": tasklist, "abs": text_mutex, "constant": tasklist,
             "second": _addresses(vm, double)[1]}

    vm.run("patch /klptest_relocs.ko")
    found = _written(vm)
    report("to vmlinux", found == fixed | {"plt32": 0, "module": 0}, f"{found} {fixed}")

    for attempt in ("the object arrives", "it arrives again"):
        vm.run("insmod /klptest.ko")
        expected = fixed | {"plt32": _addresses(vm, "pass_time", "klptest")[0],
                            "module": _addresses(vm, "released", "klptest")[0]}
        found = _written(vm)
        report(attempt, found == expected, f"{found} {expected}")
        vm.run("rmmod klptest")
        found = _written(vm)
        report(f"{attempt}, it leaves", found == fixed | {"plt32": 0, "module": 0}, str(found))
    vm.run("unpatch klptest_relocs")


def _refused(vm, report, name, message):
    """The module is refused with a reason, and can be replaced by a right one."""
    status, text = vm.try_run(
        f"insmod /klptest.ko; dmesg -c >/dev/null; ! insmod /broken_{name}.ko && "
        f"[ ! -d /sys/module/broken_{name} ] && patch /klptest_relocs.ko && "
        "unpatch klptest_relocs && rmmod klptest")
    log = "\n".join(vm.log())
    report(f"refused: {name}", status == 0 and re.search("livepatch: .*" + message, log), text + log)


def _keeps_out(vm, report, name, message):
    """The patch is there already; its object is refused, as often as it comes, and nothing of the patch is written to."""
    status, text = vm.try_run(
        f"dmesg -c >/dev/null; patch /broken_{name}.ko && ! insmod /klptest.ko && ! insmod /klptest.ko && "
        f"cd /sys/module/broken_{name}/parameters && grep -qx klptest text && "
        f"grep -qx 'plt32 0' values && grep -qx 'module 0' values && cd / && unpatch broken_{name}")
    log = "\n".join(vm.log())
    report(f"keeps its object out: {name}", status == 0 and
           re.search("livepatch: .*" + message, log) and "refusing to load module 'klptest'" in log, text + log)
