# SPDX-License-Identifier: GPL-2.0-or-later
"""One boot of a test: its steps, how each went, and all that was said."""

import contextlib
import re
import time

from .kernellog import complaints
from .machine import MachineError

_TASK_SECONDS = 300


class StepFailed(Exception):
    """A step did not go as it must; what there is to know is in the run's last entry of `steps`."""


class Run:
    """A machine under test; use it as a context manager."""

    def __init__(self, name, machine, allow=()):
        self.name = name
        self.steps = []
        self._allow = allow
        self._machine = machine

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self._machine.close()

    @property
    def machine(self):
        return self._machine

    @contextlib.contextmanager
    def step(self, name):
        """One entry of `steps`, a dict to add to; of MachineError becomes StepFailed."""
        entry = {"name": name, "passed": True, "seconds": 0.0, "text": ""}
        self.steps.append(entry)
        started = time.monotonic()
        try:
            yield entry
        except MachineError as error:
            entry["text"] = str(error)
            self.fail()
        finally:
            entry["seconds"] = round(time.monotonic() - started, 2)

    def fail(self, text=""):
        """The step that is under way, or was the last, has failed."""
        entry = self.steps[-1]
        entry["passed"] = False
        entry["text"] = text or entry["text"]
        raise StepFailed(entry["text"])

    def do(self, name, command):
        """A step that is one command in the guest, which must succeed. Returns its output."""
        with self.step(name) as entry:
            entry["text"] = self._machine.run(command, timeout=_TASK_SECONDS)
        return entry["text"]

    def try_to(self, name, command):
        """A step that is one command which may fail for reasons of its own. Returns whether it succeeded."""
        with self.step(name) as entry:
            status, entry["text"] = self._machine.try_run(command, timeout=_TASK_SECONDS)
        return status == 0

    def complaints(self):
        """What the kernel complained of since the last call."""
        lines = self._machine.run("dmesg -c").splitlines()
        return complaints(lines, self._allow)

    def transcript(self):
        """Lines of all that was said, as it came."""
        text = "".join(text if text.endswith("\n") else text + "\n" for _, text in _joined(self._machine.transcript))
        return [_PLAIN.sub("", line) for line in text.splitlines()]


_PLAIN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def _joined(transcript):
    """Consecutive pieces from one source as one."""
    joined = []
    for source, text in transcript:
        if joined and joined[-1][0] == source:
            joined[-1] = (source, joined[-1][1] + text)
        else:
            joined.append((source, text))
    return joined
