# SPDX-License-Identifier: GPL-2.0-or-later
"""What is compiled and run: one program with its changed versions and their oracle, as text."""

import dataclasses
import pathlib
import random
import re

import csmith
import oracle
import printing
import toolchain
from edits import STATICS, Change
from idioms import make_program
from mutate import mutate, other_readings
from program import mark

VERSIONS = 6  # changed versions of one program
WRITTEN = pathlib.Path(__file__).resolve().parent / "written"
HEADER = re.compile(r"^// (entries|inits|may): (.*)$", re.MULTILINE)
WRITTEN_FLAGS = {"gcc": ("-O2", "-mrecord-mcount"), "clang-19": ("-O2",)}


@dataclasses.dataclass
class Version:
    number: int  # what oracle_switch() is told
    text: str
    changes: list
    others: list = ()  # the numbers of others that would be right as well


@dataclasses.dataclass
class Case:
    name: str
    compiler: toolchain.Compiler
    text: str
    oracle: str
    versions: list
    entries: list  # name in the unit, name in the oracle
    inits: list = ()
    variables: dict = dataclasses.field(default_factory=dict)  # size of each of the file, 0: not known
    overridden: list = ()  # weak functions in whose place another unit has one
    calls: int = 40  # before the switch, and after it
    is_alone: bool = False  # no other unit of the kernel has the names of this one
    may_get_lost: bool = False  # left out where the oracle does not get to its end
    keep: callable = None  # makes of its text one in which the compiler keeps every variable


def is_csmith(number):
    """One program of ten is csmith's, where there is one."""
    return number % 10 == 9 and csmith.is_installed()


def make_model(seed, number, without=()):
    """Compiler, program, and [changed program, changes] for each version."""
    rng = random.Random(f"{seed}:{number}")
    base = csmith.generate(rng.randrange(1, 1 << 31)) if is_csmith(number) else make_program(rng, without)
    if not is_csmith(number):
        mark(base)
    installed = toolchain.compilers()
    name = installed[-1] if rng.randrange(3) == 0 else installed[0]
    compiler = toolchain.compiler(name, toolchain.flags_for(rng, name))
    if is_csmith(number):
        return compiler, base, [csmith.mutate(rng, base) for _ in range(VERSIONS)]
    return compiler, base, [mutate(rng, base, without) for _ in range(VERSIONS)]


def case_of(name, compiler, base, versions):
    """The Case of a program and its changed versions."""
    if isinstance(base, csmith.Text):
        return _csmith_case(name, compiler, base, versions)
    text = printing.print_unit(base)
    readings = [after for after, _ in versions]
    made = [Version(number, printing.print_unit(after), changes)
            for number, (after, changes) in enumerate(versions, 1)]
    for version in made:
        others = other_readings(base, readings[version.number - 1])
        version.others = list(range(len(readings) + 1, len(readings) + 1 + len(others)))
        readings += others
    functions = base.functions()
    return Case(name, compiler, text, oracle.print_oracle(base, readings),
                [version for version in made if version.changes],
                [(func.name, f"d{(func.alias_of or func).uid}") for func in functions
                 if func.is_entry and not func.is_init],
                inits=[func.name for func in functions if func.is_init and func.is_entry],
                variables={var.name: 4 if var.ctype == "u32" and not var.count else 0 for var in base.file_variables()},
                overridden=[func.name for func in functions if func.overridden])


def _csmith_case(name, compiler, base, versions):
    # A change of its text may leave a variable without a write or a read.
    made = [Version(number, after.unit(), [Change(f"csmith: {word.split(' (')[0]}", word, STATICS) for word in words])
            for number, (after, words) in enumerate(versions, 1)]
    return Case(name, compiler, base.unit(), csmith.oracle([base, *(after for after, _ in versions)]),
                [version for version in made if version.changes], [("entry", "entry")],
                variables=dict.fromkeys(csmith.GLOBAL_NAME.findall(base.head), 0), calls=3, may_get_lost=True,
                keep=csmith.keep_variables)


def written_cases():
    """[folder, compiler's name] of the pairs that are written by hand."""
    return [(path.parent, compiler) for path in sorted(WRITTEN.glob("*/before.c"))
            for compiler in toolchain.compilers()]


def written_case(folder, compiler):
    """before.c, after.c and oracle.c. The original says in comments what the entry functions are and, after `may:`,
    which refusals would be true."""
    text = (folder / "before.c").read_text()
    words = {key: line.split() for key, line in HEADER.findall(text)}
    change = Change(folder.name, compiler, tuple(words.get("may", ())))
    return Case(f"{folder.name}-{compiler}", toolchain.compiler(compiler, WRITTEN_FLAGS[compiler]), text,
                (folder / "oracle.c").read_text(), [Version(1, (folder / "after.c").read_text(), [change])],
                [(name, name) for name in words["entries"]], inits=words.get("inits", []), is_alone=True)
