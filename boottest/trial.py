# SPDX-License-Identifier: GPL-2.0-or-later
"""The test of a live patch in the kernel that it is for."""

import contextlib
import dataclasses
import pathlib
import re

from . import script as scripts
from .accelerator import Boots
from .calls import UNKNOWN, Counter
from .guest_modules import guest_modules
from .machine import MachineError
from .modules import ModuleTree, module_name, name_in_kernel, needs_of, read_module
from .problem import Problem, finding
from .run import Run, StepFailed

_BUILD_ID_TAG = re.compile(rb"\0klp_build_id=([0-9a-f]+)\0")
_FAULT_LINES = 12
# Somebody without rights, for scripts: su user -c ...
_USERS = {"/etc/passwd": b"root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n",
          "/etc/group": b"root:x:0:\nuser:x:1000:\n"}


@dataclasses.dataclass(frozen=True)
class Plan:
    """
    vmlinuz       image to boot
    release       what `uname -r` must say there
    modules_dir   its lib/modules/RELEASE; None where that is unknown
    modules       {name: path} of its modules that are elsewhere
    livepatch     the module under test
    core          klp_core.ko, where the kernel has no livepatch core
    objects       that it patches or has callbacks for; "vmlinux" may be among them
    functions     [{"object", "name"}] that it patches
    over          a livepatch that is loaded when it comes
    script        the author's, if there is one
    """

    vmlinuz: str
    release: str
    livepatch: str
    modules_dir: str | None = None
    modules: dict = dataclasses.field(default_factory=dict)
    core: str | None = None
    objects: list = dataclasses.field(default_factory=list)
    functions: list = dataclasses.field(default_factory=list)
    over: str | None = None
    script: str | None = None


class Trial:
    """All boots of one test. After run(), `runs` and `findings` say what came of it."""

    def __init__(self, plan):
        self.plan = plan
        self.runs = []
        self.findings = []
        self.boots = Boots()
        self._calls = {}
        self._unloadable = set()
        self._complained = {}  # {step of the script: what the kernel said of itself}
        self._script = scripts.read(plan.script) if plan.script else None
        self._module = name_in_kernel(plan.livepatch)
        core = module_name(plan.core) if plan.core else None
        needs = [name for path in (plan.over, plan.livepatch) if path for name in needs_of(path)]
        self._needed = [name for name in dict.fromkeys(needs) if name != core]
        tree = ModuleTree(plan.modules_dir, plan.modules)
        self._over = name_in_kernel(plan.over) if plan.over else None
        self._objects = self._in_load_order(tree, set(plan.objects) - {"vmlinux"})
        self._files = self._guest_files(tree)

    def run(self):
        """Boot as often as it takes. Raises Problem where the test cannot be made."""
        try:
            if self._script:
                self._before()
            self._usual()
            if self._objects and self._unloadable != set(self._objects):
                self._objects_last()
            self._tell_calls()
        except StepFailed:
            run = self.runs[-1]
            self._find("test.failed", "error", f"{run.name}: {run.steps[-1]['name']}: {_shortened(run.steps[-1]['text'])}",
                       "the report has the whole transcript; --keep-tmp keeps the module")

    def functions(self):
        """The functions with "called": "yes", "no" or "unknown", and the number of calls where it is known."""
        return [{**one, **_outcome(self._calls.get((one["object"], one["name"]), UNKNOWN))} for one in self.plan.functions]

    def _find(self, code, severity, message, hint="", function=""):
        self.findings.append(finding(code, severity, pathlib.Path(self.plan.livepatch).name, message, hint, function))

    def _in_load_order(self, tree, names):
        order = [module_name(path) for name in sorted(names) for path in self._load_order(tree, name)]
        return sorted(names, key=order.index)

    def _guest_files(self, tree):
        files = {**_USERS, f"/lp/{self._module}.ko": self.plan.livepatch}
        if self.plan.core:
            files["/lp/klp_core.ko"] = self.plan.core
        if self.plan.over:
            files[f"/lp/{self._over}.ko"] = read_module(self.plan.over)
        wanted = [*self._objects, *self._needed]
        if self._script:
            files.update(self._script.guest_files())
            wanted += self._script.modules
        paths = [path for name in wanted for path in self._load_order(tree, name)]
        return files | guest_modules(paths, self.plan.release, self.plan.modules_dir)

    def _load_order(self, tree, name):
        try:
            return tree.load_order(name)
        except KeyError as error:
            who = "the script" if self._script and name in self._script.modules else "the test"
            raise Problem("test.missing-module", error.args[0], f"{who} needs this module, and the kernel has none of that name",
                          "--modules names the folder with the kernel's modules") from error

    # One machine after another.

    @contextlib.contextmanager
    def _boot(self, name):
        memory = self._script.memory if self._script else "1G"
        parameters = self._script.parameters if self._script else ""
        try:
            machine = self.boots.boot(self.plan.vmlinuz, files=self._files, append=parameters, memory=memory)
        except MachineError as error:
            raise Problem("test.no-boot", self.plan.vmlinuz, f"the kernel does not come up: {_shortened(str(error))}",
                          "the test needs serial console, initramfs and devtmpfs built into the kernel") from error
        with Run(name, machine, self._script.allow if self._script else ()) as run:
            self.runs.append(run)
            self._check_kernel(run)
            run.complaints()  # those of booting are none of the patch
            yield run

    def _check_kernel(self, run):
        wanted = _BUILD_ID_TAG.search(pathlib.Path(self.plan.livepatch).read_bytes())
        notes = run.machine.run("hexdump -v -e '1/1 \"%02x\"' /sys/kernel/notes 2>/dev/null || true")
        release = run.machine.run("uname -r").strip()
        is_other = notes and wanted and wanted[1].decode() not in notes
        if release != self.plan.release or is_other:
            raise Problem("test.wrong-kernel", self.plan.vmlinuz,
                          f"this is another kernel ({release}) than the one that the live patch is for ({self.plan.release})"
                          if release != self.plan.release else "this is another build of the kernel",
                          "--vmlinuz names the image that was built together with vmlinux")

    def _before(self):
        with self._boot("without the live patch") as run:
            self._load_objects(run)
            if self._answer(run, "before") == scripts.FIXED:
                run.fail("the script finds nothing wrong with the kernel that is not patched: it shows nothing of the patch; "
                         f"its step `before` must not end with status 0 ({scripts.NOTHING_TO_SAY} if it has nothing to say)")

    def _usual(self):
        with self._boot("objects loaded before it" if self._objects else "the live patch") as run:
            self._load_objects(run)
            self._load(run, "load")
            self._use(run)
            self._unload(run, "")
            run.do("load again", f"patch /lp/{self._module}.ko")
            self._unload(run, " again")
            self._check_log(run)
            if self._script:
                self._after(run)

    def _after(self, run):
        is_fixed = self._answer(run, "after") == scripts.FIXED
        if self._complained["after"] and not self._complained["before"]:
            run.fail("with the live patch taken out again, the script brings the kernel to complain, and did not before: "
                     f"something that is gone with it is still in use\n{run.steps[-1]['text']}")
        if is_fixed:
            self._find("test.fault-gone", "warning",
                       "the script still finds nothing wrong after the live patch was taken out: what it looks at was changed "
                       "for good, or it does not look at what the patch does",
                       f"a step that has nothing to say ends with status {scripts.NOTHING_TO_SAY}")

    def _objects_last(self):
        with self._boot("objects loaded after it") as run:
            self._load(run, "load")
            for name in self._objects:
                if name not in self._unloadable:
                    run.do(f"load {name}", f"modprobe {name}")
            self._use(run)
            for name in reversed(self._objects):
                run.try_to(f"unload {name}", f"rmmod {name}")
            self._unload(run, "")
            self._check_log(run)

    # What is done in each.

    def _load_objects(self, run):
        for name in self._objects:
            if not run.try_to(f"load {name}", f"modprobe {name}") and name not in self._unloadable:
                self._unloadable.add(name)
                self._find("test.object-not-loaded", "warning",
                           f"the module {name} cannot be loaded in this machine, so its patched functions were not tried: "
                           f"{_shortened(run.steps[-1]['text'])}")

    def _load(self, run, step):
        if self.plan.core:
            run.do("load klp_core", "insmod /lp/klp_core.ko")
        for name in self._needed:
            run.do(f"load {name}", f"modprobe {name}")
        if self._over:
            run.do(f"load {self._over}", f"patch /lp/{self._over}.ko")
        run.do(step, f"patch /lp/{self._module}.ko")

    def _unload(self, run, again):
        run.do(f"disable{again}", f"disable {self._module}")
        run.do(f"unload{again}", f"unload {self._module}")
        if self._over and not again:
            # It is gone from there if it was replaced.
            run.do(f"unload {self._over}",
                   f"[ ! -d /sys/kernel/livepatch/{self._over} ] || disable {self._over}; unload {self._over}")

    def _use(self, run):
        """Let the author's script look at the patched kernel, and count who is called."""
        names = {one["name"] for one in self.plan.functions}
        with run.step("count calls"):
            counter = Counter(run.machine, self._module, names)
        if self._script and self._answer(run, "patched") not in (scripts.FIXED, scripts.NOTHING_TO_SAY):
            run.fail(f"the script still finds the fault with the live patch in effect:\n{run.steps[-1]['text']}")
        with run.step("read counts"):
            calls = counter.stop()
        for one in self.plan.functions:
            key = one["object"], one["name"]
            if one["object"] not in self._unloadable and calls.get(one["name"]) is not UNKNOWN:
                self._calls[key] = self._calls.get(key, 0) + calls[one["name"]]

    def _answer(self, run, step):
        """
        The status of the script's step. In `before` and `after`, where the fault may show in any way, a complaint of
        the kernel's or its end is one that is neither FIXED nor NOTHING_TO_SAY.
        """
        is_patched = step == "patched"
        with run.step(f"script: {step}") as entry:
            try:
                status, entry["text"] = run.machine.try_run(self._script.command(step), timeout=self._script.seconds)
                shown = [] if is_patched else run.complaints()
            except MachineError as error:
                if is_patched:
                    raise
                entry["text"] = f"the machine did not survive it: {error}"
                self._complained[step] = [str(error)]
                return 1
            entry["status"] = status
            self._complained[step] = shown
        if status in scripts.NOT_RUN:
            run.fail(f"the script or something in it could not be run (status {status}):\n{entry['text']}")
        if shown:
            entry["text"] += "\n".join(["the kernel complains:", *shown])
            return status or 1
        return status

    def _check_log(self, run):
        with run.step("kernel log"):
            found = run.complaints()
        if found:
            run.fail("\n".join(["the kernel complains:", *found]))

    def _tell_calls(self):
        for one in self.functions():
            if one["called"] == "no":
                self._find("test.not-called", "note",
                           "was not called while the live patch was in effect, so the test says nothing of its new code",
                           "have the script of --test=SCRIPT call it", one["name"])
            elif one["called"] == "unknown":
                self._find("test.not-called", "note", "whether it was called is not known: the kernel does not count its calls",
                           "", one["name"])


def _outcome(calls):
    if calls is UNKNOWN:
        return {"called": "unknown"}
    return {"called": "yes" if calls else "no", "calls": calls}


def _shortened(text):
    """The first lines of what was said, of the machine's end the last ones as well."""
    lines = text.strip().splitlines()
    if len(lines) <= 2 * _FAULT_LINES:
        return "\n".join(lines)
    return "\n".join([*lines[:_FAULT_LINES], "...", *lines[-_FAULT_LINES:]])
