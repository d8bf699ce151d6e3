# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the runtime core share: kernels, modules, programs for the guest."""

import atexit
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE.parent))

from boottest.kernellog import complaints  # noqa: E402
from boottest.machine import Machine, MachineError  # noqa: E402

import target  # noqa: E402

CORE_SOURCE = ROOT / "template" / "core"
GUEST = HERE / "guest"

# Programs that the kernel's selftests use in ways that busybox does not know.
PROGRAMS = ["bash", "awk", "comm", "date", "diff", "dmesg", "getconf", "grep", "mktemp", "sed",
            "stat", "sysctl", "insmod", "rmmod", "modinfo", "modprobe"]


class LabError(Exception):
    """Something could not be built; the text says what."""


class Kernel:
    """A kernel of this folder's configuration, built on demand."""

    def __init__(self, source, variant):
        self.source = pathlib.Path(source).resolve()
        self.variant = variant
        self.version = _output(["make", "-s", "-C", self.source, "kernelversion"]).strip()
        self.series = ".".join(self.version.split(".")[:2])
        self.build = pathlib.Path(
            _output([HERE / "build-kernel", self.source, variant]).split("\n")[-2])

    @property
    def image(self):
        return self.build / "arch/x86/boot/bzImage"

    @property
    def name(self):
        return f"{self.series} {self.variant}"

    @property
    def release(self):
        return (self.build / "include/config/kernel.release").read_text().strip()

    def has(self, option):
        """Is CONFIG_`option` built in?"""
        return f"CONFIG_{option}=y\n" in (self.build / ".config").read_text()

    def build_id(self):
        """The build id of vmlinux, in hexadecimal."""
        notes = _output(["readelf", "-n", self.build / "vmlinux"])
        return re.search(r"Build ID: ([0-9a-f]+)", notes)[1]


class Workshop:
    """A temporary folder in which modules for one kernel are built."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="klp-core-"))
        self.core_folder = _core_folder(kernel.build)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if not os.environ.get("KLP_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def core(self, *variables):
        """Build the core, unless that was done; returns {module name: path}."""
        return self._kbuild(self.core_folder, variables)

    def other_core(self, name, file, old, new, *variables):
        """Build a core with `new` in the place of `old` in one of its files. Returns the path of the module."""
        folder = self.folder / name
        shutil.copytree(CORE_SOURCE, folder)
        text = (folder / file).read_text()
        if old not in text:
            raise LabError(f"{file} of the core has no {old}")
        (folder / file).write_text(text.replace(old, new))
        return self._kbuild(folder, variables)["klp_core"]

    def modules(self, name, sources, with_core=True, flags=""):
        """Build each of `sources` as a module of its own, with the headers beside them.

        sources  C files, or {name: text} of generated ones
        flags    for the compiler
        """
        folder = self.folder / name
        folder.mkdir()
        for header in GUEST.glob("*.h"):
            shutil.copy(header, folder)
        if isinstance(sources, dict):
            for source, text in sources.items():
                (folder / f"{source}.c").write_text(text)
            names = list(sources)
        else:
            for source in sources:
                shutil.copy(source, folder)
            names = [pathlib.Path(source).stem for source in sources]
        lines = [f"obj-m += {one}.o\n" for one in names] + [f"ccflags-y += {flags}\n"]
        variables = []
        if with_core:
            lines.append(f"LINUXINCLUDE := -I{self.core_folder}/include $(LINUXINCLUDE)\n")
            variables.append(f"KBUILD_EXTRA_SYMBOLS={self.core_folder}/Module.symvers")
        if name != "klptest" and (self.folder / "klptest").exists():
            extra = self.folder / "klptest/Module.symvers"
            variables = [f"KBUILD_EXTRA_SYMBOLS={' '.join([*(v.split('=')[1] for v in variables), str(extra)])}"]
        (folder / "Kbuild").write_text("".join(lines))
        return self._kbuild(folder, variables)

    def module_tree(self, modules):
        """{path in the guest: path here} of a /lib/modules that modprobe understands."""
        folder = self.folder / "tree/lib/modules" / self.kernel.release
        folder.mkdir(parents=True)
        for path in modules.values():
            shutil.copy(path, folder)
        depmod = shutil.which("depmod") or "/sbin/depmod"
        _output([depmod, "-b", self.folder / "tree", self.kernel.release])
        return {f"/lib/modules/{self.kernel.release}/{path.name}": path for path in folder.iterdir()}

    def program(self, source):
        """Compile a static program for the guest."""
        target = self.folder / pathlib.Path(source).stem
        _output(["gcc", "-O2", "-static", "-pthread", "-o", target, source])
        return target

    def livepatch(self, name, patch, *options):
        """Have klp-build make the module `name` of a patch of the kernel's source. Returns its path."""
        module = self.folder / f"{name}.ko"
        build = target.from_build(self.kernel.source, self.kernel.build, f"{self.kernel.build}.root")
        _output([target.tools_dir() / "klp-build", *build.options, *options, "--name", name, "--output", module, patch])
        return module

    def dynamic_program(self, source, library):
        """Compile a program with `library`, which Debian has not for static ones; {path in the guest: path here}."""
        target = self.folder / pathlib.Path(source).stem
        _output(["gcc", "-O2", "-o", target, source, f"-l{library}"])
        return {f"/{target.name}": target} | _libraries(target)

    def bpf(self, source):
        """Compile a file of BPF programs."""
        target = self.folder / f"{pathlib.Path(source).stem}.o"
        _output(["clang-19", "-target", "bpf", "-O2", "-g", f"-I/usr/include/{_output(['gcc', '-print-multiarch']).strip()}",
                 "-c", "-o", target, source])
        return target

    def _kbuild(self, folder, variables):
        compiler = "clang-19" if self.kernel.variant == "clang" else os.environ.get("KLP_CC")
        if compiler:
            variables = [*variables, f"CC={compiler}"]
        _output(["make", "-s", "-C", self.kernel.build, f"M={folder}", "-j2", *variables])
        return {path.stem: path for path in folder.glob("*.ko")}


@functools.cache
def _core_folder(_build):
    """A copy of the core's source, for all suites on a kernel."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="klp-core-"))
    shutil.copytree(CORE_SOURCE, folder, dirs_exist_ok=True)
    if not os.environ.get("KLP_KEEP"):
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def guest_programs(names=PROGRAMS):
    """{path in the guest: path here} of programs and the libraries they need."""
    files = {}
    for name in names:
        program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
        if not program:
            raise LabError(f"the program {name} is missing")
        files[f"/bin/{name}"] = program
        files |= _libraries(program)
    return files


# What KCSAN reports that is not ours: the kernel's own races, and what an interrupt does in the handler to the mark of
# the task below it, which it puts back before that goes on (include/linux/trace_recursion.h).
OTHERS_RACES = (r"BUG: KCSAN: data-race in (?!.*klp_)",
                r"KCSAN: data-race in klp_ftrace_handler \[klp_core\] / klp_ftrace_handler \[klp_core\]",
                r"Tainted: ")


def trouble(log, provoked=()):
    """What of a kernel log nobody provoked."""
    has_races = any("KCSAN" in line for line in log)
    return complaints(log, (*provoked, *(OTHERS_RACES if has_races else ())))


def report_log(vm, report, provoked=()):
    """Has the kernel complained of anything but what was `provoked`?"""
    bad = trouble(vm.log(), provoked)
    report("kernel log", not bad, "\n".join(bad))


def _libraries(program):
    """{path in the guest: path here} of the libraries that a program needs."""
    return {path: path for path in re.findall(r"(/\S+\.so\S*) ", _output(["ldd", program]) + " ")}


def boot(kernel, files, **options):
    """A machine that runs `kernel` and has `files`."""
    options.setdefault("boot_timeout", 900)
    # On a busy host the timer's interrupts come too late for the kernel's check of the wiring.
    options = options | {"append": f"no_timer_check {options.get('append', '')}"}
    return Machine(kernel.image, files=files, **options)


def _output(command):
    result = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        raise LabError(f"{' '.join(map(str, command))}:\n{result.stdout[-2000:]}{result.stderr[-4000:]}")
    return result.stdout
