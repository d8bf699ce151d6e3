# SPDX-License-Identifier: GPL-2.0-or-later
"""The live patches that klpctl is tried on, and a machine to try it in."""

import json
import pathlib
import re
import subprocess

import klp
from boottest.machine import Machine
from programs import compile_program
from results import Failed

HERE = pathlib.Path(__file__).resolve().parent
OUT = klp.ROOT / "out" / "klpctl"
KLPCTL = "/bin/klpctl"
# Name of a module -> its patch, below patches/SERIES or here.
MODULES = {"lp_meminfo": "01-meminfo", "lp_version": "14-version-one", "lp_sleepers": HERE / "sleepers.patch"}

# Exit statuses of klpctl(1).
DONE, REFUSED, TAKEN_BACK, UNDER_WAY = 0, 1, 4, 5


def without_core():
    """A kernel that was built without a livepatch core (test/vm/core), for which klp-build brings one."""
    source = klp.kernel(klp.SERIES[-1]).parts["source"]
    built = subprocess.run([klp.ROOT / "test/vm/core/build-kernel", source, "small"], check=True, stdout=subprocess.PIPE,
                           text=True).stdout.split("\n")[-2]
    return klp.target.from_build(source, built, f"{built}.root")


def build(kernel, name, patch, *options):
    """A live patch for a kernel, built unless that was done with these tools. klp_core.ko is beside it if it needs that."""
    ko = OUT / kernel.release / f"{name}.ko"
    newest = max((klp.target.tools_dir() / "klp-build").stat().st_mtime, patch.stat().st_mtime)
    if not ko.exists() or ko.stat().st_mtime < newest:
        ko.parent.mkdir(parents=True, exist_ok=True)
        klp.must_end(klp.command("klp-build", *kernel.options, *options, "-o", ko, patch), 0)
    return ko


def module(kernel, name):
    """One of MODULES."""
    patch = MODULES[name]
    return build(kernel, name, patch if isinstance(patch, pathlib.Path) else klp.example(kernel.examples, patch))


def bad_modules(kernel):
    """{path in the guest: path here} of modules that are refused for one reason or another."""
    foreign = next(klp.kernel(series) for series in klp.SERIES if series != kernel.series)
    other = klp.example(kernel.examples, MODULES["lp_version"])
    return {"/lp/foreign.ko": module(foreign, "lp_meminfo"),
            "/lp/namesake.ko": build(kernel, "namesake", other, "-n", "lp_meminfo"),
            "/lp/beside.ko": build(kernel, "beside", other, "--no-replace")}


def with_libraries(program):
    """{path in the guest: path here} of the shared libraries of a program, and of it as klpctl."""
    text = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    paths = re.findall(r"(/\S+) \(0x", text)
    return {KLPCTL: program, **{path: path for path in paths}}


def boot(kernel, files=None, load=(), **options):
    """A machine with klpctl and all live patches (below /lp). Ends as a context manager does."""
    content = with_libraries(klp.target.tools_dir() / "klpctl")
    content.update({f"/lp/{name}.ko": module(kernel, name) for name in MODULES})
    if kernel.needs_core():
        content["/lp/klp_core.ko"] = OUT / kernel.release / "klp_core.ko"
    for program in ("vforker", "fentry"):
        content[f"/tests/{program}"] = compile_program(program, OUT)
    content["/etc/passwd"] = b"root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n"
    content.update(files or {})
    return Guest(kernel.vmlinuz, kernel.modules(), load, content, **options)


def _as_expected(who, got, status, text, says):
    """The text of a command that must have ended so and said that."""
    if got != status:
        raise Failed(f"{who}: status {got}, not {status}:\n{text}")
    for pattern in says:
        if not re.search(pattern, text, re.MULTILINE):
            raise Failed(f"{who}: nothing said about /{pattern}/:\n{text}")
    return text


class Guest(Machine):
    """A machine that klpctl runs in."""

    def ctl(self, arguments, *says, status=DONE, timeout=120):
        """Run klpctl; its status and output (both streams) must be these. Returns the output."""
        got, text = self.try_run(f"klpctl {arguments}", timeout)
        return _as_expected(f"klpctl {arguments}", got, status, text, says)

    def json(self, arguments):
        """What a command prints with --json."""
        return json.loads(self.ctl(f"{arguments} --json"))

    def start(self, arguments, name):
        """Run klpctl in the background; `ended(name)` waits for it."""
        self.run(f"rm -f /tmp/{name}.status; (klpctl {arguments} >/tmp/{name}.text 2>&1; echo $? >/tmp/{name}.status) &")

    def ended(self, name, status, *says, seconds=60):
        """The end of what start() began."""
        self.wait_until(f"[ -s /tmp/{name}.status ]", seconds)
        got, text = int(self.run(f"cat /tmp/{name}.status")), self.run(f"cat /tmp/{name}.text")
        return _as_expected(name, got, status, text, says)

    def must_be(self, command, pattern):
        """The output of a shell command must match."""
        text = self.run(command)
        if not re.search(pattern, text, re.MULTILINE):
            raise Failed(f"`{command}` printed\n{text}and not what matches /{pattern}/")

    def loaded(self, *names):
        """Exactly these live patches must be in sysfs."""
        text = self.run("ls /sys/kernel/livepatch").split()
        if sorted(text) != sorted(names):
            raise Failed(f"loaded are {text}, not {names}")
