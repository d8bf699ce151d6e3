# SPDX-License-Identifier: GPL-2.0-or-later
"""Running our commands in tests, and kernels to run them on."""

import contextlib
import dataclasses
import functools
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "vm"))

import target  # noqa: E402 (the folder of the VM tests is on the path only now)
from boottest.machine import EMULATED  # noqa: E402
from results import Failed  # noqa: E402
from target import cloud_kernel  # noqa: E402

ROOT = target.ROOT
# What klp-build --test finds out in the first boot of each run.
os.environ.setdefault("KLP_VM_ACCEL", EMULATED)
SERIES = ("6.1", "6.12")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a command ended, and all that it said."""

    status: int
    text: str


def command(name, *arguments, timeout=900, **options):
    """Run one of our commands to its end."""
    words = [target.tools_dir() / name, *arguments]
    try:
        result = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                timeout=timeout, check=False, **options)
    except FileNotFoundError as error:
        raise Failed(f"{name} was not built: {error}") from error
    return Outcome(result.returncode, result.stdout)


@functools.cache
def kernel(series):
    """The cloud kernel of a series."""
    return target.fetch(cloud_kernel(series))


def parts(series, **replaced):
    """klp-build's options that name a kernel by its parts; keywords replace or (None) drop one."""
    have = kernel(series).parts
    debug = pathlib.Path(have["vmlinux"]).parents[1]
    named = {"sourcedir": have["source"], "config": have["config"], "vmlinux": have["vmlinux"],
             "modules": debug / "lib/modules" / have["release"], "symvers": have["symvers"]}
    named.update(replaced)
    words = []
    for option, value in named.items():
        if value is not None:
            words += [f"--{option}", str(value)]
    return words


def example(series, name):
    """A patch below patches/."""
    return ROOT / "patches" / series / f"{name}.patch"


@contextlib.contextmanager
def output_folder():
    """A new folder for a test's output, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="klp-test-") as name:
        yield pathlib.Path(name)


def must_end(outcome, *statuses):
    """Raise Failed unless the command ended with one of these statuses."""
    if outcome.status not in statuses:
        wanted = " or ".join(str(status) for status in statuses)
        raise Failed(f"status {outcome.status}, not {wanted}:\n{outcome.text}")


def must_be(what, got, wanted):
    """Raise Failed unless the two are equal; `what` is said of them."""
    if got != wanted:
        raise Failed(f"{what} is {got!r}, not {wanted!r}")


def must_say(outcome, *patterns):
    """Raise Failed unless all these regular expressions match the output (in any case)."""
    for pattern in patterns:
        if not re.search(pattern, outcome.text, re.IGNORECASE | re.MULTILINE):
            raise Failed(f"nothing said about /{pattern}/:\n{outcome.text}")
