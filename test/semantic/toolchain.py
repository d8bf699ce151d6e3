# SPDX-License-Identifier: GPL-2.0-or-later
"""Compiling programs as the kernel is compiled, the differ, and the loader that runs what comes out."""

import dataclasses
import functools
import os
import pathlib
import re
import shlex
import shutil
import struct
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COMMON = ("-std=gnu11 -nostdinc -ffreestanding -fno-pie -fno-pic -mcmodel=kernel -mno-sse -mno-mmx -mno-red-zone "
          "-fno-asynchronous-unwind-tables -fcf-protection=none -fno-stack-protector -fno-strict-aliasing -fno-common "
          "-fwrapv -fgnu89-inline -fno-delete-null-pointer-checks -pg -mfentry -ffunction-sections -fdata-sections -w").split()
CODE = re.compile(r"^error\[([\w.-]+)\]", re.MULTILINE)
# What programs call, as vmlinux would have it; the second half is exported.
EXTERNALS = ["out", "outs", "warn_slowpath_fmt", "put", "memcpy", "memset", "memmove", "__fentry__", "once",
             "warn_here", "outb", "use", "printk", "__might_sleep", "ident", "get", "memcmp", "strlen", "strcmp"]
EXPORTED = EXTERNALS[10:]


@dataclasses.dataclass
class Elsewhere:
    """What other units of the kernel have by a name of the unit: so many symbols before and behind it, or a function in
    place of its weak one."""
    name: str
    kind: str = "FUNC"
    before: int = 0
    behind: int = 0
    overrides: bool = False

    def __str__(self):
        return f"{self.name}:weak" if self.overrides else f"{self.name}:{self.before}:{self.behind}"


class Failed(Exception):
    """A tool of the test itself does not work."""


class Tools:
    """Programs that were started once and run again and again (again.c)."""

    def __init__(self, folder):
        self.folder = folder
        self.running = {}

    def run(self, folder, command):
        """Exit status and what the command said."""
        process = self.running.get(command[0])
        if not process:
            # With every symbol bound at once, no child does it again.
            environment = dict(os.environ, LD_PRELOAD=str(self.folder.parent / "again.so"), LD_BIND_NOW="1")
            process = subprocess.Popen([command[0]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                       env=environment)
            self.running[command[0]] = process
        said = self.folder / "said"
        process.stdin.write("\t".join(str(word) for word in [folder, said, *command]) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise Failed(f"{command[0]} died")
        return os.waitstatus_to_exitcode(int(answer)), said.read_text(errors="replace")

    def close(self):
        for process in self.running.values():
            process.stdin.close()
            process.wait()


class Compiler:
    """One compiler with one set of flags. GCC's stages are called directly: its driver takes half of the time."""

    def __init__(self, name, flags):
        self.name = name
        self.flags = list(flags)
        self.stages = self._stages() if "gcc" in name else [[shutil.which(name), *self._arguments()]]

    def __str__(self):
        return " ".join([self.name, *self.flags])

    def _arguments(self):
        return [*COMMON, *self.flags, "-c", "unit.c", "-o", "unit.o"]

    def _stages(self):
        text = subprocess.run([self.name, "-###", *self._arguments()], text=True, capture_output=True,
                              check=False).stderr
        commands = [shlex.split(line) for line in text.splitlines() if line.startswith(" ")]
        if len(commands) != 2:
            raise Failed(f"{self}: -### shows {len(commands)} commands")
        compile_, assemble = commands
        compile_[compile_.index("-o") + 1] = "unit.s"
        assemble[-1] = "unit.s"
        assemble[assemble.index("-o") + 1] = "unit.o"
        assemble[0] = shutil.which(assemble[0])
        return compile_, assemble

    def compile(self, tools, folder, text):
        """Writes folder/unit.c and unit.o."""
        folder.mkdir(exist_ok=True)
        (folder / "unit.c").write_text(text)
        for command in self.stages:
            status, said = tools.run(folder, command)
            if status:
                raise Failed(f"{self}: {said[:2000]}")
        return folder / "unit.o"


@functools.lru_cache(maxsize=None)
def compiler(name, flags):
    return Compiler(name, flags)


def compilers():
    """The installed ones, GCC first."""
    return [name for name in ("gcc", "clang-19") if shutil.which(name)]


def flags_for(rng, name):
    """Flags that kernels differ in."""
    flags = [rng.choice(["-O2", "-O2", "-O2", "-Os"])]
    if rng.randrange(2):
        flags.append("-g")
    if "gcc" in name:
        flags.append("-mrecord-mcount")
        if rng.randrange(4) == 0:
            flags.append("-fcommon")
    if rng.randrange(3) == 0:
        flags.append("-fno-jump-tables")
    return tuple(flags)


# Without optimisation it is quick, and no optimisation is common to the oracle and to what it judges.
ORACLE = ("-O0", "-fcommon")


def symbols_of(path):
    """(name, info, section index, size) of each symbol of an object, as they stand."""
    data = path.read_bytes()
    offset, = struct.unpack_from("<Q", data, 40)
    count, = struct.unpack_from("<H", data, 60)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, offset + 64 * i) for i in range(count)]
    found = []
    for _, kind, _, _, start, size, link, *_ in headers:
        if kind != 2:
            continue
        names = headers[link][4]
        for at in range(start, start + size, 24):
            name, info, _, section, _, size_ = struct.unpack_from("<IBBHQQ", data, at)
            text = data[names + name:data.index(b"\0", names + name)].decode()
            found.append((text, info, section, size_))
    return found


def data_shapes(path, names):
    """How the compiler keeps each of these variables of the file: the sizes of the symbol and of its parts (NAME.N,
    where Clang takes structures apart)."""
    shapes = {}
    for name, info, section, size in symbols_of(path):
        stem = name.split(".")[0]
        if section and info & 15 in (1, 5) and stem in names:
            shapes.setdefault(stem, set()).add((name, size))
    return shapes


TYPES = {0: "NOTYPE", 1: "OBJECT", 2: "FUNC", 3: "SECTION", 4: "FILE", 5: "OBJECT"}
BINDS = {0: "LOCAL", 1: "GLOBAL", 2: "WEAK"}


def write_symbols(original, path, elsewhere=()):
    """The kernel's symbols, as `readelf --symbols --wide` prints them: those of the unit, what it calls, and what other
    units have by the same names."""
    lines = ["Symbol table '.symtab' contains entries:",
             "   Num:    Value          Size Type    Bind   Vis      Ndx Name"]
    own = [(name, TYPES.get(info & 15, "NOTYPE"), BINDS.get(info >> 4, "GLOBAL"), section)
           for name, info, section, _ in symbols_of(original)]
    overridden = {other.name for other in elsewhere if other.overrides}
    own = [row for row in own if row[3] != 0 and row[0] not in overridden]
    rows = [("", "NOTYPE", "LOCAL", 0)]
    rows += _rows_elsewhere("early.c", [(other, other.before) for other in elsewhere])
    rows += [row for row in own if row[2] == "LOCAL"]
    rows += _rows_elsewhere("late.c", [(other, other.behind) for other in elsewhere])
    rows += [row for row in own if row[2] != "LOCAL"]
    rows += [(name, "FUNC", "GLOBAL", 1) for name in [*EXTERNALS, *sorted(overridden)]]
    for number, (name, kind, bind, section) in enumerate(rows):
        index = {0: "UND", 0xfff1: "ABS", 0xfff2: "COM"}.get(section, str(section))
        lines.append(f"{number:6}: {16 * number:016x}    16 {kind:7} {bind:6} DEFAULT {index:>4} {name}")
    path.write_text("\n".join(lines) + "\n")


def _rows_elsewhere(file, counts):
    rows = []
    for number in range(max([count for _, count in counts], default=0)):
        rows.append((file if not number else f"{number}-{file}", "FILE", "LOCAL", 0xfff1))
        rows += [(other.name, other.kind, "LOCAL", 1) for other, count in counts if count > number]
    return rows


def pick_elsewhere(rng, original):
    """Other units' things by names that the unit has for something static."""
    names = {name: TYPES.get(info & 15) for name, info, section, _ in symbols_of(original)
             if info >> 4 == 0 and info & 15 in (1, 2) and section}
    picked = rng.sample(sorted(names), min(len(names), rng.randrange(4)))
    return [Elsewhere(name, names[name], *rng.choice([(1, 0), (0, 1), (1, 1), (2, 0)])) for name in picked]


def write_exports(path):
    path.write_text("".join(f"0x{1 + i:08x}\t{name}\tvmlinux\tEXPORT_SYMBOL\t\n" for i, name in enumerate(EXPORTED)))


def diff(tools, before, after, symbols, exports, output):
    """Exit status of the differ, codes of its refusals, all that it said."""
    output.unlink(missing_ok=True)
    status, said = tools.run(output.parent, [differ_path(), "--original", before, "--patched", after, "--object",
                                             "vmlinux", "--symtab", symbols, "--symvers", exports, "--output", output])
    return status, sorted(set(CODE.findall(said))), said


def build_loader(folder):
    """Compiles the loader, and what has tools run again; gives the loader's path."""
    program = folder / "loader"
    if not program.exists():
        compile_ = ["gcc", "-O1", "-D_GNU_SOURCE"]
        sources = sorted((HERE / "loader").glob("*.c"))
        subprocess.run([*compile_, "-static", "-no-pie", "-fno-pie", *sources, "-o", program], check=True)
        subprocess.run([*compile_, "-shared", "-fPIC", HERE / "again.c", "-o", folder / "again.so"], check=True)
    return program


@dataclasses.dataclass
class Job:
    """What a run is of; see loader/main.c."""
    kernel: pathlib.Path
    oracle: pathlib.Path
    inits: list
    entries: list  # name in the unit, name in the oracle
    elsewhere: list
    calls: int


class Loader:
    """The process that runs objects."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.last = ""  # what it was told

    def run(self, job, module, version, seed=1, removed=False):
        """The loader's answer to a job with this module, or none, and this version of the oracle."""
        self.last = " ".join([str(job.kernel), str(module or "-"), str(job.oracle), str(version), str(seed),
                              str(job.calls), "remove" if removed else "stay",
                              ",".join(str(other) for other in job.elsewhere) or "-", ",".join(job.inits) or "-",
                              ",".join(f"{name}={own}" for name, own in job.entries)])
        self.process.stdin.write(self.last + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise Failed("the loader died")
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def differ_path():
    return pathlib.Path(os.environ.get("CDO") or ROOT / "build" / "bin" / "create-diff-object")
