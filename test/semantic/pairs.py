# SPDX-License-Identifier: GPL-2.0-or-later
"""Compiles cases, puts them through the differ, runs and judges what comes out."""

import collections
import dataclasses
import fnmatch
import random

import toolchain
from edits import CONTENT, STATICS, Change


@dataclasses.dataclass
class Outcome:
    kind: str  # same, same-as-before, refused, needless, wrong, beyond, unusable
    changes: list
    codes: list  # of the refusal
    detail: str
    name: str


class Runner:
    """Runs cases in a folder of its own, with tools and a loader of its own."""

    def __init__(self, folder, loader_program, keep=None):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.loader = toolchain.Loader(loader_program)
        self.tools = toolchain.Tools(folder)
        self.exports = folder / "symvers"
        self.symbols = folder / "symbols"
        toolchain.write_exports(self.exports)
        self.keep = keep

    def judge(self, case):
        """The outcome of each version of a case."""
        before = case.compiler.compile(self.tools, self.folder / "before", case.text)
        oracle = toolchain.compiler("gcc", toolchain.ORACLE).compile(self.tools, self.folder / "oracle", case.oracle)
        elsewhere = [toolchain.Elsewhere(name, overrides=True) for name in case.overridden]
        if not case.is_alone:
            elsewhere += toolchain.pick_elsewhere(random.Random(case.name), before)
        toolchain.write_symbols(before, self.symbols, elsewhere)
        if not case.entries:
            return []
        job = toolchain.Job(before, oracle, case.inits, case.entries, elsewhere, case.calls)
        answer = self.loader.run(job, None, 0)
        if answer != "same":
            return [] if case.may_get_lost else [self._kept(case, None, Outcome(
                "unusable", [], [], f"unpatched: {answer}", case.name))]
        outcomes = [self._judge(case, version, job) for version in case.versions]
        return [outcome for outcome in outcomes if not (case.may_get_lost and outcome.kind == "unusable")]

    def _judge(self, case, version, job):
        after = case.compiler.compile(self.tools, self.folder / "after", version.text)
        module = self.folder / "module.o"
        status, codes, said = toolchain.diff(self.tools, job.kernel, after, self.symbols, self.exports, module)
        changes = version.changes
        if status == 1 and codes:
            may = changes + kept_otherwise(job.kernel, after, case.variables)
            kind, detail = "refused" if are_true(codes, may) else "needless", said
        elif status in (0, 3):
            # Who is told of addresses that outlive the module does not take it out.
            is_removed = "address-escapes" not in said
            for number in [version.number, *version.others]:
                detail = self.loader.run(job, module if status == 0 else None, number, version.number * 77, is_removed)
                if not detail.startswith("wrong"):
                    break
            kind = detail.split(":")[0]
            detail += " (exit 3)" if status == 3 else ""
            if kind == "wrong" and (is_beyond(case, job.kernel, after) or self._is_right_if_kept(case, version, job) or
                                    self._is_right_until_removed(version, job, module)):
                kind = "beyond"
        else:
            kind, detail = "wrong", f"exit status {status}: {said[-300:]}"
        return self._kept(case, version, Outcome(kind, changes, codes, detail, f"{case.name}-{version.number}"), said)

    def _is_right_until_removed(self, version, job, module):
        """Nothing wrote the variable in the original, so the compiler made a constant of it: what the patch writes ends
        with the patch."""
        if not any("const dropped" in change.what for change in version.changes):
            return False
        return self.loader.run(job, module, version.number, version.number * 77, False).startswith("same")

    def _is_right_if_kept(self, case, version, job):
        """The compiler dropped a variable on both sides, and knows what it must hold by another way on each; no object
        tells. Compiled so that it keeps all of them, the pair comes out right."""
        if not case.keep:
            return False
        before = case.compiler.compile(self.tools, self.folder / "before-kept", case.keep(case.text))
        after = case.compiler.compile(self.tools, self.folder / "after-kept", case.keep(version.text))
        symbols, module = self.folder / "symbols-kept", self.folder / "module-kept.o"
        toolchain.write_symbols(before, symbols, job.elsewhere)
        status, _, _ = toolchain.diff(self.tools, before, after, symbols, self.exports, module)
        kept = dataclasses.replace(job, kernel=before)
        return status == 0 and self.loader.run(kept, module, version.number, version.number * 77, True).startswith("same")

    def _kept(self, case, version, outcome, said=""):
        """Writes down what is wrong or needlessly refused."""
        if not self.keep or outcome.kind not in ("wrong", "needless", "beyond", "unusable"):
            return outcome
        folder = self.keep / outcome.kind / outcome.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "before.c").write_text(case.text)
        (folder / "after.c").write_text(version.text if version else case.text)
        (folder / "oracle.c").write_text(case.oracle)
        lines = [str(case.compiler), f"version {version.number if version else 0}",
                 *(f"{change.what}: {change.where}" for change in outcome.changes), outcome.detail, said,
                 self.loader.last]
        (folder / "what").write_text("\n".join(lines) + "\n")
        return outcome

    def close(self):
        self.loader.close()
        self.tools.close()


def kept_otherwise(before, after, names):
    """What may be refused since a variable that the source leaves alone is not kept in the same form, or in parts that
    the compiler numbers."""
    first, then = (toolchain.data_shapes(path, names) for path in (before, after))
    return [Change("kept otherwise", name, STATICS + CONTENT) for name in first
            if first[name] != then.get(name) or any(part != name or size < names[name] for part, size in first[name])]


def is_beyond(case, before, after):
    """The original object does not have a variable that the source has, and whose value matters now; or, without debug
    data, Clang keeps one as a flag, and what the flag stands for is in the code alone."""
    first, then = (toolchain.data_shapes(path, case.variables) for path in (before, after))
    if any(name not in first for name in then):
        return True
    is_clang = "clang" in case.compiler.name and "-g" not in case.compiler.flags
    return is_clang and any(size < case.variables[name] for shapes in (first, then) for name in shapes
                            for _, size in shapes[name])


def are_true(codes, changes):
    """Every refusal is one that is true for one of the changes."""
    allowed = [pattern for change in changes for pattern in change.may]
    return all(any(fnmatch.fnmatch(code, pattern) for pattern in allowed) for code in codes)


class Totals:
    def __init__(self):
        self.programs = 0
        self.kinds = collections.Counter()
        self.codes = collections.Counter()
        self.needless = collections.Counter()
        self.by_change = collections.defaultdict(collections.Counter)

    def add(self, outcomes):
        self.programs += 1
        for outcome in outcomes:
            self.kinds[outcome.kind] += 1
            for change in outcome.changes:
                self.by_change[change.what][outcome.kind] += 1
            for code in outcome.codes:
                (self.needless if outcome.kind == "needless" else self.codes)[code] += 1

    @property
    def pairs(self):
        return sum(self.kinds.values())
