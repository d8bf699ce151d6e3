# SPDX-License-Identifier: GPL-2.0-or-later
"""One program and several changes of it: compiled, put through the differ, run, and judged."""

import collections
import dataclasses
import fnmatch
import pathlib
import random
import re

import csmith
import oracle as oracle_
import printing
import program as program_
import toolchain
from edits import CONTENT, STATICS, Change
from idioms import make_program
from mutate import mutate, other_reading

VERSIONS = 6  # changed versions of one program
CALLS = 40
CSMITH_CALLS = 3
# A change of its text may leave a variable without a write or a read.
CSMITH_MAY = STATICS
HEADER = re.compile(r"^// (entries|inits|may): (.*)$", re.MULTILINE)


@dataclasses.dataclass
class Outcome:
    kind: str  # same, same-as-before, refused, needless, wrong, unusable
    changes: list
    codes: list
    detail: str
    name: str


@dataclasses.dataclass
class Case:
    """A program and its changed versions: pairs of a program and what was changed."""
    name: str
    compiler: toolchain.Compiler
    base: program_.Program
    versions: list


def make_case(seed, number, without=()):
    rng = random.Random(f"{seed}:{number}")
    base = make_program(rng, without)
    program_.mark(base)
    installed = toolchain.compilers()
    name = installed[-1] if rng.randrange(3) == 0 else installed[0]
    compiler = toolchain.compiler(name, toolchain.flags_for(rng, name))
    return Case(f"{seed}-{number}", compiler, base, [mutate(rng, base, without) for _ in range(VERSIONS)])


class Programs:
    """Runs programs in a folder of its own, with a loader of its own."""

    def __init__(self, folder, loader_program, keep=None, without=()):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.loader = toolchain.Loader(loader_program)
        self.tools = toolchain.Tools(folder)
        self.exports = folder / "symvers"
        toolchain.write_exports(self.exports)
        self.keep = keep
        self.without = without

    def run(self, seed, number, only=None):
        """The outcomes of program `number` of a run with `seed`; `only`: of that version."""
        case = make_case(seed, number, self.without)
        return self.judge_case(case, only)

    def run_csmith(self, seed, number):
        """The same with a program by csmith. Those that the oracle does not get to the end of are left out."""
        rng = random.Random(f"csmith:{seed}:{number}")
        base = csmith.generate(rng.randrange(1, 1 << 31))
        name = rng.choice(toolchain.compilers())
        compiler = toolchain.compiler(name, toolchain.flags_for(rng, name))
        changed = [csmith.mutate(rng, base) for _ in range(VERSIONS)]
        oracle_text = csmith.oracle([base, *(after for after, _ in changed)])
        before = compiler.compile(self.tools, self.folder / "before", base.unit())
        oracle = toolchain.compiler("gcc", toolchain.ORACLE).compile(self.tools, self.folder / "oracle", oracle_text)
        symbols = self.folder / "symbols"
        toolchain.write_symbols(before, symbols)
        entries = [("entry", "entry")]
        _, answer = self.loader.run(before, None, oracle, 0, 1, CSMITH_CALLS, [], entries)
        if answer != "same":
            return []
        outcomes = []
        for version, (after, words) in enumerate(changed, 1):
            changes = [Change(f"csmith: {word.split(' (')[0]}", word, CSMITH_MAY) for word in words]
            outcome = self._judge(f"csmith-{seed}-{number}", version, compiler, before, oracle, symbols, [], entries,
                                  changes, after.unit(), base.unit(), oracle_text, calls=CSMITH_CALLS,
                                  variables=csmith.GLOBAL_NAME.findall(base.head))
            if outcome.kind != "unusable":
                outcomes.append(outcome)
        return outcomes

    def judge_case(self, case, only=None):
        base = case.base
        text = printing.print_unit(base)
        texts = [printing.print_unit(after) for after, _ in case.versions]
        readings = [after for after, _ in case.versions]
        others = {}  # the number of another version that would be right as well
        for version, after in enumerate(readings[:], 1):
            other = other_reading(after)
            if other:
                readings.append(other)
                others[version] = len(readings)
        oracle_text = oracle_.print_oracle(base, readings)
        before = case.compiler.compile(self.tools, self.folder / "before", text)
        oracle = toolchain.compiler("gcc", toolchain.ORACLE).compile(self.tools, self.folder / "oracle", oracle_text)
        symbols = self.folder / "symbols"
        elsewhere = [toolchain.Elsewhere(func.name, overrides=True) for func in base.functions() if func.overridden]
        elsewhere += toolchain.pick_elsewhere(random.Random(case.name), before)
        toolchain.write_symbols(before, symbols, elsewhere)
        inits = [func.name for func in base.functions() if func.is_init and func.is_entry]
        entries = [(func.name, f"d{(func.alias_of or func).uid}") for func in base.functions()
                   if func.is_entry and not func.is_init]
        if not entries:
            return []
        _, answer = self.loader.run(before, None, oracle, 0, 1, CALLS, inits, entries, elsewhere=elsewhere)
        if answer != "same":
            found = Outcome("unusable", [], [], f"unpatched: {answer}", case.name)
            self._keep(found, 0, case.compiler, text, text, oracle_text, "", "")
            return [found]
        outcomes = []
        for version, ((_, changes), after_text) in enumerate(zip(case.versions, texts), 1):
            if changes and only in (None, version):
                outcomes.append(self._judge(case.name, version, case.compiler, before, oracle, symbols, inits, entries,
                                            changes, after_text, text, oracle_text, others.get(version), elsewhere,
                                            variables=[var.name for var in base.file_variables()]))
        return outcomes

    def _judge(self, name, version, cc, before, oracle, symbols, inits, entries, changes, after_text, text, oracle_text,
               other=None, elsewhere=(), calls=CALLS,
               variables=()):
        after = cc.compile(self.tools, self.folder / "after", after_text)
        output = self.folder / "module.o"
        status, codes, said = toolchain.diff(self.tools, before, after, symbols, self.exports, output)
        job = ""
        if status == 1 and codes:
            kind = "refused" if are_true(codes, changes + kept_otherwise(before, after, variables)) else "needless"
            detail = said
        elif status in (0, 3):
            module = output if status == 0 else None
            for reading in [version, other] if other else [version]:
                job, answer = self.loader.run(before, module, oracle, reading, version * 77, calls, inits, entries,
                                             "address-escapes" not in said, elsewhere)
                if not answer.startswith("wrong"):
                    break
            kind = answer.split(":")[0]
            detail = answer + (" (exit 3)" if status == 3 else "")
        else:
            kind, detail = "wrong", f"exit status {status}: {said[-300:]}"
        outcome = Outcome(kind, changes, codes, detail, f"{name}-{version}")
        if kind in ("wrong", "needless", "unusable"):
            self._keep(outcome, version, cc, text, after_text, oracle_text, said, job)
        return outcome

    def _keep(self, outcome, version, cc, before, after, oracle, said, job):
        if not self.keep:
            return
        folder = self.keep / outcome.kind / outcome.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "before.c").write_text(before)
        (folder / "after.c").write_text(after)
        (folder / "oracle.c").write_text(oracle)
        lines = [str(cc), f"version {version}", *(f"{c.what}: {c.where}" for c in outcome.changes), outcome.detail,
                 said, job]
        (folder / "what").write_text("\n".join(lines) + "\n")

    def run_written(self, folder, cc):
        """A pair that is written by hand: before.c, after.c and oracle.c. The original says in comments what the entry
        functions are and, after `may:`, which refusals would be true."""
        text = (folder / "before.c").read_text()
        words = {key: line.split() for key, line in HEADER.findall(text)}
        before = cc.compile(self.tools, self.folder / "before", text)
        oracle = toolchain.compiler("gcc", toolchain.ORACLE).compile(self.tools, self.folder / "oracle",
                                                                     (folder / "oracle.c").read_text())
        symbols = self.folder / "symbols"
        toolchain.write_symbols(before, symbols)
        change = Change(folder.name, str(cc), tuple(words.get("may", ())))
        return self._judge(folder.name, 1, cc, before, oracle, symbols, words.get("inits", []),
                           [(name, name) for name in words["entries"]], [change], (folder / "after.c").read_text(),
                           text, (folder / "oracle.c").read_text())

    def close(self):
        self.loader.close()
        self.tools.close()


def written_pairs():
    return sorted(path.parent for path in (pathlib.Path(__file__).resolve().parent / "written").glob("*/before.c"))


def kept_otherwise(before, after, names):
    """What may be refused since a variable that the source leaves alone is not kept in the same form, or in parts that
    the compiler numbers."""
    first, then = (toolchain.data_shapes(path, names) for path in (before, after))
    return [Change("kept otherwise", name, STATICS + CONTENT) for name in first
            if first[name] != then.get(name) or any(part != name for part, _ in first[name])]


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
